"""One side of a transfer as this bank keeps it: its states, the one table of transitions, and what the row owes.

The row is the outbox: every message that this bank owes is derived from it alone, so the first send, the answer to a
duplicate, the restart after a crash and the sweeper all say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pix.scheme.keys import PixKey
from pix.scheme.messages import (
    BankMessage,
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

REFUSED_STEPS_KEPT_MAX: Final = 20
"""A history keeps this many refused messages; beyond, they are counted in `steps_refused` alone."""

REFUSED_TEXT_LENGTH_MAX: Final = 200

ANSWER_DELAY_MS_MAX: Final = 3_600_000
"""An answer is given this late at most."""


class Direction(StrEnum):
    """Which side a row is: money leaving a customer of ours, or coming to one. A bank may have both of one transfer."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"

    @property
    def side(self) -> Side:
        """The same in the words of the protocol."""
        return Side.PAYER if self is Direction.OUTGOING else Side.PAYEE


class TransferStatus(StrEnum):
    """Where this bank's side stands. `completed` is the hub's word, kept as `completed_at_ms`."""

    PENDING = "pending"
    """Outgoing: the customer is debited, the hub has not decided."""
    ACCEPTED = "accepted"
    """Incoming: credit is promised, the hub has not decided."""
    REJECTED = "rejected"
    """Incoming: refused, the hub has not decided."""
    CONFIRMED = "confirmed"
    """The hub has moved the money, and so have we. Final."""
    FAILED = "failed"
    """Nothing has moved at the hub, and a payer is refunded. Final."""


class TransferEvent(StrEnum):
    """What happens to a transfer, named like the message that tells it."""

    REQUESTED = "TransferRequested"
    OFFERED = "TransferOffered"
    ACCEPTED = "TransferAccepted"
    REJECTED = "TransferRejected"
    CONFIRMED = "TransferConfirmed"
    FAILED = "TransferFailed"


class Author(StrEnum):
    """Who took a step."""

    BANK = "bank"
    HUB = "hub"


class AnswerStyle(StrEnum):
    """How the answer to an offer is sent: as the protocol has it, or as a faulty bank would."""

    ONCE = "once"
    TWICE = "twice"
    YES_AND_NO = "yes_and_no"


UNDECIDED: Final = frozenset({TransferStatus.PENDING, TransferStatus.ACCEPTED, TransferStatus.REJECTED})
"""The states in which the hub's decision is awaited."""

TRANSITIONS: Final[Mapping[tuple[Direction, TransferStatus | None, TransferEvent], TransferStatus]] = MappingProxyType(
    {
        (Direction.OUTGOING, None, TransferEvent.REQUESTED): TransferStatus.PENDING,
        (Direction.OUTGOING, TransferStatus.PENDING, TransferEvent.CONFIRMED): TransferStatus.CONFIRMED,
        (Direction.OUTGOING, TransferStatus.PENDING, TransferEvent.FAILED): TransferStatus.FAILED,
        (Direction.INCOMING, None, TransferEvent.ACCEPTED): TransferStatus.ACCEPTED,
        (Direction.INCOMING, None, TransferEvent.REJECTED): TransferStatus.REJECTED,
        # The outcome may overtake the offer, or the offer may be lost.
        (Direction.INCOMING, None, TransferEvent.CONFIRMED): TransferStatus.CONFIRMED,
        (Direction.INCOMING, None, TransferEvent.FAILED): TransferStatus.FAILED,
        (Direction.INCOMING, TransferStatus.ACCEPTED, TransferEvent.CONFIRMED): TransferStatus.CONFIRMED,
        (Direction.INCOMING, TransferStatus.ACCEPTED, TransferEvent.FAILED): TransferStatus.FAILED,
        # Our answer is an offer, the hub's decision is final: it may have heard another answer of ours first.
        (Direction.INCOMING, TransferStatus.REJECTED, TransferEvent.CONFIRMED): TransferStatus.CONFIRMED,
        (Direction.INCOMING, TransferStatus.REJECTED, TransferEvent.FAILED): TransferStatus.FAILED,
    }
)
"""Every step that a bank's row may take; None is a transfer that is not known yet. All else is refused."""


class IllegalStep(Exception):
    """The table has no such transition; its text says so for the history."""


@value_object
class Step:
    """A line of the history: what happened, and the status behind it; `refused` says why it changed nothing."""

    at_ms: int
    author: Author
    event: TransferEvent
    status: TransferStatus
    reason: ReasonCode | None = None
    refused: str = ""


@value_object
class Progress:
    """The hub's own steps of a transfer, which no message tells a bank; None while they have not happened."""

    offered_at_ms: int | None
    completed_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The bank's row of a transfer. Times are Unix milliseconds, None while the step has not happened."""

    end_to_end_id: str
    direction: Direction
    status: TransferStatus
    reason: ReasonCode | None = None
    """Why it was rejected or has failed."""
    amount_centavos: int
    account_number: str
    """Our customer's."""
    payer: Party
    payee: Party | None = None
    """None on an outgoing row until the hub has told."""
    payee_key: PixKey
    description: str = ""
    payee_tax_id_masked: str = ""
    """What the payer was shown before confirming; empty when nothing was."""
    payee_name: str = ""
    """As the payer was shown it."""
    payee_bank_name: str = ""
    """As the payer was shown it."""
    requested_at_ms: int
    """When the payer asked (outgoing), or when we first heard of it (incoming)."""
    answered_at_ms: int | None = None
    """Incoming: when our answer was given, or will be if that is in the future; None while we keep silent."""
    decided_at_ms: int | None = None
    """When we applied the hub's decision."""
    offered_at_ms: int | None = None
    """Outgoing: when the hub offered it to the payee's bank, by the hub's clock, once somebody has asked."""
    completed_at_ms: int | None = None
    """When the hub closed it, by the hub's clock, once somebody has asked."""
    resend_at_ms: int | None = None
    """When what the row owes is sent again; None once nothing has to be."""
    resend_count: int = 0
    duplicates: int = 0
    """How many messages came again and changed nothing."""
    answer_style: AnswerStyle = AnswerStyle.ONCE
    idempotency_key: str = ""
    traceparent: str = ""
    history: tuple[Step, ...] = ()
    steps_refused: int = 0
    """How many messages were refused in all; the history keeps the first of them."""

    @property
    def progress(self) -> Progress:
        """What we have learned of the hub's own steps."""
        return Progress(self.offered_at_ms, self.completed_at_ms)

    @property
    def is_final(self) -> bool:
        """Whether the hub has decided and this bank has done its part."""
        return self.status not in UNDECIDED

    @property
    def counterpart_name(self) -> str:
        """The other side's name, as far as it is known."""
        if self.direction is Direction.INCOMING:
            return self.payer.name
        return self.payee.name if self.payee else self.payee_name

    @property
    def counterpart_ispb(self) -> str:
        """The other side's bank; empty while it is not known."""
        if self.direction is Direction.INCOMING:
            return self.payer.ispb
        return self.payee.ispb if self.payee else ""


def next_status(direction: Direction, status: TransferStatus | None, event: TransferEvent) -> TransferStatus:
    """The one look into the table. Raises IllegalStep."""
    try:
        return TRANSITIONS[direction, status, event]
    except KeyError:
        state = status.value if status else "unknown"
        raise IllegalStep(f"{event} does not apply to an {direction} transfer that is {state}") from None


def move(transfer: Transfer, event: TransferEvent, author: Author, at_ms: int, reason: ReasonCode | None) -> Transfer:
    """The row after the hub's decision: the only function that changes a status. Raises IllegalStep."""
    status = next_status(transfer.direction, transfer.status, event)
    return replace(
        transfer,
        status=status,
        reason=reason,
        decided_at_ms=at_ms,
        resend_at_ms=None,
        history=(*transfer.history, Step(at_ms, author, event, status, reason)),
    )


def refuse(transfer: Transfer, event: TransferEvent, author: Author, at_ms: int, why: str) -> Transfer:
    """The row after a message that is not applied: only its history and the count of refused steps differ."""
    history = transfer.history
    if sum(1 for step in history if step.refused) < REFUSED_STEPS_KEPT_MAX:
        history = (
            *history,
            Step(at_ms, author, event, transfer.status, refused=why[:REFUSED_TEXT_LENGTH_MAX]),
        )
    return replace(transfer, history=history, steps_refused=transfer.steps_refused + 1)


def count_duplicate(transfer: Transfer) -> Transfer:
    """The row after a message that had been applied before."""
    return replace(transfer, duplicates=transfer.duplicates + 1)


def is_answered(transfer: Transfer, now_ms: int) -> bool:
    """Whether the answer to the offer is given; None in `answered_at_ms` is silence.

    One that was given has a later time at which it is sent again, also when the clock has gone back since. One that is
    to be given later than `ANSWER_DELAY_MS_MAX` from now was planned before the clock went back: its time has come.
    """
    at_ms = transfer.answered_at_ms
    if at_ms is None:
        return False
    return at_ms <= now_ms or at_ms != transfer.resend_at_ms or at_ms > now_ms + ANSWER_DELAY_MS_MAX


def owed(transfer: Transfer, now_ms: int) -> tuple[BankMessage, ...]:
    """Every message that this bank owes the hub for the row as it stands; none while an answer is withheld."""
    match transfer.status:
        case TransferStatus.PENDING:
            return (_request(transfer),)
        case TransferStatus.ACCEPTED | TransferStatus.REJECTED:
            if not is_answered(transfer, now_ms):
                return ()
            return _answers(transfer)
        case TransferStatus.CONFIRMED | TransferStatus.FAILED:
            return (_outcome_processed(transfer),)


def retransmitted(transfer: Transfer, now_ms: int, policy: RetransmissionPolicy) -> Transfer:
    """The row after what it owes has been sent again."""
    # An answer that was given late on purpose falls due once without having been sent before.
    is_first_send = transfer.answered_at_ms is not None and transfer.answered_at_ms == transfer.resend_at_ms
    count = transfer.resend_count if is_first_send else transfer.resend_count + 1
    return replace(transfer, resend_count=count, resend_at_ms=now_ms + policy.delay_ms(transfer.end_to_end_id, count))


def _request(transfer: Transfer) -> TransferRequested:
    return TransferRequested(
        end_to_end_id=transfer.end_to_end_id,
        amount_centavos=transfer.amount_centavos,
        payer=transfer.payer,
        payee_key=transfer.payee_key,
        payee_tax_id_masked=transfer.payee_tax_id_masked,
        description=transfer.description,
        requested_at_ms=transfer.requested_at_ms,
    )


def _answers(transfer: Transfer) -> tuple[BankMessage, ...]:
    answer = (
        TransferAccepted(transfer.end_to_end_id, transfer.amount_centavos)
        if transfer.status is TransferStatus.ACCEPTED
        else TransferRejected(transfer.end_to_end_id, transfer.amount_centavos, transfer.reason or ReasonCode.ED05)
    )
    match transfer.answer_style:
        case AnswerStyle.TWICE:
            return (answer, answer)
        case AnswerStyle.YES_AND_NO if transfer.status is TransferStatus.ACCEPTED:
            # Never the other way round: a yes for an account that cannot be credited would lose money.
            return (
                answer,
                TransferRejected(transfer.end_to_end_id, transfer.amount_centavos, ReasonCode.ED05),
            )
        case _:
            return (answer,)


def _outcome_processed(transfer: Transfer) -> OutcomeProcessed:
    confirmed = transfer.status is TransferStatus.CONFIRMED
    return OutcomeProcessed(
        end_to_end_id=transfer.end_to_end_id,
        side=transfer.direction.side,
        outcome=Outcome.CONFIRMED if confirmed else Outcome.FAILED,
        amount_centavos=transfer.amount_centavos,
        reason=None if confirmed else transfer.reason,
    )
