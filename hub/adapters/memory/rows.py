"""The rows of any flow in memory; see `hub.application.ports.RowRepository`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar

from hub.application.ports import RowChange
from hub.domain.flows import name_of
from hub.domain.flows.flow import FlowRow
from pix.runtime.memory_table import MemoryTable
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.exports import EXPORTED_BY_HUB, ExportKey, ExportPage, export_line, export_page
from pix.scheme.flows import Step

Row = TypeVar("Row", bound=FlowRow)


class MemoryRows(Generic[Row]):
    """The rows of a flow, each with its history."""

    def __init__(self, rows: MemoryTable[str, Row], history: MemoryTable[str, tuple[Step[Any, Any], ...]]) -> None:
        self._rows = rows
        self._history = history
        self._locked: dict[str, Row] = {}

    def lock(self, ids: Collection[str], *, surely: Collection[str] = ()) -> dict[str, Any]:  # noqa: ARG002 - port
        found = {row.row_id: row for row in self.find_many(sorted(ids))}
        self._locked |= found
        return found

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Row]:
        return self._due(real_now_ms, wait_ms_max)[:size]

    def _due(self, now_ms: int, wait_ms_max: int) -> list[Row]:
        due = [
            (row.resend_at_ms, row.row_id, row)
            for row in self._rows.values()
            if row.resend_at_ms is not None and not now_ms < row.resend_at_ms <= now_ms + wait_ms_max
        ]
        return [row for _, _, row in sorted(due, key=lambda entry: entry[:2])]

    def lock_waiting(self, real_now_ms: int, before_ms: int, ispb: str, size: int) -> list[Row]:
        waiting = [
            (row.resend_at_ms, row.row_id, row)
            for row in self._rows.values()
            if row.resend_at_ms is not None
            and real_now_ms < row.resend_at_ms < before_ms
            and ispb in (row.payer and row.payer.ispb, row.payee and row.payee.ispb)
        ]
        return [row for _, _, row in sorted(waiting, key=lambda entry: entry[:2], reverse=True)[:size]]

    def lock_expired(self, real_now_ms: int, timeout_ms: int, size: int, wait_ms_max: int) -> list[Row]:
        return [
            row
            for row in self._due(real_now_ms, wait_ms_max)
            if row.status == "pending" and not -timeout_ms <= real_now_ms - row.waiting_since_ms <= timeout_ms
        ][:size]

    def open_ids(self, size: int) -> list[str]:
        opened = [(row.resend_at_ms, row.row_id) for row in self._rows.values() if row.resend_at_ms is not None]
        return [row_id for _, row_id in sorted(opened)[:size]]

    def save(self, changes: Sequence[RowChange[Row]]) -> None:
        for change in changes:
            row_id = change.row.row_id
            known = self._rows.get(row_id)
            if change.is_new and known is not None:
                raise DatabaseUnavailable("another replica has added one of these rows")
            if self._locked.pop(row_id, known) is not known:
                raise DatabaseUnavailable("another replica has changed one of these rows")
            self._rows.put(row_id, change.row)
            self._history.put(row_id, (self._history.get(row_id) or ()) + change.steps)

    def find(self, row_id: str) -> tuple[Row, list[Step[Any, Any]]] | None:
        row = self._rows.get(row_id)
        return None if row is None else (row, list(self._history.get(row_id) or ()))

    def find_many(self, ids: Collection[str]) -> list[Row]:
        found = [self._rows.get(row_id) for row_id in ids]
        return [row for row in found if row is not None]

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        rows = [row for row in self._rows.values() if after is None or row.row_id > after[0]]
        shown = sorted(rows, key=lambda row: row.row_id)[:size]
        return export_page("\n".join(export_line(row, EXPORTED_BY_HUB[name_of(row)]) for row in shown), size, [0])

    def count_open(self) -> int:
        return sum(row.resend_at_ms is not None for row in self._rows.values())
