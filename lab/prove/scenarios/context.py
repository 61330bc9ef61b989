"""The context of a scenario: the network and its supervisor, payments, steps and checks."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from lab.drive.customers import Population
from lab.drive.payments import (
    AMOUNT_CENTAVOS_MAX,
    AMOUNT_CENTAVOS_MIN,
    Payment,
    PaymentDriver,
    PaymentStream,
    payment,
    read_outcomes,
)
from lab.network.network import RunningBank
from lab.network.parts.errors import PartNotReady
from lab.network.parts.process import wait_until
from lab.network.run import Run
from lab.network.supervisor import PartAction, Supervisor
from lab.read.rest import Json, Unreachable

POLL_SECONDS: Final = 0.1
BACK_SECONDS_MAX: Final = 120.0
"""Until a part that was started again is ready."""
COMPLETE_SECONDS_MAX: Final = 60.0
RETRY_SECONDS_MAX: Final = 90.0
"""Payments to a bank that is down are retried for so long."""
SENDERS: Final = 8


class ScenarioFailed(Exception):
    """The network does not do what it must; the text says what was waited for."""


class ScenarioInterrupted(Exception):
    """The scenario was stopped."""


class ScenarioContext:
    def __init__(
        self,
        run: Run,
        supervisor: Supervisor,
        random: Random,
        on_step: Callable[[str, tuple[object, ...]], None],
        ends: threading.Event,
        pace: float = 0.0,
    ) -> None:
        """`random` chooses who is paid and how much; `on_step` is given each step; `ends` interrupts.

        `pace` is how much of the pauses for people is kept: 1 for an audience, 0 without one.
        """
        self.network = run.network
        self.supervisor = supervisor
        self.rest = run.rest
        self.reader = run.reader
        self.hub = run.reader.hub
        self.population = Population.of(run.rest)
        self.random = random
        self.ends = ends
        self.failures: list[str] = []
        self.numbers: dict[str, int] = {}
        self.streams: list[PaymentStream] = []
        self._payments_made = 0
        self._run = secrets.token_hex(8)
        """Makes this run's idempotency keys differ from those of earlier runs."""
        self._on_step = on_step
        self._pace = pace
        self._driver = PaymentDriver(run.rest, RETRY_SECONDS_MAX, SENDERS)
        # Customers who still wait for an answer get none once the banks are gone.
        run.afterwards.callback(self._driver.close)

    # Steps and checks.

    def report_step(self, text: str, *values: object) -> None:
        """Reports a step; `values` stand where the text has `{}`."""
        self._on_step(text, values)

    def check(self, is_so: bool, sentence: str) -> None:
        """Adds the sentence to the failures unless `is_so`; the scenario goes on."""
        if not is_so:
            self.failures.append(sentence)

    def await_(self, condition: Callable[[], bool], seconds_max: float, what: str) -> None:
        """Waits until it is so; a service that does not answer meanwhile is waited for. Raises `ScenarioFailed`."""
        try:
            wait_until(
                condition, seconds_max, what, poll_seconds=POLL_SECONDS, pause=self.wait, retry_on=(Unreachable,)
            )
        except PartNotReady as failure:
            raise ScenarioFailed(str(failure)) from None

    def wait(self, seconds: float) -> None:
        if self.ends.wait(seconds):
            raise ScenarioInterrupted

    def pause(self, seconds: float) -> None:
        """Waits for an audience to look, as long as the pace says."""
        self.wait(seconds * self._pace)

    # Parts.

    @property
    def banks(self) -> list[RunningBank]:
        return self.network.banks

    def kill(self, *names: str) -> None:
        """SIGKILL, all of these one right after the other; they stay down."""
        for name in names:
            self.supervisor.act(name, PartAction.KILL, hold=True)

    def start(self, *names: str) -> None:
        """Starts these, in this order, and waits until the whole network is ready."""
        for name in names:
            self.supervisor.act(name, PartAction.START)
        self.await_ready()

    def kill_broker(self) -> None:
        """SIGKILL, where no client is left whom another address could confuse; the embedded one loses its log."""
        broker = self.network.broker
        self.supervisor.hold(broker.name)
        broker.kill()

    def start_broker(self) -> None:
        """Starts it, wherever it then is, and waits until it is ready."""
        self.network.broker.start()
        self.supervisor.release(self.network.broker.name)

    @contextmanager
    def timeout(self, seconds: float) -> Iterator[None]:
        """The hub has this timeout while the block runs, and then the one that it had. Starts it anew twice."""
        usual = self.network.transfer_timeout_seconds
        try:
            self._restart_hubs(seconds)
            yield
        finally:
            self._restart_hubs(usual)

    def _restart_hubs(self, timeout_seconds: float | None) -> None:
        self.network.transfer_timeout_seconds = timeout_seconds
        for hub in self.network.hubs:
            # The supervisor restarts it, with the environment of that moment.
            self.supervisor.act(hub.name, PartAction.KILL)
        self.await_ready()

    def await_ready(self) -> None:
        services = self.network.services
        self.await_(lambda: all(each.is_ready() for each in services), BACK_SECONDS_MAX, "all parts to be ready")

    @contextmanager
    def behaving(self, bank: RunningBank, **switches: Any) -> Iterator[None]:
        rest = self.rest[bank.code]
        usual = rest.get("/behaviour")
        rest.call("PUT", "/behaviour", json={**usual, **switches})
        try:
            yield
        finally:
            rest.call("PUT", "/behaviour", json=usual)

    # Customers.

    def payments(
        self,
        count: int,
        payers: Sequence[RunningBank] | None = None,
        payees: Sequence[RunningBank] | None = None,
        expected: str = "completed",
    ) -> list[Payment]:
        """Payments from customers of the one banks to customers of the others, in turn; each of all banks if none."""
        pairs = [(payer, payee) for payer in payers or self.banks for payee in payees or self.banks]
        first, self._payments_made = self._payments_made, self._payments_made + count
        made = []
        for number in range(count):
            payer, payee = pairs[number % len(pairs)]
            made.append(
                payment(
                    self.population.rich(payer.code),
                    self.random.choice(self.population.friends(payee.code)),
                    self.random.randint(AMOUNT_CENTAVOS_MIN, AMOUNT_CENTAVOS_MAX),
                    f"{self._run}-{first + number}",
                    expected,
                )
            )
        return made

    def send(self, payments: Sequence[Payment], per_second: float | None = None) -> PaymentStream:
        """Customers begin to pay; goes on at once."""
        stream = self._driver.start(payments, per_second)
        self.streams.append(stream)
        return stream

    def await_sent(self, *streams: PaymentStream) -> None:
        """Waits until banks have answered all of these."""
        try:
            self.await_(
                lambda: all(each.is_done for each in streams), RETRY_SECONDS_MAX, "every payment to be answered"
            )
        except Unreachable as failure:
            raise ScenarioFailed(str(failure)) from failure

    def await_outcomes(self, *streams: PaymentStream) -> None:
        """Waits until these are final at the hub, whatever has become of them."""
        self.await_sent(*streams)
        ids = {end_to_end_id for each in streams for end_to_end_id in each.ids}
        self.await_(
            lambda: not ids & self.open_ids() and all(self.find(each) is not None for each in ids),
            COMPLETE_SECONDS_MAX,
            "every payment to be final",
        )

    def open_ids(self) -> set[str]:
        """Transfers of which the hub is still owed something."""
        return {row["end_to_end_id"] for row in self.hub.transfers(open_only=True)}

    def pending(self, stream: PaymentStream) -> int:
        ids = stream.ids
        return sum(
            1
            for row in self.hub.transfers(open_only=True)
            if row["status"] == "pending" and row["end_to_end_id"] in ids
        )

    def find(self, end_to_end_id: str) -> Json | None:
        """The hub's row, with its history; None when it does not know it."""
        return self.reader.find_transfer(end_to_end_id)

    def compare_outcomes(self) -> None:
        """Compares each payment's outcome with the expected one, and fills in the numbers."""
        sent = [each for stream in self.streams for each in stream.sent]
        found = read_outcomes(self.hub, sent)
        self.failures += [f"{each}." for each in found.unexpected]
        self.numbers |= {"payments": len(sent), **{f"payments_{name}": n for name, n in found.by_outcome.items()}}
        self.numbers |= {"duplicates_ignored": found.duplicates, "longest_ms": found.longest_ms}
        self.numbers["customers_asked_again"] = sum(each.retries for each in sent)
