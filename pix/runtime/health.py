"""A service's health: a health probe for each part gives its state in a sentence, and all of them the readiness."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from math import inf
from typing import Final

from pix.runtime.cached_reading import CachedReading
from pix.runtime.logs import logger

PROBE_SECONDS_MAX: Final = 2.5
"""A probe without an answer after so long counts as failed."""

HTTP_OK: Final = 200
HTTP_UNAVAILABLE: Final = 503
LIVE: Final = {"status": "ok"}
"""The answer to `/health/live`: the process answers at all."""

log = logger(__name__)


class Health:
    """The states of the parts of a process. Thread-safe."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a clock that never goes back."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}
        self._parts: dict[str, bool] = {}
        self._deadlines: dict[str, tuple[float, float]] = {}
        """When a part last said that it works, and until when that holds."""
        self._probes: dict[str, CachedReading[str]] = {}

    def ok(self, part: str, for_seconds: float = inf) -> None:
        """The part works; one that runs in rounds says how long its next round may take."""
        with self._lock:
            now = self._seconds()
            self._parts[part] = True
            self._troubles.pop(part, None)
            self._deadlines[part] = now, now + for_seconds

    def trouble(self, part: str, sentence: str) -> None:
        with self._lock:
            self._parts[part] = False
            self._troubles[part] = sentence

    def add_probe(self, part: str, probe: Callable[[], str], ttl_seconds: float = 0.0) -> None:
        """A check that runs for each report: it returns an empty string, or the trouble in a sentence.

        An answer is kept for `ttl_seconds`.
        """
        with self._lock:
            self._probes[part] = CachedReading(f"health of {part}", lambda: _asked(part, probe), ttl_seconds)

    def report(self) -> Mapping[str, str]:
        """Each part with `ok` or its trouble. The probes run at the same time, for at most `PROBE_SECONDS_MAX`."""
        with self._lock:
            probes = dict(self._probes)
            parts = {part: self._state(part) if works else self._troubles[part] for part, works in self._parts.items()}
        readings = {part: probe.start() for part, probe in probes.items()}
        wait(readings.values(), PROBE_SECONDS_MAX)
        for part, reading in readings.items():
            trouble = reading.result() if reading.done() else f"no answer within {PROBE_SECONDS_MAX:g} s"
            parts[part] = trouble or "ok"
        return dict(sorted(parts.items()))

    def _state(self, part: str) -> str:
        said_at, holds_until = self._deadlines[part]
        now = self._seconds()
        return "ok" if now <= holds_until else f"has not finished what it began {now - said_at:.0f} s ago"

    def is_ready(self) -> bool:
        return self.readiness()[0] == HTTP_OK

    def readiness(self) -> tuple[int, dict[str, object]]:
        """The answer to `/health/ready`: 200 when every part works, else 503; the body has `status` and `parts`."""
        parts = dict(self.report())
        works = all(state == "ok" for state in parts.values())
        document: dict[str, object] = {"status": "ok" if works else "trouble", "parts": parts}
        return HTTP_OK if works else HTTP_UNAVAILABLE, document


def _asked(part: str, probe: Callable[[], str]) -> str:
    try:
        return probe()
    except Exception as error:
        log.exception("a part cannot be asked how it is", part=part)
        return f"cannot be asked: {type(error).__name__}"
