"""The timeline of a transfer: every message that was sent for it, and every state that it reached, with the rule.

Derived from the row and its history, by the same functions that made the messages when they were sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hub.domain.flows.transfer.model import (
    HistoryStep,
    Transfer,
    TransferStatus,
    Trigger,
    offer_message,
    outcome_message,
)
from hub.domain.flows.transfer.rules import broken_rule_of, rule_of
from pix.scheme.flows import Mark, MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import (
    Message,
    Outcome,
    OutcomeProcessed,
    Role,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)

_MESSAGES_OF_TRIGGERS: Final[Mapping[Trigger, tuple[str, Role]]] = {
    Trigger.REQUEST: (TransferRequested.__name__, Role.PAYER),
    Trigger.REFUSAL: (TransferRequested.__name__, Role.PAYER),
    Trigger.ACCEPTANCE: (TransferAccepted.__name__, Role.PAYEE),
    Trigger.SUSPENSION: (TransferAccepted.__name__, Role.PAYEE),
    Trigger.REJECTION: (TransferRejected.__name__, Role.PAYEE),
    Trigger.PROCESSING: (OutcomeProcessed.__name__, Role.PAYER),
    Trigger.COMPLETION: (OutcomeProcessed.__name__, Role.PAYER),
}
"""The message that a step received, and its sender where the step names no side."""

_RETRANSMITTED: Final[Mapping[TransferStatus, str]] = {
    TransferStatus.PENDING: TransferOffered.__name__,
    TransferStatus.CONFIRMED: TransferConfirmed.__name__,
    TransferStatus.FAILED: TransferFailed.__name__,
}


def step_name(step: HistoryStep) -> str:
    """How REST names the message of a step: its type, and its side where each bank has one; else the hub's trigger."""
    name = _message_of(step)[0] or step.trigger.value
    return name if step.side is None else f"{name} ({step.side})"


def timeline(transfer: Transfer, history: Sequence[HistoryStep]) -> list[TimelineEntry]:
    """Everything that has happened, in its order."""
    entries: list[TimelineEntry] = []
    status: TransferStatus | None = None
    for step in history:
        entries += _entries(transfer, step, status)
        if not step.ignored:
            status = step.status
    return entries


def _entries(transfer: Transfer, step: HistoryStep, before: TransferStatus | None) -> Iterator[TimelineEntry]:
    name, sender = _message_of(step)
    if step.ignored:
        yield MessageEvent(step.at_ms, name, sender, Role.HUB, None, Mark.REFUSED, step.ignored)
        return
    if step.trigger is Trigger.RETRANSMISSION:
        receiver = Role.PAYEE if step.side is None else Role(step.side.value)
        message = offer_message(transfer) if step.side is None else outcome_message(transfer, step.side)
        yield MessageEvent(step.at_ms, name, Role.HUB, receiver, message, Mark.RESENT)
        return
    if name:
        yield MessageEvent(step.at_ms, name, sender, Role.HUB, _received(transfer, name, sender))
    if step.status is before:
        return
    rule = broken_rule_of(transfer) if step.trigger is Trigger.REFUSAL else rule_of(step.trigger, transfer.reason)
    yield StatusChange(step.at_ms, step.status, step.trigger, rule, transfer.reason)
    if step.status is TransferStatus.PENDING:
        yield MessageEvent(step.at_ms, TransferOffered.__name__, Role.HUB, Role.PAYEE, offer_message(transfer))
    elif step.status is not TransferStatus.COMPLETED:
        for receiver in (Role.PAYER, Role.PAYEE):
            message = outcome_message(transfer, Side(receiver.value))
            # The hub does not tell the payee's bank of the failure of a transfer that it never offered.
            if message is not None and (receiver is Role.PAYER or transfer.offered_at_ms is not None):
                yield MessageEvent(step.at_ms, type(message).__name__, Role.HUB, receiver, message)


def _message_of(step: HistoryStep) -> tuple[str, Role]:
    """The name of a step's message and its sender; no name for what the hub does by its clock."""
    if step.trigger is Trigger.RETRANSMISSION:
        return _RETRANSMITTED[step.status], Role.HUB
    name, sender = _MESSAGES_OF_TRIGGERS.get(step.trigger, ("", Role.HUB))
    return name, sender if step.side is None else Role(step.side.value)


def _received(transfer: Transfer, name: str, sender: Role) -> Message | None:
    if name == TransferRequested.__name__:
        return TransferRequested(
            transfer.end_to_end_id,
            transfer.amount_centavos,
            transfer.payer,
            transfer.payee_key,
            transfer.payee_tax_id_masked,
            transfer.description,
            transfer.requested_at_ms,
            transfer.typed_payee,
            transfer.initiation,
            transfer.txid,
        )
    if name == TransferAccepted.__name__:
        return TransferAccepted(transfer.end_to_end_id, transfer.amount_centavos)
    if name == TransferRejected.__name__ and transfer.reason is not None:
        return TransferRejected(transfer.end_to_end_id, transfer.amount_centavos, transfer.reason)
    if name == OutcomeProcessed.__name__:
        outcome = transfer.outcome or Outcome.FAILED
        side = Side(sender.value)
        return OutcomeProcessed(transfer.end_to_end_id, side, outcome, transfer.amount_centavos, transfer.reason)
    return None
