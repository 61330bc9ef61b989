"""A cached value with a time to live, for values that are slow to read.

A caller reads it again when the time to live is over, and waits for the reading at most as long as the caller allows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from pix.runtime.logs import logger

AGE_SECONDS_MAX: Final = 5.0
WAIT_SECONDS_MAX: Final = 2.0

Value = TypeVar("Value")

log = logger(__name__)


class Sampled(Generic[Value]):
    """One value. At most one reading is under way at a time, so what hangs is not asked again and again."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Value],
        age_seconds_max: float = AGE_SECONDS_MAX,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
    ) -> None:
        """`name` is for the log. `read` may raise: then there is no value until it is read again."""
        self._name = name
        self._read = read
        self._age_seconds_max = age_seconds_max
        self._wait_seconds_max = wait_seconds_max
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self._value: Value | None = None
        self._read_at_seconds = float("-inf")

    def ask(self) -> None:
        """Begins to read if the last reading is old, so that several values can be read at the same time."""
        with self._lock:
            is_old = time.monotonic() - self._read_at_seconds > self._age_seconds_max
            if is_old and self._reading is None:
                self._reading = threading.Thread(target=self._run, name=f"read {self._name}", daemon=True)
                self._reading.start()

    def value(self, wait_seconds_max: float | None = None, *, is_asked: bool = False) -> Value | None:
        """None when it cannot be read, or not in time. With `is_asked` it is the answer to an earlier `ask`."""
        if not is_asked:
            self.ask()
        wait = self._wait_seconds_max if wait_seconds_max is None else wait_seconds_max
        with self._lock:
            reading = self._reading
        if reading is not None:
            reading.join(wait)
        with self._lock:
            return self._value if reading is None or self._reading is not reading else None

    def _run(self) -> None:
        value: Value | None = None
        try:
            value = self._read()
        except Exception as error:  # noqa: BLE001 - whatever is wrong, an onlooker is told that there is no value
            log.warning("not read", what=self._name, error=str(error))
        with self._lock:
            self._value = value
            self._read_at_seconds = time.monotonic()
            self._reading = None
