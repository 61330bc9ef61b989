"""Single flight: concurrent callers share one reading, and each gets a reading that began after its call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Read = TypeVar("Read")


class SharedReading(Generic[Read]):
    """Calls `read` for whoever asks; those who ask while it reads share the next reading. Thread-safe.

    Nobody is ever given what was read before it asked, so what a caller has changed, it sees.
    """

    def __init__(self, read: Callable[[], Read]) -> None:
        self._read = read
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._next: Future[Read] = Future()

    def __call__(self) -> Read:
        """What a reading found that began after this call. Raises what it raised."""
        with self._lock:
            mine = self._next
        with self._turn:
            if not mine.done():
                with self._lock:
                    self._next = Future()
                try:
                    mine.set_result(self._read())
                except Exception as error:  # noqa: BLE001 - raised below, and wherever else it was waited for
                    mine.set_exception(error)
        return mine.result()
