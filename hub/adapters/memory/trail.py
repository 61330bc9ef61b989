"""The operators' audit trail in memory."""

from __future__ import annotations

from dataclasses import replace

from hub.application.ports.trail import ENTRIES_KEPT_MAX, TrailFilter
from hub.domain.trail import TrailEntry
from pix.runtime.memory_table import MemoryTable


class MemoryTrail:
    """See `hub.application.ports.trail.TrailRepository`."""

    def __init__(self, table: MemoryTable[int, TrailEntry]) -> None:
        self._table = table

    def add(self, entry: TrailEntry) -> None:
        number = max((each.number for each in self._table.values()), default=0) + 1
        self._table.put(number, replace(entry, number=number))
        if self._table.get(number - ENTRIES_KEPT_MAX) is not None:
            self._table.drop(number - ENTRIES_KEPT_MAX)

    def list(self, narrow: TrailFilter) -> list[TrailEntry]:
        found = [
            each
            for each in self._table.values()
            if (not narrow.code or each.code == narrow.code)
            and (narrow.act is None or each.act is narrow.act)
            and (narrow.before is None or each.number < narrow.before)
        ]
        return sorted(found, key=lambda each: -each.number)[: narrow.size]
