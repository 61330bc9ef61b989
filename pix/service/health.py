"""What a service says of its own health: each component's state in a sentence, and whether it can do its work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class Health:
    """A board on which the parts of a process write their state. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}
        self._parts: dict[str, bool] = {}
        self._probes: dict[str, Callable[[], str]] = {}

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
            self._probes[part] = probe

    def report(self) -> Mapping[str, str]:
        """Each part with `ok` or its trouble."""
        with self._lock:
            probes = dict(self._probes)
            parts = {part: "ok" if works else self._troubles[part] for part, works in self._parts.items()}
        for part, probe in probes.items():
            parts[part] = probe() or "ok"
        return dict(sorted(parts.items()))

    def is_ready(self) -> bool:
        """Whether every part works."""
        return all(state == "ok" for state in self.report().values())
