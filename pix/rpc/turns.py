"""Coroutines without an event loop: each runs until it has to wait, and the end of the wait resumes it.

For short calls that come by the thousand: a task of an event loop, and its futures, cost more than such a call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any, Final, Protocol

TURN: Final = threading.Lock()
"""Held by the thread whose coroutines run, for as many of them as there are. Otherwise two threads that both have much
to do would take the interpreter's lock from each other at every call into gRPC, and wait longer than they work."""

RunOn = Callable[[Any, "Exception | None"], None]
"""Takes what was waited for, or why there is none; to be called once, from any thread."""


class Wait(Protocol):
    """Something that takes its time."""

    def begin(self, run_on: RunOn) -> None:
        """Begins, and calls `run_on` at the end. Raises nothing."""


class PeriodicTask(Protocol):
    """Work of the thread that takes events, between events and when there are none.

    A second thread for such work would take the interpreter's lock from the first at every event.
    """

    def go_on(self, *, is_idle: bool) -> bool:
        """Does what needs no wait; returns whether it awaits something. Called with `TURN` held. Raises nothing.

        `is_idle`: there are no events now.
        """

    def wait(self, seconds: float) -> None:
        """Waits until `go_on` can do more, at most this long."""


@coroutine
def wait_for(wait: Wait) -> Generator[Wait, Any, Any]:
    """Returns the result of the wait, in a coroutine that `play` runs. Raises what the wait raises."""
    return (yield wait)


def play(acting: Coroutine[Any, Any, Any], done: RunOn) -> None:
    """Plays a coroutine that waits for nothing but `wait_for`, in a context of its own; tells `done` how it ended."""
    _Play(acting, done).run_on(None, None)


class _Play:
    """A coroutine under way. A class, for a function that hands itself on is a cycle, which the collector must find."""

    __slots__ = ("_acting", "_context", "_done")

    def __init__(self, acting: Coroutine[Any, Any, Any], done: RunOn) -> None:
        self._acting = acting
        self._done = done
        self._context = copy_context()

    def run_on(self, result: Any, error: Exception | None) -> None:
        """Until it has to wait again, or ends."""
        acting = self._acting
        try:
            if error is None:
                wait: Wait = self._context.run(acting.send, result)
            else:
                wait = self._context.run(acting.throw, error)
        except StopIteration as end:
            self._done(end.value, None)
        except Exception as failure:  # noqa: BLE001 - it is told
            self._done(None, failure)
        else:
            wait.begin(self.run_on)
