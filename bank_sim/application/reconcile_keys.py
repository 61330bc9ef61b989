"""The keys kept here follow the hub's directory, which is what counts."""

from __future__ import annotations

from typing import Final

from bank_sim.application.ports import Hub, UnitsOfWork
from pix.runtime.clock import Clock

CLOCK_SKEW_MS_MAX: Final = 5_000
"""How far the clocks of this bank's replicas may be apart."""


class ReconcileKeys:
    """Mends what a crash between the hub's answer and our own transaction has left."""

    def __init__(self, units: UnitsOfWork, hub: Hub, clock: Clock) -> None:
        self._units = units
        self._hub = hub
        self._clock = clock

    def __call__(self) -> None:
        """Raises HubUnavailable."""
        asked_at_ms = self._clock.real_now_ms()
        at_hub = {entry.key: entry for entry in self._hub.list_keys()}
        with self._units() as unit:
            here = unit.keys.all()
            # A key that was noted after we asked may be missing in the list without being gone. One that was noted in
            # the future was noted before our clock went back.
            since_asked = range(asked_at_ms - CLOCK_SKEW_MS_MAX, self._clock.real_now_ms() + CLOCK_SKEW_MS_MAX + 1)
            gone = [
                entry.key
                for entry, noted_at_ms in here.items()
                if entry.key not in at_hub and noted_at_ms not in since_asked
            ]
            new = [entry for entry in at_hub.values() if entry not in here]
            if not gone and not new:
                return
            unit.keys.remove(gone)
            unit.keys.put(new, self._clock.real_now_ms())
            unit.commit()
