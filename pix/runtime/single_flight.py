"""Single flight: concurrent callers share one reading, and each gets a reading that began after its call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SingleFlight(Generic[Value]):
    """Calls `read` one at a time. Callers that come while it runs share the next reading. Thread-safe.

    A reading that began before the call is never its result, so a caller sees its own changes.
    """

    def __init__(self, read: Callable[[], Value]) -> None:
        self._read = read
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._next: Future[Value] = Future()

    def __call__(self) -> Value:
        """Raises what the reading raises."""
        with self._lock:
            mine = self._next
        with self._turn:
            if not mine.done():
                with self._lock:
                    self._next = Future()
                try:
                    mine.set_result(self._read())
                except Exception as error:  # noqa: BLE001 - raised below, and in each caller that shares it
                    mine.set_exception(error)
        return mine.result()
