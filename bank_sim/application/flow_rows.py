"""The rows of every flow, whichever they are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bank_sim.application.ports import UnitOfWork
from bank_sim.domain.flows.flow import RowId


def find_rows(unit: UnitOfWork, ids: Collection[RowId]) -> dict[RowId, tuple[str, Any]]:
    """Those that exist, each with the name of its flow, without a lock."""
    found: dict[RowId, tuple[str, Any]] = {}
    for flow, rows in unit.rows.items():
        if missing := set(ids) - found.keys():
            found |= {row_id: (flow, row) for row_id, row in rows.find_many(missing).items()}
    return found


def has_undecided(unit: UnitOfWork, account_number: str) -> bool:
    """Whether money may still come to the account, in any flow."""
    return any(rows.has_undecided(account_number) for rows in unit.rows.values())
