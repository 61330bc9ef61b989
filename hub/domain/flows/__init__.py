"""The hub's registry of flows: a new flow is a folder here and a line in `FLOWS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hub.domain.flows import returns, transfer
from hub.domain.flows.flow import AddressedMessage, Decision, Facts, Flow
from pix.scheme.flows import Step, TimelineEntry, by_message, by_row
from pix.scheme.keys import PixKey
from pix.scheme.messages import Message
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

FLOWS: Final[tuple[Flow[Any, Any, Any], ...]] = (transfer.FLOW, returns.FLOW)
"""In the order in which a transaction locks their rows."""

BY_NAME: Final[Mapping[str, Flow[Any, Any, Any]]] = {flow.name: flow for flow in FLOWS}

_BY_MESSAGE: Final = by_message(FLOWS)
_BY_ROW: Final = by_row(FLOWS)

Rows = Mapping[str, Any]
"""Rows of flows by their ids, which no two flows share."""


@value_object
class Ids:
    """The rows of one flow that a batch of messages loads and locks."""

    all: set[str]
    of_others: set[str]
    """Those that messages of other flows need: these do not change them, so only a lock keeps them as they are."""


def keys_by_flow(messages: Iterable[Message]) -> dict[str, Ids]:
    """The ids of all rows that the messages load and lock, by the name of their flow, in the order of locking."""
    keys = {flow.name: Ids(set(), set()) for flow in FLOWS}
    for message in messages:
        flow = _BY_MESSAGE[type(message)]
        for name, row_id in flow.keys(message):
            keys[name].all.add(row_id)
            if name != flow.name:
                keys[name].of_others.add(row_id)
    return keys


def pix_keys(messages: Iterable[Message]) -> set[PixKey]:
    """The keys that the messages name."""
    named = (_BY_MESSAGE[type(message)].pix_key(message) for message in messages)
    return {key for key in named if key is not None}


def name_of(row: Any) -> str:
    """The name of the flow that a row belongs to."""
    return _BY_ROW[type(row)].name


def decide(rows: Rows, message: Message, facts: Facts) -> Decision[Any]:
    """Decides on a message of the bank `facts.sender`, with the rows of its keys that exist."""
    flow = _BY_MESSAGE[type(message)]
    return flow.decide(flow.state(rows, message), message, facts)


def decide_timeout(row: Any, now_ms: int, real_now_ms: int, policy: RetransmissionPolicy) -> Decision[Any]:
    """Fails a pending row. Raises IllegalTransition for any other."""
    return _BY_ROW[type(row)].decide_timeout(row, now_ms, real_now_ms, policy)


def decide_retransmission(
    row: Any, now_ms: int, real_now_ms: int, policy: RetransmissionPolicy, timeout_ms: int | None
) -> Decision[Any]:
    """Sends what is owed once more, and sets the next due time."""
    return _BY_ROW[type(row)].decide_retransmission(row, now_ms, real_now_ms, policy, timeout_ms)


def owed(row: Any) -> tuple[AddressedMessage, ...]:
    """Every message that this participant owes for a row as it stands."""
    return _BY_ROW[type(row)].owed(row)


def timeline(row: Any, history: Sequence[Step[Any, Any]]) -> list[TimelineEntry]:
    """Everything that has happened to a row, in its order."""
    return _BY_ROW[type(row)].timeline(row, history)
