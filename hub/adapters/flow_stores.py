"""Where the rows of each flow are kept: in the modules of both stores that have its name, in the plural."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Connection

from hub.application.ports import RowRepository
from hub.domain.flows import FLOWS


@dataclass(frozen=True)
class FlowStore:
    """How the repository of a flow's rows is made, for each transaction."""

    in_postgres: Callable[[], Callable[[Connection], Any]]
    """Called once in a process, whose transactions may share what it knows."""
    in_memory: Callable[[Any, Any], RowRepository[Any]]
    """Takes the tables of rows and of histories."""


STORES: Final[Mapping[str, FlowStore]] = {
    flow.name: FlowStore(
        import_module(f"hub.adapters.postgres.{flow.name}s").IN_POSTGRES,
        import_module(f"hub.adapters.memory.{flow.name}s").IN_MEMORY,
    )
    for flow in FLOWS
}
"""By the name of the flow, in the order in which a transaction locks their rows."""
