"""Where the rows of each flow are kept: a new flow is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from hub.adapters.memory.returns import MemoryReturns
from hub.adapters.memory.transfers import MemoryTransfers
from hub.adapters.postgres.returns import returns_of_process
from hub.adapters.postgres.transfers import transfers_of_process
from hub.application.ports import RowRepository
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.transfer.model import NAME as TRANSFER


@dataclass(frozen=True)
class FlowStore:
    """How the repository of a flow's rows is made, for each transaction."""

    in_postgres: Callable[[], Callable[[Connection], Any]]
    """Called once in a process, whose transactions may share what it knows."""
    in_memory: Callable[[Any, Any], RowRepository[Any]]
    """Takes the tables of rows and of histories."""


STORES: Final[Mapping[str, FlowStore]] = {
    TRANSFER: FlowStore(transfers_of_process, MemoryTransfers),
    RETURN: FlowStore(returns_of_process, MemoryReturns),
}
"""By the name of the flow, in the order in which a transaction locks their rows."""
