"""The timeline of a return: every message that was sent for it, and every state that it reached, with the rule.

Derived from the row and its history, by the same functions that made the messages when they were sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hub.domain.flows.returns.model import (
    HistoryStep,
    Return,
    ReturnStatus,
    Trigger,
    offer_message,
    outcome_message,
)
from hub.domain.flows.returns.rules import rule_of
from pix.scheme.flows import Mark, MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import Message, Outcome, Role, Side
from pix.scheme.messages.returns import (
    ReturnAccepted,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnProcessed,
    ReturnRejected,
    ReturnRequested,
)

_MESSAGES_OF_TRIGGERS: Final[Mapping[Trigger, tuple[str, Role]]] = {
    Trigger.REQUEST: (ReturnRequested.__name__, Role.PAYEE),
    Trigger.REFUSAL: (ReturnRequested.__name__, Role.PAYEE),
    Trigger.ACCEPTANCE: (ReturnAccepted.__name__, Role.PAYER),
    Trigger.SUSPENSION: (ReturnAccepted.__name__, Role.PAYER),
    Trigger.REJECTION: (ReturnRejected.__name__, Role.PAYER),
    Trigger.PROCESSING: (ReturnProcessed.__name__, Role.PAYEE),
    Trigger.COMPLETION: (ReturnProcessed.__name__, Role.PAYEE),
}
"""The message that a step received, and its sender where the step names no side."""

_RETRANSMITTED: Final[Mapping[ReturnStatus, str]] = {
    ReturnStatus.PENDING: ReturnOffered.__name__,
    ReturnStatus.CONFIRMED: ReturnConfirmed.__name__,
    ReturnStatus.FAILED: ReturnFailed.__name__,
}


def step_name(step: HistoryStep) -> str:
    """How REST names the message of a step: its type, and its side where each bank has one; else the hub's trigger."""
    name = _message_of(step)[0] or step.trigger.value
    return name if step.side is None else f"{name} ({step.side})"


def timeline(row: Return, history: Sequence[HistoryStep]) -> list[TimelineEntry]:
    """Everything that has happened, in its order."""
    entries: list[TimelineEntry] = []
    status: ReturnStatus | None = None
    for step in history:
        entries += _entries(row, step, status)
        if not step.ignored:
            status = step.status
    return entries


def _entries(row: Return, step: HistoryStep, before: ReturnStatus | None) -> Iterator[TimelineEntry]:
    name, sender = _message_of(step)
    if step.ignored:
        yield MessageEvent(step.at_ms, name, sender, Role.HUB, None, Mark.REFUSED, step.ignored)
        return
    if step.trigger is Trigger.RETRANSMISSION:
        receiver = Role.PAYER if step.side is None else Role(step.side.value)
        message = offer_message(row) if step.side is None else outcome_message(row, step.side)
        yield MessageEvent(step.at_ms, name, Role.HUB, receiver, message, Mark.RESENT)
        return
    if name:
        yield MessageEvent(step.at_ms, name, sender, Role.HUB, _received(row, name, sender))
    if step.status is before:
        return
    rule = rule_of(step.trigger, row.reason)
    yield StatusChange(step.at_ms, step.status, step.trigger, rule, row.reason)
    if step.status is ReturnStatus.PENDING:
        yield MessageEvent(step.at_ms, ReturnOffered.__name__, Role.HUB, Role.PAYER, offer_message(row))
    elif step.status is not ReturnStatus.COMPLETED:
        for receiver in (Role.PAYEE, Role.PAYER):
            message = outcome_message(row, Side(receiver.value))
            # The hub does not tell the payer's bank of the failure of a return that it never offered.
            if message is not None and (receiver is Role.PAYEE or row.offered_at_ms is not None):
                yield MessageEvent(step.at_ms, type(message).__name__, Role.HUB, receiver, message)


def _message_of(step: HistoryStep) -> tuple[str, Role]:
    """The name of a step's message and its sender; no name for what the hub does by its clock."""
    if step.trigger is Trigger.RETRANSMISSION:
        return _RETRANSMITTED[step.status], Role.HUB
    name, sender = _MESSAGES_OF_TRIGGERS.get(step.trigger, ("", Role.HUB))
    return name, sender if step.side is None else Role(step.side.value)


def _received(row: Return, name: str, sender: Role) -> Message | None:
    ids = (row.return_id, row.original_end_to_end_id)
    if name == ReturnRequested.__name__:
        return ReturnRequested(*ids, row.amount_centavos, row.return_reason, row.description, row.requested_at_ms)
    if name == ReturnAccepted.__name__:
        return ReturnAccepted(*ids, row.amount_centavos)
    if name == ReturnRejected.__name__ and row.reason is not None:
        return ReturnRejected(*ids, row.amount_centavos, row.reason)
    if name == ReturnProcessed.__name__:
        outcome = row.outcome or Outcome.FAILED
        return ReturnProcessed(*ids, Side(sender.value), outcome, row.amount_centavos, row.reason)
    return None
