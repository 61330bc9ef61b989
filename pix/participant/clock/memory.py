"""The clock's row in memory."""

from __future__ import annotations

from pix.runtime.memory_table import MemoryTable
from pix.scheme.clock import REAL_TIME, VirtualTime

_ROW = "clock"


class MemoryClock:
    """See `pix.participant.clock.model.ClockRepository`."""

    def __init__(self, table: MemoryTable[str, VirtualTime]) -> None:
        self._table = table

    def read(self) -> VirtualTime:
        return self._table.get(_ROW) or REAL_TIME

    def save(self, time: VirtualTime) -> bool:
        if time.revision <= self.read().revision:
            return False
        self._table.put(_ROW, time)
        return True
