"""The table of each flow's rows: a new flow is a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bank_sim.adapters.postgres.rows import RowTable, repositories
from bank_sim.adapters.postgres.transfers import TRANSFERS
from bank_sim.domain.flows.transfer import FLOW as TRANSFER

TABLES: Final[Mapping[str, RowTable[Any]]] = {TRANSFER.name: TRANSFERS}
"""In the order in which a transaction locks their rows."""

row_repositories: Final = repositories(TABLES)
