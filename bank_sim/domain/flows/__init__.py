"""The bank's registry of flows: a new flow is a folder here and a line in `FLOWS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bank_sim.domain.charges.model import ChargePlace
from bank_sim.domain.flows import returns, transfer
from bank_sim.domain.flows.flow import Decision, Facts, Flow, RowId
from pix.scheme.flows import TimelineEntry, by_message, by_row
from pix.scheme.messages import BankMessage, Message
from pix.scheme.retransmission import RetransmissionPolicy

FLOWS: Final[tuple[Flow[Any, Any, Any], ...]] = (transfer.FLOW, returns.FLOW)
"""In the order in which a transaction locks their rows."""

_BY_MESSAGE: Final = by_message(FLOWS)
_BY_ROW: Final = by_row(FLOWS)

_OFFERS: Final = frozenset(offer for flow in FLOWS for offer in flow.offers)

Rows = Mapping[RowId, Any]
"""Rows of flows by their ids, which no two flows share."""


def keys_by_flow(messages: Iterable[Message]) -> dict[str, set[RowId]]:
    """The ids of all rows that the messages load and lock, by the name of their flow, in the order of locking."""
    keys: dict[str, set[RowId]] = {flow.name: set() for flow in FLOWS}
    for message in messages:
        for name, row_id in _BY_MESSAGE[type(message)].keys(message):
            keys[name].add(row_id)
    return keys


def account_needed(rows: Rows, message: Message) -> str:
    """The number of the customer's account to load and lock; empty when the decision needs none."""
    flow = _BY_MESSAGE[type(message)]
    return flow.account_needed(flow.state(rows, message), message)


def charge_needed(rows: Rows, message: Message) -> ChargePlace | None:
    """Where to find the charge to load and lock; None when the decision needs none."""
    flow = _BY_MESSAGE[type(message)]
    return flow.charge_needed(flow.state(rows, message), message)


def has_offer(messages: Iterable[Message]) -> bool:
    """Whether the bank's switches and rules may count for one of them."""
    return any(type(message) in _OFFERS for message in messages)


def name_of(row: Any) -> str:
    """The name of the flow that a row belongs to."""
    return _BY_ROW[type(row)].name


def by_flow(rows: Iterable[Any]) -> dict[str, list[Any]]:
    """The rows by the name of their flow, in their order."""
    of_flows: dict[str, list[Any]] = {}
    for row in rows:
        of_flows.setdefault(name_of(row), []).append(row)
    return of_flows


def decide(rows: Rows, message: Message, facts: Facts) -> Decision[Any]:
    """Decides on a message of the hub, with the rows of its keys that exist."""
    flow = _BY_MESSAGE[type(message)]
    return flow.decide(flow.state(rows, message), message, facts)


def decide_retransmission(row: Any, real_now_ms: int, policy: RetransmissionPolicy) -> Decision[Any]:
    """Sends what is owed once more, and sets the next due time."""
    return _BY_ROW[type(row)].decide_retransmission(row, real_now_ms, policy)


def owed(row: Any, real_now_ms: int) -> tuple[BankMessage, ...]:
    """Every message that this participant owes for a row as it stands."""
    return _BY_ROW[type(row)].owed(row, real_now_ms)


def timeline(row: Any) -> list[TimelineEntry]:
    """Everything that has happened to a row, in its order."""
    return _BY_ROW[type(row)].timeline(row)
