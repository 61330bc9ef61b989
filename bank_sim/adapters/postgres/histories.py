"""Which histories the bank may archive."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from bank_sim.domain.flows.returns.model import NAME as RETURN
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from pix.postgres.histories import HistoryTable, PostgresHistories

_FINISHED: Final = "t.status IN ('confirmed', 'failed') AND coalesce(t.decided_at_ms, t.requested_at_ms) < :before_ms"
_NO_OPEN_RETURN: Final = (
    "NOT EXISTS (SELECT FROM returns AS r WHERE r.original_end_to_end_id = t.end_to_end_id "
    "AND r.status IN ('pending', 'accepted', 'rejected'))"
)
_EMPTY: Final = "'[]'::jsonb"


def histories_of(engine: Engine) -> PostgresHistories:
    tables = {
        TRANSFER: HistoryTable(
            "transfers",
            ("end_to_end_id", "direction"),
            "requested_at_ms",
            f"{_FINISHED} AND {_NO_OPEN_RETURN}",
            "t.history",
            _EMPTY,
        ),
        RETURN: HistoryTable("returns", ("return_id", "direction"), "requested_at_ms", _FINISHED, "t.history", _EMPTY),
    }
    return PostgresHistories(engine, tables)
