"""Runs a transfer step by step: one process at a time runs until its step has happened, and is frozen again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.classroom.steps import STEPS, Actor, Example, StepKind, WalkthroughStep
from lab.drive.customers import Customer, Population
from lab.drive.payments import PaymentDriver, payment
from lab.network.network import RunningBank
from lab.network.parts.errors import PartNotReady
from lab.network.parts.process import wait_until
from lab.network.run import Run
from lab.network.services import Service
from lab.read.audit import AuditReport
from lab.read.rest import BankRest, Json, Refused, Unreachable
from lab.read.tap import Tap, message_of
from pix.scheme.messages import Message
from pix.web.marks import translatable
from pix.wire.record import HEADER_SENDER, Record

STEP_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.05
POLL_MESSAGES_SECONDS: Final = 0.05
QUIET_SECONDS_MAX: Final = 30.0
AUDIT_SECONDS_MAX: Final = 20.0
AMOUNTS_CENTAVOS: Final[Mapping[Example, int]] = {Example.COMPLETES: 125_00, Example.FAILS: 80_00}
POSTINGS_LOOKED_AT: Final = 50


class StepTimedOut(Exception):
    """A step did not happen in its time; the sentence says which. Start over."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


class StepInProgress(Exception):
    rule = translatable("The step is still running.")


class NoNextStep(Exception):
    rule = translatable("This was the last step. Start over to see it again.")


@dataclass(frozen=True, slots=True)
class ObservedMessage:
    step: int
    """In which step it was said."""
    message: Message
    sender: str
    """An ISPB, or `hub`."""
    topic: str


@dataclass(frozen=True, slots=True)
class PostingFacts:
    """A line of a bank's books that this transfer has made."""

    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int


@dataclass(frozen=True, slots=True)
class SideFacts:
    code: str
    name: str
    color: str
    customer: str
    account_number: str
    balance_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    status: str
    """Of the transfer here; empty while the bank does not know it."""
    reason: str
    postings: tuple[PostingFacts, ...]


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """A settlement account at the hub."""

    code: str
    balance_centavos: int
    reserved_centavos: int


@dataclass(frozen=True, slots=True)
class HubFacts:
    status: str
    reason: str
    is_closed: bool
    accounts: tuple[AccountFacts, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    payer: SideFacts
    hub: HubFacts
    payee: SideFacts


@dataclass(frozen=True, slots=True)
class WalkthroughState:
    number: int
    """Of the step, from 0."""
    end_to_end_id: str = ""
    observed: tuple[ObservedMessage, ...] = ()
    facts: Facts | None = None
    before: Facts | None = None
    """The books one step earlier."""
    report: AuditReport | None = None
    is_moving: bool = False
    failure: str = ""

    @property
    def step(self) -> WalkthroughStep:
        return STEPS[self.number]

    @property
    def is_over(self) -> bool:
        return self.number == len(STEPS) - 1


@dataclass(frozen=True, slots=True)
class _Parties:
    payer_bank: RunningBank
    payee_bank: RunningBank
    payer: Customer
    payee: Customer


class Walkthrough:
    """One for a network whose roles are split; thread-safe."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._network = run.network
        self._moving = threading.Lock()
        self._lock = threading.Lock()
        self._state = WalkthroughState(0)
        self._tap: Tap | None = None
        self._parties: _Parties
        self._runs = 0

    @property
    def state(self) -> WalkthroughState:
        with self._lock:
            return self._state

    def begin(self) -> None:
        """Goes back to the first step, with a new transfer.

        Raises `StepInProgress`, `StepTimedOut`, `Unreachable`, `PartError`.
        """
        self._move(self._begin)

    def next(self) -> None:
        """Runs the next step.

        Raises `StepInProgress`, `NoNextStep`, `StepTimedOut`, `Unreachable`, `PartError`.
        """
        if self.state.is_over:
            raise NoNextStep
        self._move(self._next)

    def _move(self, work: Callable[[], None]) -> None:
        if not self._moving.acquire(blocking=False):
            raise StepInProgress
        try:
            self._change(is_moving=True, failure="")
            work()
        except (StepTimedOut, Unreachable, Refused) as error:
            self._change(failure=str(error))
            raise
        finally:
            self._change(is_moving=False)
            self._moving.release()

    # The beginning, and each step.

    def _begin(self) -> None:
        for service in self._consumers():
            service.thaw()
        if not self._run.reader.wait_for_quiet(QUIET_SECONDS_MAX):
            raise StepTimedOut("What was under way before does not come to its end.")
        if self._tap is None:
            self._tap = Tap(self._network.broker.bootstrap_servers, [bank.code for bank in self._network.banks])
            self._run.afterwards.callback(self._tap.close)
        self._freeze_consumers()
        self._runs += 1
        self._prepare_example(Example.COMPLETES, 0)

    def _next(self) -> None:
        number = self.state.number + 1
        step = STEPS[number]
        self._freeze_consumers()
        before = self.state.facts
        match step.kind:
            case StepKind.BEFORE:
                self._prepare_example(step.example, number)
                return
            case StepKind.AUDIT:
                self._audit(number)
                return
            case StepKind.PAY:
                self._pay(step.example, number)
            case _:
                self._run_actor(step, number)
        self._change(number=number, facts=self._facts(), before=before)

    def _prepare_example(self, example: Example, number: int) -> None:
        self._collect_messages(number)
        population = Population.of(self._run.rest)
        payer_bank, payee_bank = self._network.banks[0], self._network.banks[-1]
        friends = population.friends(payee_bank.code)
        payee = friends[0] if example is Example.COMPLETES else population.blocked(payee_bank.code)
        self._parties = _Parties(payer_bank, payee_bank, population.rich(payer_bank.code), payee)
        self._change(number=number, end_to_end_id="", observed=(), before=None, report=None)
        self._change(facts=self._facts())

    def _pay(self, example: Example, number: int) -> None:
        parties = self._parties
        order = payment(parties.payer, parties.payee, AMOUNTS_CENTAVOS[example], f"story-{self._runs}-{time.time_ns()}")
        sent = PaymentDriver(self._run.rest).send(order)
        if sent.refused is not None:
            raise sent.refused
        self._change(end_to_end_id=sent.end_to_end_id)
        self._await(number, "the payer's bank to ask the hub", lambda: self._has_sent("TransferRequested", 1))

    def _run_actor(self, step: WalkthroughStep, number: int) -> None:
        actor = {
            Actor.HUB: self._network.hub_consumers[0],
            Actor.PAYER: self._parties.payer_bank.consumer,
            Actor.PAYEE: self._parties.payee_bank.consumer,
        }[step.actor]
        assert actor is not None, "the network's roles are split"
        is_done, what = self._end_of(step)
        actor.thaw()
        try:
            self._await(number, what, is_done)
        finally:
            actor.freeze()

    def _end_of(self, step: WalkthroughStep) -> tuple[Callable[[], bool], str]:
        """When a step has happened: what is durable, and what has been said."""
        completes = step.example is Example.COMPLETES
        match step.kind:
            case StepKind.OFFER:
                return lambda: self._has_sent("TransferOffered", 1), "the hub to offer the transfer"
            case StepKind.ANSWER:
                answer = "TransferAccepted" if completes else "TransferRejected"
                return lambda: self._has_sent(answer, 1), "the payee's bank to answer"
            case StepKind.DECIDE:
                decision = "TransferConfirmed" if completes else "TransferFailed"
                return lambda: self._has_sent(decision, 2), "the hub to decide"
            case StepKind.PAYEE_BOOKS:
                return lambda: self._has_sent("OutcomeProcessed", 1), "the payee's bank to book it"
            case StepKind.PAYER_BOOKS:
                return lambda: self._has_sent("OutcomeProcessed", 2), "the payer's bank to book it"
            case _:
                return self._is_closed, "the hub to close the transfer"

    def _audit(self, number: int) -> None:
        for service in self._consumers():
            service.thaw()
        report = self._run.reader.audit(AUDIT_SECONDS_MAX)
        self._freeze_consumers()
        self._change(number=number, before=self.state.facts, facts=self._facts(), report=report)

    # What it can tell by.

    def _await(self, number: int, what: str, is_done: Callable[[], bool]) -> None:
        def has_happened() -> bool:
            self._collect_messages(number)
            return is_done()

        def pause(seconds: float) -> None:
            if self._run.ends.wait(seconds):
                raise PartNotReady(f"The lab stopped while it waited for {what}.")

        try:
            wait_until(has_happened, STEP_SECONDS_MAX, what, poll_seconds=POLL_SECONDS, pause=pause)
        except PartNotReady as failure:
            raise StepTimedOut(str(failure)) from None

    def _collect_messages(self, number: int) -> None:
        assert self._tap is not None, "opened at the beginning"
        state = self.state
        known = {(each.topic, repr(each.message)) for each in state.observed}
        new = []
        for record in self._tap.poll_records(POLL_MESSAGES_SECONDS):
            observed = _observed(record, number)
            if observed is None or observed.message.record_key != state.end_to_end_id:
                continue
            place = (observed.topic, repr(observed.message))
            if place not in known:
                known.add(place)
                new.append(observed)
        if new:
            self._change(observed=(*state.observed, *new))

    def _has_sent(self, message: str, times: int) -> bool:
        return sum(type(each.message).__name__ == message for each in self.state.observed) >= times

    def _is_closed(self) -> bool:
        row = self._run.reader.find_transfer(self.state.end_to_end_id)
        return row is not None and row["closed_at_ms"] is not None

    def _facts(self) -> Facts:
        parties, name = self._parties, self.state.end_to_end_id
        row = self._run.reader.find_transfer(name) if name else None
        accounts = {str(each["ispb"]): each for each in self._run.reader.hub.settlement_accounts()}
        return Facts(
            payer=self._side(parties.payer_bank, parties.payer, "outgoing"),
            hub=HubFacts(
                status="" if row is None else str(row["status"]),
                reason="" if row is None else str(row["reason"] or ""),
                is_closed=row is not None and row["closed_at_ms"] is not None,
                accounts=tuple(
                    AccountFacts(
                        bank.code,
                        accounts[bank.ispb]["balance_centavos"],
                        accounts[bank.ispb]["reserved_centavos"],
                    )
                    for bank in (parties.payer_bank, parties.payee_bank)
                ),
            ),
            payee=self._side(parties.payee_bank, parties.payee, "incoming"),
        )

    def _side(self, bank: RunningBank, customer: Customer, direction: str) -> SideFacts:
        rest, name = self._run.rest[bank.code], self.state.end_to_end_id
        books = rest.books()
        account = rest.get(f"/accounts/{customer.account_number}")
        row = _transfer_of(rest, name, direction) if name else None
        page = rest.get("/postings", size=POSTINGS_LOOKED_AT)["postings"]
        return SideFacts(
            code=bank.code,
            name=bank.spec.name,
            color=bank.spec.color,
            customer=customer.name,
            account_number=customer.account_number,
            balance_centavos=account["balance_centavos"],
            clearing_centavos=books["clearing_centavos"],
            settlement_centavos=books["settlement_centavos"],
            status="" if row is None else str(row["status"]),
            reason="" if row is None else str(row["reason"] or ""),
            postings=tuple(
                PostingFacts(line["kind"], line["debit_account"], line["credit_account"], line["amount_centavos"])
                for line in reversed(page)
                if name and line["end_to_end_id"] == name and line["direction"] == direction
            ),
        )

    # Standing still.

    def _consumers(self) -> Sequence[Service]:
        banks = [bank.consumer for bank in self._network.banks if bank.consumer is not None]
        return [*self._network.hub_consumers, *banks]

    def _freeze_consumers(self) -> None:
        """Everybody who reads messages; also who was started again meanwhile."""
        for service in self._consumers():
            if service.is_running() and not service.is_frozen():
                service.freeze()

    def _change(self, **values: object) -> None:
        with self._lock:
            self._state = replace(self._state, **values)  # type: ignore[arg-type]


def _observed(record: Record, step: int) -> ObservedMessage | None:
    message = message_of(record)
    if message is None:
        return None
    return ObservedMessage(
        step, message, record.headers.get(HEADER_SENDER, b"").decode("ascii", "replace"), record.topic
    )


def _transfer_of(rest: BankRest, end_to_end_id: str, direction: str) -> Json | None:
    try:
        return rest.transfer(end_to_end_id, direction)
    except Refused:
        return None
