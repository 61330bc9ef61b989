"""One side of a transfer as this bank keeps it: its states, the one table of transitions, and what the row owes.

The row of a transfer is also its outbox: `owed` derives from it every message that this bank owes, so the first send,
the answer to a duplicate, the restart after a crash and the outbox sweep all send the same.
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
from pix.scheme.keys import PixKey
from pix.scheme.messages import (
    BankMessage,
    Outcome,
    OutcomeProcessed,
    Party,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import replacing, value_object

NAME: Final = "transfer"
"""The flow's."""


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


class Trigger(StrEnum):
    """What happens to a transfer."""

    REQUEST = "request"
    """A customer of this bank pays."""
    OFFER = "offer"
    """The hub offers the transfer to this bank."""
    ACCEPTANCE = "acceptance"
    """This bank promises to credit."""
    REJECTION = "rejection"
    """This bank rejects the offer."""
    CONFIRMATION = "confirmation"
    """The hub has settled the transfer."""
    FAILURE = "failure"
    """The hub has failed the transfer."""


UNDECIDED: Final = frozenset({TransferStatus.PENDING, TransferStatus.ACCEPTED, TransferStatus.REJECTED})
"""The states in which the hub's decision is awaited."""

TRANSITIONS: Final[Mapping[tuple[Direction, TransferStatus | None, Trigger], TransferStatus]] = MappingProxyType(
    {
        (Direction.OUTGOING, None, Trigger.REQUEST): TransferStatus.PENDING,
        (Direction.OUTGOING, TransferStatus.PENDING, Trigger.CONFIRMATION): TransferStatus.CONFIRMED,
        (Direction.OUTGOING, TransferStatus.PENDING, Trigger.FAILURE): TransferStatus.FAILED,
        (Direction.INCOMING, None, Trigger.ACCEPTANCE): TransferStatus.ACCEPTED,
        (Direction.INCOMING, None, Trigger.REJECTION): TransferStatus.REJECTED,
        # The outcome may overtake the offer, or the offer may be lost.
        (Direction.INCOMING, None, Trigger.CONFIRMATION): TransferStatus.CONFIRMED,
        (Direction.INCOMING, None, Trigger.FAILURE): TransferStatus.FAILED,
        (Direction.INCOMING, TransferStatus.ACCEPTED, Trigger.CONFIRMATION): TransferStatus.CONFIRMED,
        (Direction.INCOMING, TransferStatus.ACCEPTED, Trigger.FAILURE): TransferStatus.FAILED,
        # The hub's decision is final, and an earlier answer of this bank may have reached it first.
        (Direction.INCOMING, TransferStatus.REJECTED, Trigger.CONFIRMATION): TransferStatus.CONFIRMED,
        (Direction.INCOMING, TransferStatus.REJECTED, Trigger.FAILURE): TransferStatus.FAILED,
    }
)
"""Every step that a bank's row may take; None is a transfer that is not known yet. All else is refused."""


HistoryStep = Step[TransferStatus, Trigger]


@value_object
class Progress:
    """The hub's own steps of a transfer, which no message carries to a bank; None while they have not happened."""

    offered_at_ms: int | None
    completed_at_ms: int | None


@value_object
class Transfer:
    """The bank's row of a transfer. Times are Unix milliseconds of scheme time; None while a step has not happened."""

    end_to_end_id: str
    direction: Direction
    status: TransferStatus
    amount_centavos: int
    account_number: str
    """Of this bank's customer."""
    payer: Party
    payee_key: PixKey | None
    """None when the payer typed the payee's account (MANU)."""
    requested_at_ms: int
    """When the payer ordered it (outgoing), or when the bank first received a message about it (incoming)."""
    reason: ReasonCode | None = None
    """Why it was rejected or has failed."""
    payee: Party | None = None
    """None on an outgoing row to a key until the hub has named it."""
    description: str = ""
    payee_tax_id_masked: str = ""
    """What the payer was shown before confirming; empty when nothing was."""
    payee_name: str = ""
    """As the payer was shown it."""
    payee_bank_name: str = ""
    """As the payer was shown it."""
    answered_at_ms: int | None = None
    """Incoming: when the bank answered, or will answer if that is in the future; None while it is silent."""
    decided_at_ms: int | None = None
    """When the bank applied the hub's decision."""
    offered_at_ms: int | None = None
    """Outgoing: when the hub offered it to the payee's bank, by the hub; known once a page has asked."""
    completed_at_ms: int | None = None
    """When the hub closed it, by the hub; known once a page has asked."""
    resend_at_ms: int | None = None
    """When the bank retransmits what the row owes, in real time; None once it owes nothing."""
    resend_count: int = 0
    duplicates: int = 0
    """How many messages came again and changed nothing."""
    refusals: int = 0
    """How many messages were ignored in all; the history records the first of them."""
    answer_style: AnswerStyle = AnswerStyle.ONCE
    idempotency_key: str = ""
    traceparent: str = ""
    history: tuple[HistoryStep, ...] = ()
    initiation: Initiation = Initiation.DICT
    txid: str = ""
    """The payee's own number for the payment; empty for none."""

    @property
    def row_id(self) -> RowId:
        """Among all rows of flows."""
        return self.end_to_end_id, self.direction

    @property
    def about(self) -> str:
        """The end-to-end id of the transfer that the row is about."""
        return self.end_to_end_id

    @property
    def progress(self) -> Progress:
        """What we have learned of the hub's own steps."""
        return Progress(self.offered_at_ms, self.completed_at_ms)

    @property
    def resends(self) -> int:
        """How often it was sent again."""
        return max(0, self.resend_count)

    @property
    def is_final(self) -> bool:
        """Whether the hub has decided and this bank has done its part."""
        return self.status not in UNDECIDED

    @property
    def typed_payee(self) -> Party | None:
        """The payee as the payer typed it; None for one who was found by a key."""
        return self.payee if self.payee_key is None else None

    @property
    def payee_text(self) -> str:
        """The key that is paid, or branch and account."""
        if self.payee_key is not None:
            return self.payee_key.key
        return f"{self.payee.branch} / {self.payee.account_number}" if self.payee else ""

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

    @property
    def counterpart_bank_name(self) -> str:
        """The name of the other side's bank as the payer was shown it; may be empty."""
        return self.payee_bank_name


class TransferChanges(TypedDict, total=False):
    """The fields of a transfer that change after it is made."""

    status: TransferStatus
    reason: ReasonCode | None
    payee: Party | None
    answered_at_ms: int | None
    decided_at_ms: int | None
    offered_at_ms: int | None
    completed_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int
    duplicates: int
    refusals: int
    history: tuple[HistoryStep, ...]


class ChangesOfMove(TypedDict, total=False):
    """The fields that a move leaves to its caller."""

    payee: Party | None
    history: tuple[HistoryStep, ...]


class _Change(Protocol):
    def __call__(self, row: Transfer, /, **changes: Unpack[TransferChanges]) -> Transfer: ...


changed: Final[_Change] = replacing(Transfer)
"""The row with other values of these fields."""


def next_status(direction: Direction, status: TransferStatus | None, trigger: Trigger) -> TransferStatus:
    """The one look-up in the table. Raises IllegalTransition."""
    try:
        return TRANSITIONS[direction, status, trigger]
    except KeyError:
        raise IllegalTransition(f"no {trigger} of an {direction} transfer that is {status or 'unknown'}") from None


def move(
    transfer: Transfer,
    trigger: Trigger,
    now_ms: int,
    reason: ReasonCode | None = None,
    **changes: Unpack[ChangesOfMove],
) -> Transfer:
    """Moves a transfer to the next state; the only place where a status changes. Raises IllegalTransition."""
    status = next_status(transfer.direction, transfer.status, trigger)
    return changed(transfer, status=status, reason=reason, decided_at_ms=now_ms, resend_at_ms=None, **changes)


def owed(transfer: Transfer, real_now_ms: int) -> tuple[BankMessage, ...]:
    """Every message that this bank owes the hub for the row as it stands; none while an answer is withheld."""
    match transfer.status:
        case TransferStatus.PENDING:
            return (_request(transfer),)
        case TransferStatus.ACCEPTED | TransferStatus.REJECTED:
            if not is_answered(transfer, real_now_ms):
                return ()
            return _answers(transfer)
        case TransferStatus.CONFIRMED | TransferStatus.FAILED:
            return (_outcome_processed(transfer),)


def _request(transfer: Transfer) -> TransferRequested:
    return TransferRequested(
        end_to_end_id=transfer.end_to_end_id,
        amount_centavos=transfer.amount_centavos,
        payer=transfer.payer,
        payee_key=transfer.payee_key,
        payee_tax_id_masked=transfer.payee_tax_id_masked,
        description=transfer.description,
        requested_at_ms=transfer.requested_at_ms,
        payee=transfer.typed_payee,
        initiation=transfer.initiation,
        txid=transfer.txid,
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
