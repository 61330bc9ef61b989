"""What a process reports of itself to the owner of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pix.participant.clock.model import OPEN_IDS_MAX, ClockReport, DueItems, NetworkClock


class ReadClockReport:
    """Reads what a process owes and what is due next."""

    def __init__(
        self,
        units: Callable[[], Any],
        repositories: Callable[[Any], Iterable[Any]],
        clock: NetworkClock,
        due_items: DueItems,
        instance: str,
    ) -> None:
        """`repositories` gives those of every flow, each with `open_ids`."""
        self._units = units
        self._repositories = repositories
        self._clock = clock
        self._due_items = due_items
        self.instance = instance

    def __call__(self) -> ClockReport:
        """Raises DatabaseUnavailable."""
        revision = self._clock.time.revision
        # In this order: an item that is done between the two readings is then among the rows that are open.
        next_due_ms = self._due_items.next_due_ms()
        with self._units() as unit:
            opened = [name for rows in self._repositories(unit) for name in rows.open_ids(OPEN_IDS_MAX)]
        return ClockReport(self.instance, revision, tuple(opened[:OPEN_IDS_MAX]), next_due_ms)
