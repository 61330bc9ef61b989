"""The table of each flow's rows: `TABLE` in the module here that has the name of the flow, in the plural."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from bank_sim.adapters.postgres.rows import RowTable, repositories
from bank_sim.domain.flows import FLOWS

TABLES: Final[Mapping[str, RowTable[Any]]] = {
    flow.name: import_module(f"{__package__}.{flow.name}s").TABLE for flow in FLOWS
}
"""In the order in which a transaction locks their rows."""

row_repositories: Final = repositories(TABLES)
