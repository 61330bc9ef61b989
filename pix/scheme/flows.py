"""What every flow is made of, at the hub and at the banks.

A flow is a family of messages with its states: a folder `domain/flows/<name>/` of the hub and of the banks. Both sides
write it in the same files: `model` (row, states, transition table, `move`, `owed`), `rules`, `decisions`, `timeline`,
and `movements` of settlement money (hub) or `postings` (bank). What these have in common stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from pix.scheme.messages import Message, Role, Side
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object

IGNORED_MESSAGES_RECORDED_MAX: Final = 20
"""A history records this many ignored messages and counts the rest, so that no sender can make it grow."""

RETRANSMISSIONS_RECORDED_MAX: Final = 20
"""A history records this many retransmissions and counts the rest, however long a bank is away."""

IGNORED_TEXT_LENGTH_MAX: Final = 200

StatusT = TypeVar("StatusT", bound=StrEnum)
TriggerT = TypeVar("TriggerT", bound=StrEnum)


class IllegalTransition(Exception):
    """The transition table has no such move."""


@value_object
class Step(Generic[StatusT, TriggerT]):
    """One step of a row's history."""

    at_ms: int
    author: str
    """The ISPB of a bank, or `hub`; in a bank's history `bank` is the bank itself."""
    trigger: TriggerT
    side: Side | None
    """The side of a message that each of the two banks has; None for a message of one bank."""
    status: StatusT
    """After the step."""
    reason: ReasonCode | None = None
    ignored: str = ""
    """Why the message changed nothing; empty for a step that was applied."""


RowT_co = TypeVar("RowT_co", covariant=True)
StepT_co = TypeVar("StepT_co", covariant=True)
MessageT_co = TypeVar("MessageT_co", covariant=True)


@value_object
class Decision(Generic[RowT_co, StepT_co, MessageT_co]):
    """What follows from one message. The hub adds movements of settlement money, a bank adds postings."""

    row: RowT_co | None
    """As it stands afterwards; None when there is no row and none is made."""
    steps: tuple[StepT_co, ...] = ()
    """New steps of its history."""
    messages: tuple[MessageT_co, ...] = ()
    """Messages to send now."""
    dead_letter: str = ""
    """Why the message becomes a dead letter; empty otherwise."""


class Mark(StrEnum):
    """What is special about a message in a timeline."""

    NONE = ""
    RESENT = "resent"
    """A retransmission."""
    REFUSED = "refused"
    """It was ignored: it changed nothing."""


@value_object
class MessageEvent:
    """A message in a timeline."""

    at_ms: int
    """By the clock of the participant whose timeline it is: when it sent or received the message."""
    name: str
    sender: Role
    receiver: Role
    message: Message | None = None
    """As it was sent; None for an ignored message, whose content is not kept."""
    mark: Mark = Mark.NONE
    why: str = ""
    """Why it was ignored."""


@value_object
class StatusChange(Generic[StatusT, TriggerT]):
    """A state that a row reached, in a timeline."""

    at_ms: int
    status: StatusT
    trigger: TriggerT
    rule: StrEnum | None
    """The hub's rule by which the trigger moved the row; None at a bank, which has the hub's word."""
    reason: ReasonCode | None = None


TimelineEntry = MessageEvent | StatusChange[Any, Any]


class HasMessages(Protocol):
    """A flow of either side, as far as its registry looks into it."""

    @property
    def name(self) -> str: ...

    @property
    def messages(self) -> frozenset[type[Any]]:
        """The messages that this participant receives in the flow."""

    @property
    def row(self) -> type[Any]: ...


FlowT = TypeVar("FlowT", bound=HasMessages)


def by_message(flows: Iterable[FlowT]) -> Mapping[type[Any], FlowT]:
    return {message: flow for flow in flows for message in flow.messages}


def by_row(flows: Iterable[FlowT]) -> Mapping[type[Any], FlowT]:
    return {flow.row: flow for flow in flows}
