"""A wire tap in memory: what a test or a demonstration puts on the wire."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final

from pix.messaging.tap import TappedRecord
from pix.runtime.outages import BrokerUnavailable
from pix.wire.record import Record

RECORDS_KEPT_MAX: Final = 1_000
"""Of each topic."""


class MemoryWire:
    """Copies records to its taps; `is_down` simulates an unavailable broker."""

    def __init__(self) -> None:
        self.is_down = False
        self.taps: list[MemoryTap] = []
        self._kept: dict[str, tuple[int, deque[TappedRecord]]] = {}

    def tap(self) -> MemoryTap:
        """A new tap, from now on. Raises BrokerUnavailable."""
        if self.is_down:
            raise BrokerUnavailable("the wire is down")
        tap = MemoryTap(self)
        self.taps.append(tap)
        return tap

    def pass_on(self, records: Sequence[Record]) -> None:
        """These pass now."""
        at_ms = time.time_ns() // 1_000_000
        tapped = [TappedRecord(at_ms, record) for record in records]
        for each in tapped:
            following, kept = self._kept.get(each.record.topic, (0, deque(maxlen=RECORDS_KEPT_MAX)))
            kept.append(each)
            self._kept[each.record.topic] = (following + 1, kept)
        for tap in list(self.taps):
            tap.passed.put(tapped)

    def kept(self) -> dict[str, tuple[int, tuple[TappedRecord, ...]]]:
        """The latest records of each topic, oldest first, and how many there have ever been."""
        if self.is_down:
            raise BrokerUnavailable("the wire is down")
        return {topic: (following, tuple(records)) for topic, (following, records) in self._kept.items()}


class MemoryTap:
    def __init__(self, wire: MemoryWire) -> None:
        self._wire = wire
        self.passed: SimpleQueue[list[TappedRecord]] = SimpleQueue()

    def poll(self, timeout_seconds: float) -> Sequence[TappedRecord]:
        if self._wire.is_down:
            raise BrokerUnavailable("the wire is down")
        tapped: list[TappedRecord] = []
        try:
            tapped += self.passed.get(timeout=timeout_seconds)
            while True:
                tapped += self.passed.get_nowait()
        except Empty:
            return tapped

    def close(self) -> None:
        self._wire.taps.remove(self)
