"""What a service says of its own health: each component's state in a sentence, and whether it can do its work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from pix.service.sampled import Sampled

PROBE_SECONDS_MAX: Final = 2.5
"""A part that says nothing for so long does not work, whatever it would have said."""


class Health:
    """A board on which the parts of a process write their state. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}
        self._parts: dict[str, bool] = {}
        self._probes: dict[str, Sampled[str]] = {}

    def ok(self, part: str) -> None:
        """The part works."""
        with self._lock:
            self._parts[part] = True
            self._troubles.pop(part, None)

    def trouble(self, part: str, sentence: str) -> None:
        """The part does not work, and why."""
        with self._lock:
            self._parts[part] = False
            self._troubles[part] = sentence

    def add_probe(self, part: str, probe: Callable[[], str]) -> None:
        """A check that is made when somebody asks: it returns an empty string, or the trouble in a sentence."""
        with self._lock:
            self._probes[part] = Sampled(f"health of {part}", probe, age_seconds_max=0.0)

    def report(self) -> Mapping[str, str]:
        """Each part with `ok` or its trouble; the probes are made at the same time, and none is waited for long."""
        with self._lock:
            probes = dict(self._probes)
            parts = {part: "ok" if works else self._troubles[part] for part, works in self._parts.items()}
        for probe in probes.values():
            probe.ask()
        deadline = time.monotonic() + PROBE_SECONDS_MAX
        for part, probe in probes.items():
            trouble = probe.value(max(0.0, deadline - time.monotonic()))
            parts[part] = f"no answer within {PROBE_SECONDS_MAX:g} s" if trouble is None else trouble or "ok"
        return dict(sorted(parts.items()))

    def is_ready(self) -> bool:
        """Whether every part works."""
        return all(state == "ok" for state in self.report().values())
