"""The timeline of this bank's side of a return: its messages, and the states that it reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bank_sim.domain.flows.returns.model import HistoryStep, Return, ReturnStatus, Trigger
from pix.scheme.deliveries import HUB
from pix.scheme.flows import Mark, MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import Role
from pix.scheme.messages.returns import (
    ReturnAccepted,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnRejected,
    ReturnRequested,
)

_MESSAGES: Final[Mapping[Trigger, str]] = {
    Trigger.REQUEST: ReturnRequested.__name__,
    Trigger.OFFER: ReturnOffered.__name__,
    Trigger.ACCEPTANCE: ReturnAccepted.__name__,
    Trigger.REJECTION: ReturnRejected.__name__,
    Trigger.CONFIRMATION: ReturnConfirmed.__name__,
    Trigger.FAILURE: ReturnFailed.__name__,
}


def step_name(step: HistoryStep) -> str:
    """How REST names the message of a step: by its type."""
    return _MESSAGES[step.trigger]


def timeline(row: Return) -> list[TimelineEntry]:
    """Everything that has happened, in its order."""
    entries: list[TimelineEntry] = []
    status: ReturnStatus | None = None
    for step in row.history:
        entries += _entries(row, step, status)
        # The offer stands in the history with the status that the answer after it decides.
        if not step.ignored and step.trigger is not Trigger.OFFER:
            status = step.status
    return entries


def _entries(row: Return, step: HistoryStep, before: ReturnStatus | None) -> Iterator[TimelineEntry]:
    own = Role(row.side.value)
    sender, receiver = (Role.HUB, own) if step.author == HUB else (own, Role.HUB)
    mark = Mark.REFUSED if step.ignored else Mark.NONE
    yield MessageEvent(step.at_ms, step_name(step), sender, receiver, None, mark, step.ignored)
    if not step.ignored and step.status is not before and step.trigger is not Trigger.OFFER:
        yield StatusChange(step.at_ms, step.status, step.trigger, None, step.reason)
