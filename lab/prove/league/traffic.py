"""Makes the plan happen: customers order payments when they are due, and faults strike the entrant."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from lab.network.parts.errors import PartError
from lab.prove.league.arena import Arena, Repeater
from lab.prove.league.contract_client import ContractBroken, ContractClient, ContractRefused, ContractUnreachable
from lab.prove.league.entrant_process import EntrantProcess
from lab.prove.league.plan import Fault, FaultKind, Order, OrderKind, Plan
from lab.read.rest import Refused, Unreachable

SENDERS_TO_ENTRANT: Final = 32
"""So many that those who wait for a frozen bank do not keep the others from ordering."""
SENDERS_TO_OTHER_BANK: Final = 8
RETRY_SECONDS: Final = 0.3
ORDERS_END_SECONDS: Final = 5.0
"""After the last order: until then an order that had no answer is repeated."""
PROBLEMS_MAX: Final = 20


@dataclass(slots=True)
class Ordered:
    """What became of an order at the bank that was asked."""

    order: Order
    transfer_id: str | None = None
    refused: bool = False
    attempts: int = 0


@dataclass(slots=True)
class Account:
    """An account of the entrant that the league has opened."""

    number: str
    key: str
    opening_centavos: int


@dataclass(slots=True)
class Struck:
    """A fault as it happened, in milliseconds since the first order was due."""

    kind: FaultKind
    from_ms: int
    to_ms: int


@dataclass(slots=True)
class Course:
    """What happened in a turn."""

    began_ms: int = 0
    """Of the clock on the wall."""
    ordered: list[Ordered] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Answers that break the contract, the first ones."""


class Traffic:
    def __init__(
        self,
        plan: Plan,
        arena: Arena,
        process: EntrantProcess,
        contract: ContractClient,
        accounts: Sequence[Account],
        broke: Account | None,
        progress: Callable[[str], None],
    ) -> None:
        """`accounts` are those of the plan's customers; `broke` is one without money."""
        self._plan = plan
        self._arena = arena
        self._process = process
        self._contract = contract
        self._accounts = accounts
        self._broke = broke
        self._progress = progress
        self._lock = threading.Lock()
        self._began = 0.0
        self._orders_end = 0.0
        self.course = Course()

    def run(self, stop: threading.Event, repeater: Repeater) -> Course:
        """Orders everything; returns when each order is answered or given up, and every fault is over."""
        self._began = time.monotonic()
        self.course.began_ms = time.time_ns() // 1_000_000
        self._orders_end = self._began + self._plan.seconds + ORDERS_END_SECONDS
        self._contract.end_by(self._orders_end)
        striking = threading.Thread(target=self._strike, args=(stop, repeater), daemon=True)
        striking.start()
        with (
            ThreadPoolExecutor(SENDERS_TO_ENTRANT) as to_entrant,
            ThreadPoolExecutor(SENDERS_TO_OTHER_BANK) as to_other_bank,
        ):
            sent: list[Future[None]] = []
            try:
                for order in self._plan.orders:
                    self._pause_until(order.at_ms, stop)
                    if order.kind.is_receipt:
                        sent.append(to_other_bank.submit(self._receive, order, stop))
                    else:
                        sent.append(to_entrant.submit(self._pay, order, stop))
            except BaseException:
                # Interrupted: no order is repeated, and no answer awaited.
                stop.set()
                self._contract.end_by(time.monotonic())
                raise
        striking.join()
        for each in sent:
            each.result()
        return self.course

    def _pause_until(self, at_ms: int, stop: threading.Event) -> bool:
        """True when the league is being stopped."""
        return stop.wait(max(0.0, self._began + at_ms / 1000 - time.monotonic()))

    def _now_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    # Orders.

    def _pay(self, order: Order, stop: threading.Event) -> None:
        ordered = self._note(order)
        account = self._broke if order.kind is OrderKind.PAY_WITHOUT_MONEY else self._account(order)
        if account is None:
            return
        times = 2 if order.kind is OrderKind.PAY_TWICE else 1
        for _ in range(times):
            self._ask_to_pay(ordered, account.number, self._payee_key(order), stop)

    def _ask_to_pay(self, ordered: Ordered, account: str, key: str, stop: threading.Event) -> None:
        order = ordered.order
        name = f"league-{self._plan.digest}-{order.number}"
        while time.monotonic() < self._orders_end and not self._process.is_down_for_good:
            ordered.attempts += 1
            try:
                found = self._contract.pay(account, key, order.amount_centavos, name, name)
            except ContractUnreachable:
                if stop.wait(RETRY_SECONDS):
                    return
                continue
            except ContractRefused:
                ordered.refused = True
                return
            except ContractBroken as problem:
                self._complain(str(problem))
                return
            if ordered.transfer_id not in (None, found):
                self._complain(
                    f"POST /transfers: one idempotency key has two transfers, {ordered.transfer_id}, {found}"
                )
            ordered.transfer_id = found
            return

    def _receive(self, order: Order, stop: threading.Event) -> None:
        ordered = self._note(order)
        account = self._account(order)
        if account is None:
            return
        name = f"league-{order.number}"
        payer = self._arena.customers.payer.account_number
        while time.monotonic() < self._orders_end:
            ordered.attempts += 1
            try:
                row = self._arena.other_bank.pay(payer, "EMAIL", account.key, order.amount_centavos, name, name)
            except Refused:
                ordered.refused = True
            except Unreachable:
                if stop.wait(RETRY_SECONDS):
                    return
                continue
            else:
                ordered.transfer_id = str(row["end_to_end_id"])
            return

    def _account(self, order: Order) -> Account | None:
        """None where the entrant has opened no account for this customer."""
        return self._accounts[order.customer] if order.customer < len(self._accounts) else None

    def _payee_key(self, order: Order) -> str:
        customers = self._arena.customers
        match order.kind:
            case OrderKind.PAY_BLOCKED:
                return customers.blocked.keys[0].key
            case OrderKind.PAY_CLOSED:
                return customers.closed.keys[0].key
            case OrderKind.PAY_LATE:
                return customers.late.keys[0].key
            case OrderKind.PAY_UNKNOWN:
                return f"unknown-{order.number}@league.example"
            case _:
                return customers.friend_key(order.number).key

    def _note(self, order: Order) -> Ordered:
        ordered = Ordered(order)
        with self._lock:
            self.course.ordered.append(ordered)
        return ordered

    def _complain(self, problem: str) -> None:
        with self._lock:
            if problem not in self.course.problems and len(self.course.problems) < PROBLEMS_MAX:
                self.course.problems.append(problem)

    # Faults.

    def _strike(self, stop: threading.Event, repeater: Repeater) -> None:
        """Kills and freezes do not overlap; duplicates go on beside them."""
        steps: list[tuple[int, Callable[[], None]]] = []
        for fault in self._plan.faults:
            if fault.kind is FaultKind.DUPLICATES:
                steps += [
                    (fault.at_ms, lambda: repeater.switch(on=True)),
                    (fault.end_ms, lambda: repeater.switch(on=False)),
                ]
                self.course.struck.append(Struck(fault.kind, fault.at_ms, fault.end_ms))
            else:
                steps += [
                    (fault.at_ms, self._beginning(fault)),
                    (fault.end_ms, self._ending(fault)),
                ]
        for at_ms, step in sorted(steps, key=lambda each: each[0]):
            if self._pause_until(at_ms, stop):
                return
            step()

    def _beginning(self, fault: Fault) -> Callable[[], None]:
        def begin() -> None:
            self._progress(f"{fault.kind} at {fault.at_ms / 1000:.1f} s for {fault.for_ms / 1000:.1f} s")
            try:
                if fault.kind is FaultKind.KILL:
                    self._process.kill()
                else:
                    self._process.freeze()
            except PartError as error:
                self._complain(str(error).splitlines()[0])
            self.course.struck.append(Struck(fault.kind, self._now_ms(), fault.end_ms))

        return begin

    def _ending(self, fault: Fault) -> Callable[[], None]:
        def end() -> None:
            if fault.kind is FaultKind.KILL:
                self._process.revive()
            else:
                self._process.thaw()
            self.course.struck[-1].to_ms = self._now_ms()

        return end
