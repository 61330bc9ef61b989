"""Payments at a steady rate between all banks, each retried until its bank has answered."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from queue import Empty, Full, Queue
from random import Random
from typing import Final

from lab.drive.bank_connection import BankConnection
from lab.drive.customers import Population
from lab.drive.generator.outcomes import OutcomePoller
from lab.drive.generator.plan import Orders, TrafficPlan, check_plan
from lab.drive.generator.tally import Counts, Tally
from lab.drive.payments import Payment, PaymentDriver
from lab.read.rest import BankRest, HubRest, NotAllowed, Unreachable

SENDERS_PER_BANK: Final = 6
WAITING_MAX: Final = 1_000
"""Orders that wait for one bank; further ones are dropped."""
TICK_SECONDS: Final = 0.02
QUEUE_SECONDS: Final = 0.5
STANDSTILL_SECONDS_MAX: Final = 1.0
"""Of this machine: what was not ordered during a longer one is not made up for."""


@dataclass(frozen=True, slots=True)
class TrafficFigures:
    is_running: bool
    is_held_back: bool
    """It runs, but is paused."""
    plan: TrafficPlan
    waiting: int
    """Customers whose bank has not answered."""
    counts: Counts


Work = Callable[[threading.Event], None]
"""Runs in a thread of its own until it is told to stop."""


class Generator:
    """One for a network; thread-safe. Its threads are started with the first payments."""

    def __init__(
        self,
        hub: HubRest,
        rest: Mapping[str, BankRest],
        operator_password: str,
        in_background: Callable[[Work], object],
    ) -> None:
        """`rest` are the banks' APIs by code; `in_background` starts a thread."""
        self._rest = rest
        self._in_background = in_background
        self._has_threads = False
        self._password = operator_password
        self._tally = Tally()
        self._outcome_poller = OutcomePoller(hub, self._tally)
        self._lock = threading.Lock()
        self._plan = check_plan(TrafficPlan(), list(rest))
        self._orders: Orders | None = None
        self._is_running = False
        self._pauses = 0
        self._queues: dict[str, Queue[Payment]] = {code: Queue(WAITING_MAX) for code in rest}
        self._unanswered: dict[str, int] = dict.fromkeys(rest, 0)

    def start(self, plan: TrafficPlan) -> None:
        """From now on such payments are made. Raises `PlanRefused`, and `Unreachable` when a bank does not answer."""
        checked = check_plan(plan, list(self._rest))
        orders = Orders(checked, Population.of(self._rest), Random())
        with self._lock:
            self._plan, self._orders, self._is_running = checked, orders, True
            is_first, self._has_threads = not self._has_threads, True
        if is_first:
            for work in self._works():
                self._in_background(work)

    def stop(self) -> None:
        """No more payments; transfers that are under way are followed to their end."""
        with self._lock:
            self._is_running = False
        self._drop_waiting()

    def pause(self) -> None:
        """No payments until `resume`, which must follow."""
        with self._lock:
            self._pauses += 1
        self._drop_waiting()

    def resume(self) -> None:
        with self._lock:
            self._pauses -= 1

    def figures(self) -> TrafficFigures:
        counts = self._tally.counts()
        with self._lock:
            return TrafficFigures(
                is_running=self._is_running,
                is_held_back=self._is_running and self._pauses > 0,
                plan=self._plan,
                waiting=sum(self._unanswered.values()) + sum(queue.qsize() for queue in self._queues.values()),
                counts=counts,
            )

    def _works(self) -> list[Work]:
        senders = [
            partial(self._send_for, code, BankConnection(bank.name, bank.url, self._password))
            for code, bank in self._rest.items()
            for _ in range(SENDERS_PER_BANK)
        ]
        return [self._order, self._outcome_poller.run, *senders]

    def _order(self, stop: threading.Event) -> None:
        """Makes customers want to pay, evenly in time."""
        due = 0.0
        last = time.monotonic()
        while not stop.wait(TICK_SECONDS):
            now = time.monotonic()
            with self._lock:
                orders = self._orders if self._is_running and self._pauses == 0 else None
                rate = self._plan.rate_per_second
            due += min(now - last, STANDSTILL_SECONDS_MAX) * rate
            last = now
            if orders is None:
                due = 0.0
            else:
                for _ in range(int(due)):
                    self._queue(orders.make())
                due %= 1

    def _queue(self, order: Payment) -> None:
        try:
            self._queues[order.payer_bank].put_nowait(order)
        except Full:
            self._tally.turned_away()

    def _drop_waiting(self) -> None:
        for queue in self._queues.values():
            while True:
                try:
                    queue.get_nowait()
                except Empty:
                    break

    def _send_for(self, code: str, bank: BankConnection, stop: threading.Event) -> None:
        """Sends orders to one bank, one after the other over one connection."""
        driver = PaymentDriver({code: bank}, math.inf, stop=stop)
        with closing(bank):
            while not stop.is_set():
                try:
                    order = self._queues[code].get(timeout=QUEUE_SECONDS)
                except Empty:
                    continue
                with self._lock:
                    self._unanswered[code] += 1
                try:
                    self._send(order, driver)
                finally:
                    with self._lock:
                        self._unanswered[code] -= 1

    def _send(self, order: Payment, driver: PaymentDriver) -> None:
        try:
            sent = driver.send(order)
        except NotAllowed:
            self._tally.refused(order, "not-allowed")
        except Unreachable:
            # The lab stops.
            return
        else:
            if sent.end_to_end_id is None:
                self._tally.refused(order, sent.refusal or "")
            else:
                self._tally.taken(order, sent.end_to_end_id, time.time_ns() // 1_000_000)
