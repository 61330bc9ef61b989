"""Makes the story happen: one process at a time goes on until it has done what its step tells, then stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.classroom.script import STEPS, Act, Actor, Scene, StoryStep
from lab.drive.customers import Customer, Population
from lab.drive.payments import payment
from lab.network.network import Network, RunningBank
from lab.network.services import Service
from lab.network.supervisor import Keeper
from lab.read.audit import AuditReport
from lab.read.rest import BankRest, Json, Refused, Unreachable
from lab.read.snapshot import Surveyor
from lab.read.tap import Tap, message_of
from pix.scheme.messages import Message
from pix.web.marks import translatable
from pix.wire.record import HEADER_SENDER, Record

STEP_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.05
HEAR_SECONDS: Final = 0.05
QUIET_SECONDS_MAX: Final = 30.0
AUDIT_SECONDS_MAX: Final = 20.0
AMOUNTS_CENTAVOS: Final[Mapping[Act, int]] = {Act.COMPLETES: 125_00, Act.FAILS: 80_00}
POSTINGS_LOOKED_AT: Final = 50
HISTORY_LOOKED_AT: Final = 50


class StoryStuck(Exception):
    """A step did not happen in its time; the sentence says which. Start over."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


class StoryBusy(Exception):
    """A step is happening right now."""

    rule = translatable("The step is still running.")


class StoryOver(Exception):
    """There is no next step."""

    rule = translatable("This was the last step. Start over to see it again.")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message on the broker."""

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
    """A bank's side, as its own REST API tells it."""

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
    """What the hub's REST API tells."""

    status: str
    reason: str
    is_closed: bool
    accounts: tuple[AccountFacts, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """How things stand after a step."""

    payer: SideFacts
    hub: HubFacts
    payee: SideFacts


@dataclass(frozen=True, slots=True)
class Story:
    """Where the story is."""

    number: int
    """Of the step, from 0."""
    end_to_end_id: str = ""
    heard: tuple[Heard, ...] = ()
    """Of the current act."""
    facts: Facts | None = None
    before: Facts | None = None
    """How things stood one step earlier."""
    report: AuditReport | None = None
    is_moving: bool = False
    failure: str = ""

    @property
    def step(self) -> StoryStep:
        """The current one."""
        return STEPS[self.number]

    @property
    def is_over(self) -> bool:
        """Whether there is no next one."""
        return self.number == len(STEPS) - 1


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who plays in an act."""

    payer_bank: RunningBank
    payee_bank: RunningBank
    payer: Customer
    payee: Customer


class Director:
    """One for a network whose roles are split; thread-safe."""

    def __init__(
        self,
        network: Network,
        keeper: Keeper,
        rest: Mapping[str, BankRest],
        surveyor: Surveyor,
        ends: threading.Event,
    ) -> None:
        self._network = network
        self._keeper = keeper
        self._rest = rest
        self._surveyor = surveyor
        self._ends = ends
        self._moving = threading.Lock()
        self._lock = threading.Lock()
        self._story = Story(0)
        self._tap: Tap | None = None
        self._cast: _Cast
        self._plays = 0

    @property
    def story(self) -> Story:
        """As of now."""
        with self._lock:
            return self._story

    def close(self) -> None:
        """Listens no more."""
        if self._tap is not None:
            self._tap.close()

    def begin(self) -> None:
        """Takes the story to its beginning. Raises `StoryBusy`, `StoryStuck`, `Unreachable`, `PartError`."""
        self._move(self._begin)

    def next(self) -> None:
        """Makes the next step happen. Raises `StoryBusy`, `StoryOver`, `StoryStuck`, `Unreachable`, `PartError`."""
        if self.story.is_over:
            raise StoryOver
        self._move(self._next)

    def _move(self, work: Callable[[], None]) -> None:
        if not self._moving.acquire(blocking=False):
            raise StoryBusy
        try:
            self._change(is_moving=True, failure="")
            work()
        except (StoryStuck, Unreachable, Refused) as error:
            self._change(failure=str(error))
            raise
        finally:
            self._change(is_moving=False)
            self._moving.release()

    # The beginning, and each step.

    def _begin(self) -> None:
        for service in self._consumers():
            service.thaw()
        if not self._surveyor.wait_for_quiet(QUIET_SECONDS_MAX):
            raise StoryStuck("What was under way before does not come to its end.")
        if self._tap is None:
            self._tap = Tap(self._network.broker.bootstrap_servers, [bank.code for bank in self._network.banks])
        self._stand_still()
        self._plays += 1
        self._set_scene(Act.COMPLETES, 0)

    def _next(self) -> None:
        number = self.story.number + 1
        step = STEPS[number]
        self._stand_still()
        before = self.story.facts
        match step.scene:
            case Scene.BEFORE:
                self._set_scene(step.act, number)
                return
            case Scene.AUDIT:
                self._audit(number)
                return
            case Scene.PAY:
                self._pay(step.act, number)
            case _:
                self._let_act(step, number)
        self._change(number=number, facts=self._facts(), before=before)

    def _set_scene(self, act: Act, number: int) -> None:
        """Another act: nobody knows of its transfer yet."""
        self._hear(number)
        population = Population.of(self._rest)
        payer_bank, payee_bank = self._network.banks[0], self._network.banks[-1]
        friends = population.friends(payee_bank.code)
        payee = friends[0] if act is Act.COMPLETES else population.blocked(payee_bank.code)
        self._cast = _Cast(payer_bank, payee_bank, population.rich(payer_bank.code), payee)
        self._change(number=number, end_to_end_id="", heard=(), before=None, report=None)
        self._change(facts=self._facts())

    def _pay(self, act: Act, number: int) -> None:
        cast = self._cast
        order = payment(cast.payer, cast.payee, AMOUNTS_CENTAVOS[act], f"story-{self._plays}-{time.time_ns()}")
        made = self._rest[cast.payer_bank.code].pay(
            order.payer_account, order.key.kind, order.key.key, order.amount_centavos, "", order.idempotency_key
        )
        self._change(end_to_end_id=str(made["end_to_end_id"]))
        self._await(number, "the payer's bank to ask the hub", lambda: self._has_said("TransferRequested", 1))

    def _let_act(self, step: StoryStep, number: int) -> None:
        """The actor's process goes on until it has done what is told, and stands still again."""
        actor = {
            Actor.HUB: self._network.hub_consumers[0],
            Actor.PAYER: self._cast.payer_bank.consumer,
            Actor.PAYEE: self._cast.payee_bank.consumer,
        }[step.actor]
        assert actor is not None, "the network's roles are split"
        is_done, what = self._end_of(step)
        actor.thaw()
        try:
            self._await(number, what, is_done)
        finally:
            actor.freeze()

    def _end_of(self, step: StoryStep) -> tuple[Callable[[], bool], str]:
        """When a step has happened: what is durable, and what has been said."""
        completes = step.act is Act.COMPLETES
        match step.scene:
            case Scene.OFFER:
                return lambda: self._has_said("TransferOffered", 1), "the hub to offer the transfer"
            case Scene.ANSWER:
                answer = "TransferAccepted" if completes else "TransferRejected"
                return lambda: self._has_said(answer, 1), "the payee's bank to answer"
            case Scene.DECIDE:
                decision = "TransferConfirmed" if completes else "TransferFailed"
                return lambda: self._has_said(decision, 2), "the hub to decide"
            case Scene.PAYEE_BOOKS:
                return lambda: self._has_said("OutcomeProcessed", 1), "the payee's bank to book it"
            case Scene.PAYER_BOOKS:
                return lambda: self._has_said("OutcomeProcessed", 2), "the payer's bank to book it"
            case _:
                return self._is_closed, "the hub to close the transfer"

    def _audit(self, number: int) -> None:
        for service in self._consumers():
            service.thaw()
        report = self._surveyor.audit(AUDIT_SECONDS_MAX)
        self._stand_still()
        self._change(number=number, before=self.story.facts, facts=self._facts(), report=report)

    # What it can tell by.

    def _await(self, number: int, what: str, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STEP_SECONDS_MAX
        while True:
            self._hear(number)
            if is_done():
                return
            if time.monotonic() >= deadline or self._ends.wait(POLL_SECONDS):
                raise StoryStuck(f"Waited {STEP_SECONDS_MAX:g} seconds for {what}, in vain.")

    def _hear(self, number: int) -> None:
        assert self._tap is not None, "opened at the beginning"
        story = self.story
        known = {(each.topic, repr(each.message)) for each in story.heard}
        new = []
        for record in self._tap.hear(HEAR_SECONDS):
            heard = _heard(record, number)
            if heard is None or heard.message.end_to_end_id != story.end_to_end_id:
                continue
            place = (heard.topic, repr(heard.message))
            if place not in known:
                known.add(place)
                new.append(heard)
        if new:
            self._change(heard=(*story.heard, *new))

    def _has_said(self, message: str, times: int) -> bool:
        return sum(type(each.message).__name__ == message for each in self.story.heard) >= times

    def _is_closed(self) -> bool:
        row = self._surveyor.find_transfer(self.story.end_to_end_id)
        return row is not None and row["closed_at_ms"] is not None

    def _facts(self) -> Facts:
        cast, name = self._cast, self.story.end_to_end_id
        row = self._surveyor.find_transfer(name) if name else None
        accounts = {str(each["ispb"]): each for each in self._surveyor.hub.settlement_accounts()}
        return Facts(
            payer=self._side(cast.payer_bank, cast.payer, "outgoing"),
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
                    for bank in (cast.payer_bank, cast.payee_bank)
                ),
            ),
            payee=self._side(cast.payee_bank, cast.payee, "incoming"),
        )

    def _side(self, bank: RunningBank, customer: Customer, direction: str) -> SideFacts:
        rest, name = self._rest[bank.code], self.story.end_to_end_id
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

    def _stand_still(self) -> None:
        """Everybody who reads messages; also who was started again meanwhile."""
        for service in self._consumers():
            if service.is_running() and not service.is_frozen():
                service.freeze()

    def _change(self, **values: object) -> None:
        with self._lock:
            self._story = replace(self._story, **values)  # type: ignore[arg-type]


def _heard(record: Record, step: int) -> Heard | None:
    message = message_of(record)
    if message is None:
        return None
    return Heard(step, message, record.headers.get(HEADER_SENDER, b"").decode("ascii", "replace"), record.topic)


def _transfer_of(rest: BankRest, end_to_end_id: str, direction: str) -> Json | None:
    try:
        return rest.transfer(end_to_end_id, direction)
    except Refused:
        return None
