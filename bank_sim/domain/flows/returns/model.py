"""One side of a return as this bank keeps it: its states, the one table of transitions, and what the row owes.

The payee's bank of the original transfer gives money back, so its row is outgoing; that of the original payer's bank is
incoming. Sides and parties are those of the original: its payer receives the money.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypedDict, Unpack

from bank_sim.domain.behaviour import AnswerStyle
from bank_sim.domain.flows.answers import is_answered
from bank_sim.domain.flows.flow import RowId
from pix.scheme.flows import IllegalTransition, Step
from pix.scheme.initiation import Initiation
from pix.scheme.messages import Outcome, Party, Side
from pix.scheme.messages.returns import FromBank, ReturnAccepted, ReturnProcessed, ReturnRejected, ReturnRequested
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import replacing, value_object

NAME: Final = "return"
"""The flow's."""


class ReturnStatus(StrEnum):
    """Where this bank's side stands."""

    PENDING = "pending"
    """Outgoing: the customer is debited, the hub has not decided."""
    ACCEPTED = "accepted"
    """Incoming: credit is promised, the hub has not decided."""
    REJECTED = "rejected"
    """Incoming: refused, the hub has not decided."""
    CONFIRMED = "confirmed"
    """The hub has moved the money, and so have we. Final."""
    FAILED = "failed"
    """Nothing has moved at the hub, and the customer who gave money back is refunded. Final."""


class Trigger(StrEnum):
    """What happens to a return."""

    REQUEST = "request"
    """A customer of this bank, or the bank, gives money back."""
    OFFER = "offer"
    """The hub offers the return to this bank."""
    ACCEPTANCE = "acceptance"
    """This bank promises to credit."""
    REJECTION = "rejection"
    """This bank rejects the offer."""
    CONFIRMATION = "confirmation"
    """The hub has settled the return."""
    FAILURE = "failure"
    """The hub has failed the return."""


UNDECIDED: Final = frozenset({ReturnStatus.PENDING, ReturnStatus.ACCEPTED, ReturnStatus.REJECTED})
"""The states in which the hub's decision is awaited."""

COUNTED: Final = frozenset({ReturnStatus.PENDING, ReturnStatus.CONFIRMED})
"""The states in which an outgoing return counts in the sum of its original: a failed one frees its part."""

TRANSITIONS: Final[Mapping[tuple[Direction, ReturnStatus | None, Trigger], ReturnStatus]] = MappingProxyType(
    {
        (Direction.OUTGOING, None, Trigger.REQUEST): ReturnStatus.PENDING,
        (Direction.OUTGOING, ReturnStatus.PENDING, Trigger.CONFIRMATION): ReturnStatus.CONFIRMED,
        (Direction.OUTGOING, ReturnStatus.PENDING, Trigger.FAILURE): ReturnStatus.FAILED,
        (Direction.INCOMING, None, Trigger.ACCEPTANCE): ReturnStatus.ACCEPTED,
        (Direction.INCOMING, None, Trigger.REJECTION): ReturnStatus.REJECTED,
        # The outcome may overtake the offer, or the offer may be lost.
        (Direction.INCOMING, None, Trigger.CONFIRMATION): ReturnStatus.CONFIRMED,
        (Direction.INCOMING, None, Trigger.FAILURE): ReturnStatus.FAILED,
        (Direction.INCOMING, ReturnStatus.ACCEPTED, Trigger.CONFIRMATION): ReturnStatus.CONFIRMED,
        (Direction.INCOMING, ReturnStatus.ACCEPTED, Trigger.FAILURE): ReturnStatus.FAILED,
        # The hub's decision is final, and an earlier answer of this bank may have reached it first.
        (Direction.INCOMING, ReturnStatus.REJECTED, Trigger.CONFIRMATION): ReturnStatus.CONFIRMED,
        (Direction.INCOMING, ReturnStatus.REJECTED, Trigger.FAILURE): ReturnStatus.FAILED,
    }
)
"""Every step that a bank's row may take; None is a return that is not known yet. All else is refused."""


HistoryStep = Step[ReturnStatus, Trigger]


@value_object
class Return:
    """The bank's row of a return. Times are Unix milliseconds, None while the step has not happened."""

    return_id: str
    direction: Direction
    status: ReturnStatus
    original_end_to_end_id: str
    amount_centavos: int
    account_number: str
    """Of this bank's customer: the payee's at the bank that gives money back, the payer's at the other."""
    return_reason: ReasonCode
    """Why the money goes back: MD06, BE08 or FR01."""
    payer: Party
    """Of the original, as the payee."""
    payee: Party
    requested_at_ms: int
    """When it was ordered (outgoing), or when the bank first received a message about it (incoming)."""
    reason: ReasonCode | None = None
    """Why it was rejected or has failed."""
    description: str = ""
    answered_at_ms: int | None = None
    """Incoming: when the bank answered, or will answer if that is in the future; None while it is silent."""
    decided_at_ms: int | None = None
    """When the bank applied the hub's decision."""
    resend_at_ms: int | None = None
    """When the bank retransmits what the row owes; None once it owes nothing."""
    resend_count: int = 0
    duplicates: int = 0
    """How many messages came again and changed nothing."""
    refusals: int = 0
    """How many messages were ignored in all; the history records the first of them."""
    answer_style: AnswerStyle = AnswerStyle.ONCE
    idempotency_key: str = ""
    traceparent: str = ""
    history: tuple[HistoryStep, ...] = ()

    @property
    def resends(self) -> int:
        """How often it was sent again."""
        return max(0, self.resend_count)

    @property
    def row_id(self) -> RowId:
        """Among all rows of flows."""
        return self.return_id, self.direction

    @property
    def about(self) -> str:
        """The end-to-end id of the original."""
        return self.original_end_to_end_id

    @property
    def side(self) -> Side:
        """This bank's side of the original: the payee's bank has the outgoing row."""
        return self.direction.side.other

    @property
    def is_final(self) -> bool:
        """Whether the hub has decided and this bank has done its part."""
        return self.status not in UNDECIDED

    @property
    def counterpart_name(self) -> str:
        """The other side's name."""
        return self._counterpart.name

    @property
    def counterpart_ispb(self) -> str:
        """The other side's bank."""
        return self._counterpart.ispb

    @property
    def counterpart_bank_name(self) -> str:
        """Empty: a return is ordered without a look-up of a key."""
        return ""

    @property
    def initiation(self) -> Initiation | None:
        """The original has it."""
        return None

    @property
    def txid(self) -> str:
        """The original has it."""
        return ""

    @property
    def _counterpart(self) -> Party:
        return self.payee if self.direction is Direction.INCOMING else self.payer


class ReturnChanges(TypedDict, total=False):
    """The fields of a return that change after it is made."""

    status: ReturnStatus
    reason: ReasonCode | None
    answered_at_ms: int | None
    decided_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int
    duplicates: int
    refusals: int
    history: tuple[HistoryStep, ...]


class _Change(Protocol):
    def __call__(self, row: Return, /, **changes: Unpack[ReturnChanges]) -> Return: ...


changed: Final[_Change] = replacing(Return)
"""The row with other values of these fields."""


def next_status(direction: Direction, status: ReturnStatus | None, trigger: Trigger) -> ReturnStatus:
    """The one look-up in the table. Raises IllegalTransition."""
    try:
        return TRANSITIONS[direction, status, trigger]
    except KeyError:
        raise IllegalTransition(f"no {trigger} of an {direction} return that is {status or 'unknown'}") from None


def move(row: Return, trigger: Trigger, now_ms: int, reason: ReasonCode | None = None) -> Return:
    """Moves a return to the next state; the only place where a status changes. Raises IllegalTransition."""
    status = next_status(row.direction, row.status, trigger)
    return changed(row, status=status, reason=reason, decided_at_ms=now_ms, resend_at_ms=None)


def owed(row: Return, real_now_ms: int) -> tuple[FromBank, ...]:
    """Every message that this bank owes the hub for the row as it stands; none while an answer is withheld."""
    match row.status:
        case ReturnStatus.PENDING:
            return (_request(row),)
        case ReturnStatus.ACCEPTED | ReturnStatus.REJECTED:
            return _answers(row) if is_answered(row, real_now_ms) else ()
        case ReturnStatus.CONFIRMED | ReturnStatus.FAILED:
            return (_processed(row),)


def _request(row: Return) -> ReturnRequested:
    return ReturnRequested(
        return_id=row.return_id,
        original_end_to_end_id=row.original_end_to_end_id,
        amount_centavos=row.amount_centavos,
        reason=row.return_reason,
        description=row.description,
        requested_at_ms=row.requested_at_ms,
    )


def _answers(row: Return) -> tuple[FromBank, ...]:
    if row.status is ReturnStatus.REJECTED:
        answer: FromBank = _rejection(row, row.reason or ReasonCode.ED05)
    else:
        answer = ReturnAccepted(row.return_id, row.original_end_to_end_id, row.amount_centavos)
    match row.answer_style:
        case AnswerStyle.TWICE:
            return (answer, answer)
        case AnswerStyle.YES_AND_NO if row.status is ReturnStatus.ACCEPTED:
            # Never the other way round: a yes for an account that cannot be credited would lose money.
            return (answer, _rejection(row, ReasonCode.ED05))
        case _:
            return (answer,)


def _rejection(row: Return, reason: ReasonCode) -> ReturnRejected:
    return ReturnRejected(row.return_id, row.original_end_to_end_id, row.amount_centavos, reason)


def _processed(row: Return) -> ReturnProcessed:
    confirmed = row.status is ReturnStatus.CONFIRMED
    return ReturnProcessed(
        return_id=row.return_id,
        original_end_to_end_id=row.original_end_to_end_id,
        side=row.side,
        outcome=Outcome.CONFIRMED if confirmed else Outcome.FAILED,
        amount_centavos=row.amount_centavos,
        reason=None if confirmed else row.reason,
    )
