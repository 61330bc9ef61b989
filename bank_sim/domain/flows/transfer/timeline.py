"""The timeline of this bank's side of a transfer: its messages, and the states that it reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bank_sim.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus, Trigger
from pix.scheme.deliveries import HUB
from pix.scheme.flows import Mark, MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import (
    Role,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)

_MESSAGES: Final[Mapping[Trigger, str]] = {
    Trigger.REQUEST: TransferRequested.__name__,
    Trigger.OFFER: TransferOffered.__name__,
    Trigger.ACCEPTANCE: TransferAccepted.__name__,
    Trigger.REJECTION: TransferRejected.__name__,
    Trigger.CONFIRMATION: TransferConfirmed.__name__,
    Trigger.FAILURE: TransferFailed.__name__,
}


def step_name(step: HistoryStep) -> str:
    """How REST names the message of a step: by its type."""
    return _MESSAGES[step.trigger]


def timeline(transfer: Transfer) -> list[TimelineEntry]:
    """Everything that has happened, in its order."""
    entries: list[TimelineEntry] = []
    status: TransferStatus | None = None
    for step in transfer.history:
        entries += _entries(transfer, step, status)
        # The offer stands in the history with the status that the answer after it decides.
        if not step.ignored and step.trigger is not Trigger.OFFER:
            status = step.status
    return entries


def _entries(transfer: Transfer, step: HistoryStep, before: TransferStatus | None) -> Iterator[TimelineEntry]:
    own = Role(transfer.direction.side.value)
    sender, receiver = (Role.HUB, own) if step.author == HUB else (own, Role.HUB)
    mark = Mark.REFUSED if step.ignored else Mark.NONE
    yield MessageEvent(step.at_ms, step_name(step), sender, receiver, None, mark, step.ignored)
    if not step.ignored and step.status is not before and step.trigger is not Trigger.OFFER:
        yield StatusChange(step.at_ms, step.status, step.trigger, None, step.reason)
