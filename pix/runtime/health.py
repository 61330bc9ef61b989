"""A service's health: a health probe for each part gives its state in a sentence, and all of them the readiness."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import Final

from pix.runtime.logs import logger
from pix.runtime.sampled import Sampled

PROBE_SECONDS_MAX: Final = 2.5
"""A part that says nothing for so long does not work, whatever it would have said."""

log = logger(__name__)


class Health:
    """A board on which the parts of a process write their state. Thread-safe."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a clock that never goes back."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}
        self._parts: dict[str, bool] = {}
        self._deadlines: dict[str, tuple[float, float]] = {}
        """When a part last said that it works, and until when that holds."""
        self._probes: dict[str, Sampled[str]] = {}

    def ok(self, part: str, for_seconds: float = inf) -> None:
        """The part works. One that works in turns says so after each of them, and how long the next may take."""
        with self._lock:
            now = self._seconds()
            self._parts[part] = True
            self._troubles.pop(part, None)
            self._deadlines[part] = now, now + for_seconds

    def trouble(self, part: str, sentence: str) -> None:
        """The part does not work, and why."""
        with self._lock:
            self._parts[part] = False
            self._troubles[part] = sentence

    def add_probe(self, part: str, probe: Callable[[], str], age_seconds_max: float = 0.0) -> None:
        """A check that is made when somebody asks: it returns an empty string, or the trouble in a sentence.

        One that costs something is not made again before its last answer has this age.
        """
        with self._lock:
            self._probes[part] = Sampled(f"health of {part}", lambda: _asked(part, probe), age_seconds_max)

    def report(self) -> Mapping[str, str]:
        """Each part with `ok` or its trouble; the probes are made at the same time, and none is waited for long."""
        with self._lock:
            probes = dict(self._probes)
            parts = {part: self._state(part) if works else self._troubles[part] for part, works in self._parts.items()}
        for probe in probes.values():
            probe.ask()
        deadline = time.monotonic() + PROBE_SECONDS_MAX
        for part, probe in probes.items():
            trouble = probe.value(max(0.0, deadline - time.monotonic()), is_asked=True)
            parts[part] = f"no answer within {PROBE_SECONDS_MAX:g} s" if trouble is None else trouble or "ok"
        return dict(sorted(parts.items()))

    def _state(self, part: str) -> str:
        said_at, holds_until = self._deadlines[part]
        now = self._seconds()
        return "ok" if now <= holds_until else f"has not finished what it began {now - said_at:.0f} s ago"

    def is_ready(self) -> bool:
        """Whether every part works."""
        return all(state == "ok" for state in self.report().values())


def _asked(part: str, probe: Callable[[], str]) -> str:
    try:
        return probe()
    except Exception as error:
        log.exception("a part cannot be asked how it is", part=part)
        return f"cannot be asked: {type(error).__name__}"
