"""A transfer at the hub: its states, and the one table and the one function that move it.

The row of a transfer is also its outbox: `owed` derives from it every message that the hub owes, so the first send,
the answer to a duplicate, the restart after a crash and the outbox sweep all send the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol, TypedDict, Unpack

from hub.domain.flows.flow import AddressedMessage
from pix.scheme.flows import IllegalTransition, Step
from pix.scheme.initiation import Initiation, is_same_initiation
from pix.scheme.keys import PixKey
from pix.scheme.messages import (
    Outcome,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRequested,
)
from pix.scheme.messages.transfers import FromHub
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import replacing, value_object


class TransferStatus(StrEnum):
    """Where a transfer stands."""

    PENDING = "pending"
    """Offered to the payee's bank; the payer's bank's settlement money is reserved."""
    CONFIRMED = "confirmed"
    """Settled between the banks; the hub retransmits the outcome until both have processed it."""
    COMPLETED = "completed"
    """Both banks have processed the confirmation."""
    FAILED = "failed"
    """Nothing has moved; the hub retransmits the outcome until each bank has processed it."""


class Trigger(StrEnum):
    """What happens to a transfer: mostly a move from one state to the next, or a step within one."""

    REQUEST = "request"
    """The payer's bank requested it, and the request keeps every rule of the hub."""
    REFUSAL = "refusal"
    """The payer's bank requested it, and the request breaks a rule of the hub."""
    ACCEPTANCE = "acceptance"
    """The payee's bank promised to credit."""
    REJECTION = "rejection"
    """The payee's bank rejected the offer."""
    TIMEOUT = "timeout"
    """The payee's bank did not answer in the time that the hub is set to wait (AB03)."""
    SUSPENSION = "suspension"
    """The payee's bank promised to credit, but one of the two banks is suspended by now (DS27)."""
    COMPLETION = "completion"
    """The second of the two banks has processed the confirmation."""
    PROCESSING = "processing"
    """A bank has processed the outcome; the status stays."""
    RETRANSMISSION = "retransmission"
    """The hub sends what it owes once more; the status stays."""


TRANSITIONS: Final[Mapping[tuple[TransferStatus | None, Trigger], TransferStatus]] = {
    (None, Trigger.REQUEST): TransferStatus.PENDING,
    (None, Trigger.REFUSAL): TransferStatus.FAILED,
    (TransferStatus.PENDING, Trigger.ACCEPTANCE): TransferStatus.CONFIRMED,
    (TransferStatus.PENDING, Trigger.REJECTION): TransferStatus.FAILED,
    (TransferStatus.PENDING, Trigger.TIMEOUT): TransferStatus.FAILED,
    (TransferStatus.PENDING, Trigger.SUSPENSION): TransferStatus.FAILED,
    (TransferStatus.CONFIRMED, Trigger.COMPLETION): TransferStatus.COMPLETED,
}
"""Every legal move; None is a transfer that the hub does not know yet. The protocol page draws this as a diagram."""

NAME: Final = "transfer"
"""The flow's."""


HistoryStep = Step[TransferStatus, Trigger]


@value_object
class Transfer:
    """The row. Times are Unix milliseconds of scheme time, None while the step has not happened."""

    end_to_end_id: str
    status: TransferStatus
    reason: ReasonCode | None
    amount_centavos: int
    payer: Party
    payee: Party | None
    """None when the key was never resolved; then the transfer has failed."""
    payee_key: PixKey | None
    """None when the payer typed the payee's account (MANU)."""
    payee_tax_id_masked: str
    description: str
    requested_at_ms: int
    """When the payer's bank made it, by that bank's clock."""
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
    """`received_at_ms` in real time; None in a row of a version without virtual clocks, which has one time for both."""
    initiation: Initiation = Initiation.DICT
    txid: str = ""
    """The payee's own number for the payment; empty for none."""

    def party(self, side: Side) -> Party | None:
        """The party on a side."""
        return self.payer if side is Side.PAYER else self.payee

    def processed_at_ms(self, side: Side) -> int | None:
        """When the bank on a side had processed the outcome."""
        return self.payer_processed_at_ms if side is Side.PAYER else self.payee_processed_at_ms

    def has_content_of(self, message: TransferRequested) -> bool:
        """Whether a request with the same id has the same content."""
        return (
            self.amount_centavos == message.amount_centavos
            and self.payer == message.payer
            and self.payee_key == message.payee_key
            and self.description == message.description
            and self.payee_tax_id_masked == message.payee_tax_id_masked
            and self.typed_payee == message.payee
            and is_same_initiation(self.initiation, self.txid, message.initiation, message.txid)
        )

    @property
    def typed_payee(self) -> Party | None:
        """The payee as the payer typed it; None for a payee whom the hub found by a key."""
        return self.payee if self.payee_key is None else None

    @property
    def row_id(self) -> str:
        """Among all rows of flows."""
        return self.end_to_end_id

    @property
    def waiting_since_ms(self) -> int:
        """Since when it waits, in real time."""
        return self.received_at_ms if self.received_real_at_ms is None else self.received_real_at_ms

    @property
    def outcome(self) -> Outcome | None:
        """The hub's decision, once made."""
        if self.status is TransferStatus.PENDING:
            return None
        return Outcome.FAILED if self.status is TransferStatus.FAILED else Outcome.CONFIRMED


class TransferChanges(TypedDict, total=False):
    """The fields of a transfer that change after it is made."""

    status: TransferStatus
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
    def __call__(self, row: Transfer, /, **changes: Unpack[TransferChanges]) -> Transfer: ...


changed: Final[_Change] = replacing(Transfer)
"""The row with other values of these fields."""


def next_status(status: TransferStatus | None, trigger: Trigger) -> TransferStatus:
    """The one look-up in the table. Raises IllegalTransition."""
    try:
        return TRANSITIONS[status, trigger]
    except KeyError:
        raise IllegalTransition(f"no {trigger} of a transfer that is {status or 'unknown'}") from None


def move(
    transfer: Transfer,
    trigger: Trigger,
    now_ms: int,
    reason: ReasonCode | None = None,
    **changes: Unpack[ChangesOfMove],
) -> Transfer:
    """Moves a transfer to the next state; the only place where a status changes. Raises IllegalTransition."""
    status = next_status(transfer.status, trigger)
    if status is TransferStatus.COMPLETED:
        return changed(transfer, status=status, closed_at_ms=now_ms, **changes)
    return changed(transfer, status=status, reason=reason, decided_at_ms=now_ms, resend_count=0, **changes)


def outcome_message(transfer: Transfer, side: Side) -> FromHub | None:
    """The hub's decision for the bank on a side; None before the decision, or without a bank on that side."""
    if transfer.decided_at_ms is None:
        return None
    if transfer.status is TransferStatus.FAILED:
        if transfer.party(side) is None or transfer.reason is None:
            return None
        return TransferFailed(
            transfer.end_to_end_id,
            side,
            transfer.reason,
            transfer.amount_centavos,
            transfer.payer,
            transfer.payee,
            transfer.payee_key,
            transfer.description,
            transfer.decided_at_ms,
            transfer.initiation,
            transfer.txid,
        )
    if transfer.payee is None:
        return None
    return TransferConfirmed(
        transfer.end_to_end_id,
        side,
        transfer.amount_centavos,
        transfer.payer,
        transfer.payee,
        transfer.payee_key,
        transfer.description,
        transfer.decided_at_ms,
        transfer.initiation,
        transfer.txid,
    )


def owes_outcome(transfer: Transfer, side: Side) -> bool:
    """Whether the bank on a side has yet to process the outcome.

    A payee that was never offered the transfer (the hub refused it at once) is owed nothing.
    """
    if transfer.outcome is None or transfer.processed_at_ms(side) is not None:
        return False
    return side is Side.PAYER or transfer.offered_at_ms is not None


_SIDES: Final = tuple(Side)


def offer_message(transfer: Transfer) -> TransferOffered | None:
    """The offer to the payee's bank; None for a transfer that was never offered."""
    if transfer.payee is None or transfer.offered_at_ms is None:
        return None
    return TransferOffered(
        transfer.end_to_end_id,
        transfer.amount_centavos,
        transfer.payer,
        transfer.payee,
        transfer.payee_key,
        transfer.description,
        transfer.offered_at_ms,
        transfer.initiation,
        transfer.txid,
    )


def owed(transfer: Transfer) -> tuple[AddressedMessage, ...]:
    """Every message that the hub owes for this transfer now, each with the ISPB of the bank that it is for."""
    if transfer.status is TransferStatus.PENDING:
        offer = offer_message(transfer)
        return () if offer is None else ((offer.payee.ispb, offer),)
    messages = []
    for side in _SIDES:
        party, message = transfer.party(side), outcome_message(transfer, side)
        if party is not None and message is not None and owes_outcome(transfer, side):
            messages.append((party.ispb, message))
    return tuple(messages)
