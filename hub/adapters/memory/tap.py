"""A wire tap in memory: what a test or a demonstration puts on the wire."""

from __future__ import annotations

import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from pix.messaging.tap import TappedRecord
from pix.runtime.outages import BrokerUnavailable
from pix.wire.record import Record


class MemoryWire:
    """Copies records to its taps; `is_down` simulates an unavailable broker."""

    def __init__(self) -> None:
        self.is_down = False
        self.taps: list[MemoryTap] = []

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
        for tap in list(self.taps):
            tap.passed.put(tapped)


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
