"""Asks the hub what has become of the generator's transfers, as cheaply as one can."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Final

from lab.drive.generator.tally import Tally
from lab.drive.payments import outcome_of
from lab.read.rest import HubRest, Json, Refused, Unreachable

POLL_SECONDS: Final = 1.0
PAGE_SIZE: Final = 500
PAGES_MAX: Final = 8
RECENT_MS: Final = 15_000
"""Younger transfers are found among the newest; of older ones there may be many that wait for the same bank."""
SAMPLED: Final = 3
"""So many of the oldest are looked at by themselves: while none of these is final, the others need not be read."""


class OutcomePoller:
    """Reads the newest transfers each second, and the older ones once one of them has ended."""

    def __init__(self, hub: HubRest, tally: Tally) -> None:
        self._hub = hub
        self._tally = tally

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; while the hub is away, everything is under way."""
        while not stop.wait(POLL_SECONDS):
            try:
                self.poll()
            except (Unreachable, Refused):
                continue

    def poll(self) -> None:
        """Asks once. Raises `Unreachable`."""
        in_flight_transfers = self._tally.in_flight_transfers()
        if not in_flight_transfers:
            return
        limit_ms = time.time_ns() // 1_000_000 - RECENT_MS
        ages = sorted((each.taken_at_ms, name) for name, each in in_flight_transfers.items())
        self._read("", max(ages[0][0], limit_ms), in_flight_transfers)
        old = [(taken_at_ms, name) for taken_at_ms, name in ages if taken_at_ms < limit_ms]
        has_ended = [self._probe(name) for _, name in old[:SAMPLED]]
        if any(has_ended):
            # A bit more than the youngest of them, since the hub receives a transfer later than its bank does.
            self._read(f"{old[-1][0] + RECENT_MS}:", old[0][0], in_flight_transfers)

    def _probe(self, end_to_end_id: str) -> bool:
        try:
            row = self._hub.transfer(end_to_end_id)
        except Refused:
            # The hub does not have it yet.
            return False
        self._note(row)
        return row["closed_at_ms"] is not None

    def _read(self, before: str, from_ms: int, wanted: Collection[str]) -> None:
        """Reads transfers from a place of the hub's list down to a time, in pages."""
        cursor = before
        for _ in range(PAGES_MAX):
            page = self._hub.get("/transfers", before=cursor, size=PAGE_SIZE)
            for row in page["transfers"]:
                if row["end_to_end_id"] in wanted:
                    self._note(row)
            cursor = page["next"] or ""
            if not cursor or page["transfers"][-1]["received_at_ms"] < from_ms:
                return

    def _note(self, row: Json) -> None:
        if row["closed_at_ms"] is not None:
            self._tally.finished(row["end_to_end_id"], outcome_of(row), row["closed_at_ms"] - row["requested_at_ms"])
