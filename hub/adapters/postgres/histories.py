"""Which histories the hub may archive."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.transfer.model import NAME as TRANSFER
from pix.postgres.histories import HistoryTable, PostgresHistories

_FINISHED: Final = "t.closed_at_ms < :before_ms AND coalesce(t.decided_at_ms, t.closed_at_ms) < :before_ms"
_NO_OPEN_RETURN: Final = (
    "NOT EXISTS (SELECT FROM returns AS r WHERE r.original_end_to_end_id = t.end_to_end_id AND r.closed_at_ms IS NULL)"
)
# A history is lines, each an array.
_STEPS: Final = "('[' || replace(rtrim(t.history, chr(10)), chr(10), ',') || ']')::json"


def histories_of(engine: Engine) -> PostgresHistories:
    tables = {
        TRANSFER: HistoryTable(
            "transfers", ("end_to_end_id",), "received_at_ms", f"{_FINISHED} AND {_NO_OPEN_RETURN}", _STEPS, "''"
        ),
        RETURN: HistoryTable("returns", ("return_id",), "received_at_ms", _FINISHED, _STEPS, "''"),
    }
    return PostgresHistories(engine, tables)
