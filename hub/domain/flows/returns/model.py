"""A return at the hub: its states, and the one table and the one function that move it.

Sides and parties are those of the original transfer: its payee's bank requests the return and gives the money, and its
payer's bank is offered it. The row is also its outbox, as the transfer's is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol, TypedDict, Unpack

from hub.domain.flows.flow import AddressedMessage
from pix.scheme.flows import IllegalTransition, Step
from pix.scheme.messages import Outcome, Party, Side
from pix.scheme.messages.returns import FromHub, ReturnConfirmed, ReturnFailed, ReturnOffered, ReturnRequested
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import replacing, value_object


class ReturnStatus(StrEnum):
    """Where a return stands."""

    PENDING = "pending"
    """Offered to the payer's bank; the payee's bank's settlement money is reserved."""
    CONFIRMED = "confirmed"
    """Settled between the banks; the hub retransmits the outcome until both have processed it."""
    COMPLETED = "completed"
    """Both banks have processed the confirmation."""
    FAILED = "failed"
    """Nothing has moved; the hub retransmits the outcome until each bank has processed it."""


class Trigger(StrEnum):
    """What happens to a return: mostly a move from one state to the next, or a step within one."""

    REQUEST = "request"
    """The payee's bank requested it, and the request keeps every rule of the hub."""
    REFUSAL = "refusal"
    """The payee's bank requested it, and the request breaks a rule of the hub."""
    ACCEPTANCE = "acceptance"
    """The payer's bank promised to credit."""
    REJECTION = "rejection"
    """The payer's bank rejected the offer."""
    TIMEOUT = "timeout"
    """The payer's bank did not answer in the time that the hub is set to wait (AB11)."""
    SUSPENSION = "suspension"
    """The payer's bank promised to credit, but one of the two banks is suspended by now (DS27)."""
    COMPLETION = "completion"
    """The second of the two banks has processed the confirmation."""
    PROCESSING = "processing"
    """A bank has processed the outcome; the status stays."""
    RETRANSMISSION = "retransmission"
    """The hub sends what it owes once more; the status stays."""


TRANSITIONS: Final[Mapping[tuple[ReturnStatus | None, Trigger], ReturnStatus]] = {
    (None, Trigger.REQUEST): ReturnStatus.PENDING,
    (None, Trigger.REFUSAL): ReturnStatus.FAILED,
    (ReturnStatus.PENDING, Trigger.ACCEPTANCE): ReturnStatus.CONFIRMED,
    (ReturnStatus.PENDING, Trigger.REJECTION): ReturnStatus.FAILED,
    (ReturnStatus.PENDING, Trigger.TIMEOUT): ReturnStatus.FAILED,
    (ReturnStatus.PENDING, Trigger.SUSPENSION): ReturnStatus.FAILED,
    (ReturnStatus.CONFIRMED, Trigger.COMPLETION): ReturnStatus.COMPLETED,
}
"""Every legal move; None is a return that the hub does not know yet. The protocol page draws this as a diagram."""

NAME: Final = "return"
"""The flow's."""

HistoryStep = Step[ReturnStatus, Trigger]


@value_object
class Return:
    """The row. Times are Unix milliseconds of scheme time, None while the step has not happened."""

    return_id: str
    original_end_to_end_id: str
    status: ReturnStatus
    reason: ReasonCode | None
    """Why it failed."""
    amount_centavos: int
    return_reason: ReasonCode
    """Why the money goes back."""
    payer: Party | None
    """Of the original. None, and so the payee, when the sender may not return the original; then it has failed."""
    payee: Party | None
    description: str
    requested_at_ms: int
    """When the payee's bank made it, by that bank's clock."""
    received_at_ms: int
    offered_at_ms: int | None = None
    decided_at_ms: int | None = None
    payer_processed_at_ms: int | None = None
    payee_processed_at_ms: int | None = None
    closed_at_ms: int | None = None
    """When nothing was owed any more: completed, or failed and processed by all who knew of it."""
    resend_at_ms: int | None = None
    """In real time."""
    resend_count: int = 0
    """Resends since the last change of state."""
    resends: int = 0
    """Resends in all."""
    duplicates: int = 0
    """Messages that came again and changed nothing."""
    refusals: int = 0
    """Messages that were ignored; the history records the first of them."""
    traceparent: str = ""
    received_real_at_ms: int | None = None
    """`received_at_ms` in real time; None in a row of a version without virtual clocks."""

    @property
    def waiting_since_ms(self) -> int:
        """Since when it waits, in real time."""
        return self.received_at_ms if self.received_real_at_ms is None else self.received_real_at_ms

    @property
    def row_id(self) -> str:
        """Among all rows of flows."""
        return self.return_id

    @property
    def requester_ispb(self) -> str:
        """The bank that requested it, which the return id names: the payee's, if it may return the original."""
        return self.return_id[1:9]

    def ispb(self, side: Side) -> str | None:
        """The bank on a side; None for a payer's bank that the request does not lead to."""
        if side is Side.PAYEE:
            return self.requester_ispb
        return None if self.payer is None else self.payer.ispb

    def processed_at_ms(self, side: Side) -> int | None:
        """When the bank on a side had processed the outcome."""
        return self.payer_processed_at_ms if side is Side.PAYER else self.payee_processed_at_ms

    def has_content_of(self, message: ReturnRequested) -> bool:
        """Whether a request with the same id has the same content."""
        return (
            self.original_end_to_end_id == message.original_end_to_end_id
            and self.amount_centavos == message.amount_centavos
            and self.return_reason is message.reason
            and self.description == message.description
        )

    @property
    def outcome(self) -> Outcome | None:
        """The hub's decision, once made."""
        if self.status is ReturnStatus.PENDING:
            return None
        return Outcome.FAILED if self.status is ReturnStatus.FAILED else Outcome.CONFIRMED


@value_object
class Returned:
    """A reading: how much of a transfer its returns take that are pending, confirmed or completed."""

    original_end_to_end_id: str
    centavos: int

    @property
    def row_id(self) -> str:
        """Among all rows of flows."""
        return returned_id(self.original_end_to_end_id)


RETURNED_PREFIX: Final = "returned/"


def returned_id(original_end_to_end_id: str) -> str:
    """The id of the reading of a transfer."""
    return f"{RETURNED_PREFIX}{original_end_to_end_id}"


class ReturnChanges(TypedDict, total=False):
    """The fields of a return that change after it is made."""

    status: ReturnStatus
    reason: ReasonCode | None
    decided_at_ms: int | None
    payer_processed_at_ms: int | None
    payee_processed_at_ms: int | None
    closed_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int
    resends: int
    duplicates: int
    refusals: int


class Processed(TypedDict, total=False):
    """When the bank on one side processed the outcome."""

    payer_processed_at_ms: int
    payee_processed_at_ms: int


class ChangesOfMove(Processed, total=False):
    """The fields that a move leaves to its caller."""

    resend_at_ms: int | None


class _Change(Protocol):
    def __call__(self, row: Return, /, **changes: Unpack[ReturnChanges]) -> Return: ...


changed: Final[_Change] = replacing(Return)
"""The row with other values of these fields."""


def next_status(status: ReturnStatus | None, trigger: Trigger) -> ReturnStatus:
    """The one look-up in the table. Raises IllegalTransition."""
    try:
        return TRANSITIONS[status, trigger]
    except KeyError:
        raise IllegalTransition(f"no {trigger} of a return that is {status or 'unknown'}") from None


def move(
    row: Return,
    trigger: Trigger,
    now_ms: int,
    reason: ReasonCode | None = None,
    **changes: Unpack[ChangesOfMove],
) -> Return:
    """Moves a return to the next state; the only place where a status changes. Raises IllegalTransition."""
    status = next_status(row.status, trigger)
    if status is ReturnStatus.COMPLETED:
        return changed(row, status=status, closed_at_ms=now_ms, **changes)
    return changed(row, status=status, reason=reason, decided_at_ms=now_ms, resend_count=0, **changes)


def outcome_message(row: Return, side: Side) -> FromHub | None:
    """The hub's decision for the bank on a side; None before the decision, or without a bank on that side."""
    if row.decided_at_ms is None:
        return None
    if row.status is ReturnStatus.FAILED:
        if row.ispb(side) is None or row.reason is None:
            return None
        return ReturnFailed(
            row.return_id,
            row.original_end_to_end_id,
            side,
            row.reason,
            row.amount_centavos,
            row.return_reason,
            row.payer,
            row.payee,
            row.description,
            row.decided_at_ms,
        )
    if row.payer is None or row.payee is None:
        return None
    return ReturnConfirmed(
        row.return_id,
        row.original_end_to_end_id,
        side,
        row.amount_centavos,
        row.return_reason,
        row.payer,
        row.payee,
        row.description,
        row.decided_at_ms,
    )


def owes_outcome(row: Return, side: Side) -> bool:
    """Whether the bank on a side has yet to process the outcome.

    A payer's bank that was never offered the return (the hub refused it at once) is owed nothing.
    """
    if row.outcome is None or row.processed_at_ms(side) is not None:
        return False
    return side is Side.PAYEE or row.offered_at_ms is not None


def offer_message(row: Return) -> ReturnOffered | None:
    """The offer to the payer's bank; None for a return that was never offered."""
    if row.payer is None or row.payee is None or row.offered_at_ms is None:
        return None
    return ReturnOffered(
        row.return_id,
        row.original_end_to_end_id,
        row.amount_centavos,
        row.return_reason,
        row.description,
        row.payer,
        row.payee,
        row.offered_at_ms,
    )


def owed(row: Return) -> tuple[AddressedMessage, ...]:
    """Every message that the hub owes for this return now, each with the ISPB of the bank that it is for."""
    if row.status is ReturnStatus.PENDING:
        offer = offer_message(row)
        return () if offer is None else ((offer.payer.ispb, offer),)
    messages: list[AddressedMessage] = []
    for side in (Side.PAYEE, Side.PAYER):
        ispb, message = row.ispb(side), outcome_message(row, side)
        if ispb is not None and message is not None and owes_outcome(row, side):
            messages.append((ispb, message))
    return tuple(messages)
