"""Exports of what is kept in memory; see `bank_sim.application.ports.RowRepository` and `PostingRepository`."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from bank_sim.domain.books import CAPITAL, Posting
from pix.runtime.memory_table import MemoryTable
from pix.scheme.exports import EXPORTED_BY_BANK, EXPORTED_POSTINGS, ExportKey, ExportPage, export_line, export_page
from pix.scheme.postings import PostingKind


class ExportedRows:
    """The rows of a flow."""

    _rows: MemoryTable[Any, Any]
    _flow: str

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        rows = sorted((row for row in self._rows.values() if after is None or row.row_id > after), key=_row_id)
        lines = "\n".join(export_line(row, EXPORTED_BY_BANK[self._flow]) for row in rows[:size])
        return export_page(lines, size, [0, 1])


class ExportedPostings:
    """The books."""

    @abstractmethod
    def _entries(self) -> Iterable[tuple[int, Posting]]:
        """Each posting with its id, in the order of the ids."""

    def export_operations(self, after: ExportKey | None, size: int) -> ExportPage:
        return self._export(("operation_id",), after, size)

    def export_of_rows(self, after: ExportKey | None, size: int) -> ExportPage:
        return self._export(("end_to_end_id", "direction", "kind"), after, size)

    def last_id(self) -> int:
        return max((posting_id for posting_id, _ in self._entries()), default=0)

    def funded_centavos(self) -> int:
        return sum(
            posting.amount_centavos if posting.credit_account == CAPITAL else -posting.amount_centavos
            for _, posting in self._entries()
            if posting.kind is PostingKind.SETTLEMENT_FUNDING
        )

    def _export(self, key: tuple[str, ...], after: ExportKey | None, size: int) -> ExportPage:
        keyed = [
            (tuple(str(getattr(posting, name)) for name in key), posting_id, posting)
            for posting_id, posting in self._entries()
            if getattr(posting, key[0]) is not None
        ]
        shown = sorted(entry for entry in keyed if after is None or entry[0] > after)[:size]
        lines = "\n".join(json.dumps(_values(posting_id, posting)) for _, posting_id, posting in shown)
        return export_page(lines, size, [EXPORTED_POSTINGS.index(name) for name in key])


def _values(posting_id: int, posting: Posting) -> list[Any]:
    return [posting_id, *(getattr(posting, name) for name in EXPORTED_POSTINGS[1:])]


def _row_id(row: Any) -> tuple[str, str]:
    key, direction = row.row_id
    return key, direction
