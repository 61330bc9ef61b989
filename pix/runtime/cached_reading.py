"""A cache of one value that is slow to read: a time to live, one reading at a time, and a bounded wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from pix.runtime.logs import logger

TTL_SECONDS: Final = 5.0
WAIT_SECONDS_MAX: Final = 2.0

Value = TypeVar("Value")

log = logger(__name__)


class CachedReading(Generic[Value]):
    """Reads in a thread. A reading that hangs delays each caller by at most the bound, and no second one begins."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Value],
        ttl_seconds: float = TTL_SECONDS,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
    ) -> None:
        """`name` is for the log. `read` may raise: then the value is None until it expires."""
        self._name = name
        self._read = read
        self._ttl_seconds = ttl_seconds
        self._wait_seconds_max = wait_seconds_max
        self._lock = threading.Lock()
        self._reading: Future[Value | None] | None = None
        self._read_at_seconds = 0.0

    def start(self) -> Future[Value | None]:
        """The last reading, or a new one if it has expired."""
        with self._lock:
            reading = self._reading
            is_expired = time.monotonic() - self._read_at_seconds > self._ttl_seconds
            if reading is None or (reading.done() and is_expired):
                reading = self._reading = Future()
                threading.Thread(target=self._run, args=(reading,), name=f"read {self._name}", daemon=True).start()
            return reading

    def value(self, wait_seconds_max: float | None = None) -> Value | None:
        """None when it cannot be read, or not in time."""
        try:
            return self.start().result(self._wait_seconds_max if wait_seconds_max is None else wait_seconds_max)
        except TimeoutError:
            return None

    def _run(self, reading: Future[Value | None]) -> None:
        value: Value | None = None
        try:
            value = self._read()
        except Exception as error:  # noqa: BLE001 - a scrape or a probe goes on without this value
            log.warning("not read", what=self._name, error=str(error))
        self._read_at_seconds = time.monotonic()
        reading.set_result(value)
