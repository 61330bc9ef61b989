"""The adapter's work: a batch of messages from the hub and from course banks is decided in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.application.course.ports import BankReadiness, CourseRepository, CourseUnits
from hub.domain.course.decisions import (
    Decision,
    Facts,
    decide_completed,
    decide_confirmed,
    decide_due,
    decide_offer,
    decide_outcome_for_payee,
    decide_outcome_for_payer,
    decide_request,
)
from hub.domain.course.model import CourseBank, Leg, LegKind, LegState
from hub.domain.directory import KeyEntry
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.course import KEY_KINDS, REGISTRABLE_KINDS, CourseMessage, CourseStatus, is_course_id
from pix.scheme.deliveries import Rejected
from pix.scheme.keys import PixKey
from pix.scheme.messages import BankMessage, HubMessage, Side, TransferConfirmed, TransferFailed, TransferOffered
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

LEGS_PER_SWEEP_MAX: Final = 500
ANSWER_MS_DEFAULT: Final = 60_000
KEY_AGE_MS_MIN: Final = 5_000
"""Of a key to which money is given back."""
_REFUNDABLE_KINDS: Final = tuple(KEY_KINDS[name] for name in REGISTRABLE_KINDS)


@value_object
class FromCourseBank:
    """A message of a course bank; nothing proves which one has sent it."""

    message: CourseMessage
    envelope: object


@value_object
class FromHub:
    """A message of the hub to a course bank; its envelope has proven the hub."""

    ispb: str
    message: HubMessage
    envelope: object


@value_object
class ToHub:
    ispb: str
    message: BankMessage


@value_object
class ToCourseBank:
    ispb: str
    message: CourseMessage


Incoming = FromCourseBank | FromHub
Outgoing = ToHub | ToCourseBank

ListKeys = Callable[[str, str, str], Sequence[KeyEntry]]
"""The keys of the account with this ISPB, branch and number, in the order of registration."""


@dataclass(slots=True)
class _Batch:
    outgoing: list[Outgoing] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def take(self, course: CourseRepository, ispb: str, decision: Decision, envelope: object = None) -> None:
        # Each at once: the next message of the batch may be about the same leg.
        course.save(decision.legs)
        self.outgoing += [ToHub(ispb, message) for message in decision.to_hub]
        self.outgoing += [ToCourseBank(ispb, message) for message in decision.to_bank]
        if decision.dead_letter:
            self.rejected.append(Rejected(envelope, "", decision.dead_letter))


class CourseAdapter:
    """Makes each course bank a participant. All may raise DatabaseUnavailable."""

    def __init__(
        self,
        units: CourseUnits,
        scheme_clock: SchemeClock,
        clock: Clock,
        policy: RetransmissionPolicy,
        list_keys: ListKeys,
        readiness: BankReadiness,
        answer_ms: int = ANSWER_MS_DEFAULT,
    ) -> None:
        """`answer_ms` is how long a bank may leave a payment to its customer unanswered."""
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._policy = policy
        self._list_keys = list_keys
        self._readiness = readiness
        self._answer_ms = answer_ms

    def __call__(self, arrivals: Iterable[Incoming], rejected: Iterable[Rejected] = ()) -> list[Outgoing]:
        """Decides on a batch, durably; returns what to send once it is. Stores `rejected` as dead letters."""
        batch = _Batch(rejected=list(rejected))
        with self._units() as unit:
            unit.lock()
            banks = unit.course.banks()
            for arrival in arrivals:
                if isinstance(arrival, FromHub):
                    self._take_from_hub(unit.course, banks.get(arrival.ispb), arrival, batch)
                else:
                    self._take_from_bank(unit.course, arrival, batch)
            unit.dead_letters.add(batch.rejected, self._scheme_clock.now_ms())
            unit.commit()
        return batch.outgoing

    def sweep(self) -> list[Outgoing]:
        """Does what is due without a message; returns what to send."""
        batch = _Batch()
        with self._units() as unit:
            unit.lock()
            wait_ms_max = max(self._policy.cap_ms, self._answer_ms)
            for leg in unit.course.due(self._clock.real_now_ms(), wait_ms_max, LEGS_PER_SWEEP_MAX):
                account = unit.course.account(leg.own_account_id)
                key = self._refund_key(unit.course, leg.own_account_id) if leg.state is LegState.PARKED else None
                batch.take(unit.course, leg.ispb, decide_due(leg, account, self._facts(leg.ispb, key)))
            unit.commit()
        return batch.outgoing

    def _facts(self, ispb: str, refund_key: PixKey | None = None) -> Facts:
        return Facts(
            self._scheme_clock.now_ms(),
            self._clock.real_now_ms(),
            self._policy,
            self._answer_ms,
            self._readiness.is_ready(ispb),
            refund_key,
        )

    def _take_from_bank(self, course: CourseRepository, arrival: FromCourseBank, batch: _Batch) -> None:
        message = arrival.message
        if not is_course_id(message.transaction_id):
            batch.rejected.append(Rejected(arrival.envelope, "", "id: must be a UUID of version 4 in small letters"))
            return
        match message.status:
            case CourseStatus.NONE:
                self._take_request(course, arrival, batch)
            case CourseStatus.CONFIRMED:
                credited = course.credit(message.transaction_id)
                ispb = "" if credited is None else credited.ispb
                decision = decide_confirmed(credited, message, self._facts(ispb))
                batch.take(course, ispb, decision, arrival.envelope)
            case CourseStatus.COMPLETED:
                account = course.account(message.account_id)
                ispb = "" if account is None else account.ispb
                leg = course.leg(ispb, LegKind.OUTGOING, message.transaction_id)
                batch.take(course, ispb, decide_completed(leg, message), arrival.envelope)
            case _:
                why = "status: must be confirmed or completed"
                batch.rejected.append(Rejected(arrival.envelope, "", why))

    def _take_request(self, course: CourseRepository, arrival: FromCourseBank, batch: _Batch) -> None:
        message = arrival.message
        account = course.account(message.account_id)
        if account is None:
            why = "accountId: no account of a course bank has this id"
            batch.rejected.append(Rejected(arrival.envelope, "", why))
            return
        leg = course.leg(account.ispb, LegKind.OUTGOING, message.transaction_id)
        facts = self._facts(account.ispb, self._refund_key(course, account.account_id) if leg is None else None)
        batch.take(course, account.ispb, decide_request(leg, message, account, facts), arrival.envelope)

    def _take_from_hub(
        self, course: CourseRepository, bank: CourseBank | None, arrival: FromHub, batch: _Batch
    ) -> None:
        message = arrival.message
        if bank is None:
            batch.rejected.append(Rejected(arrival.envelope, "", "topic: its bank is no course bank"))
            return
        if isinstance(message, TransferOffered):
            decision = self._offer(course, bank, message)
        elif isinstance(message, TransferConfirmed | TransferFailed):
            decision = self._outcome(course, bank, message)
        else:
            decision = Decision(dead_letter=f"{type(message).__name__}: a course bank does not understand it")
        batch.take(course, bank.ispb, decision, arrival.envelope)

    def _offer(self, course: CourseRepository, bank: CourseBank, offer: TransferOffered) -> Decision:
        leg = course.leg_of_transfer(LegKind.INCOMING, offer.end_to_end_id)
        payer_leg = course.leg_of_transfer(LegKind.OUTGOING, offer.end_to_end_id)
        payee = offer.payee
        account = course.account_numbered(payee.ispb, payee.branch, payee.account_number)
        is_free = payer_leg is not None and course.credit(payer_leg.course_id) is None
        return decide_offer(leg, offer, bank, account, payer_leg, is_free, self._facts(bank.ispb))

    def _outcome(
        self, course: CourseRepository, bank: CourseBank, message: TransferConfirmed | TransferFailed
    ) -> Decision:
        if message.side is Side.PAYEE:
            return decide_outcome_for_payee(_of_bank(course, LegKind.INCOMING, bank, message.end_to_end_id), message)
        leg = _of_bank(course, LegKind.OUTGOING, bank, message.end_to_end_id)
        key = None
        if leg is not None and isinstance(message, TransferFailed):
            key = self._refund_key(course, leg.own_account_id)
        return decide_outcome_for_payer(leg, message, self._facts(bank.ispb, key))

    def _refund_key(self, course: CourseRepository, account_id: str) -> PixKey | None:
        """The oldest key of the account: its bank has it, for it was registered through the adapter.

        A bank stores a key a moment after it has registered it, and gives no answer before.
        """
        account = course.account(account_id)
        if account is None:
            return None
        entries = self._list_keys(account.ispb, account.branch, account.number)
        known_at_ms = self._scheme_clock.now_ms() - KEY_AGE_MS_MIN
        old_enough = (entry for entry in entries if entry.registered_at_ms <= known_at_ms)
        return next((entry.key for entry in old_enough if entry.key.kind in _REFUNDABLE_KINDS), None)


def _of_bank(course: CourseRepository, kind: LegKind, bank: CourseBank, end_to_end_id: str) -> Leg | None:
    leg = course.leg_of_transfer(kind, end_to_end_id)
    return leg if leg is not None and leg.ispb == bank.ispb else None
