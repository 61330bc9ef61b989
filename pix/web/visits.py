"""The visits of a process: which sessions have ended, and which event streams each visitor holds open.

A session is a signed cookie, so a copy of it would be good until it is too old. What has ended here is remembered, and
its streams end at once. Both are in the memory of one process. Other replicas see that a browser has another cookie,
and its pages tell each other of the sign-out (`static/live.js`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pix.web.problems import ProblemKind

VISITOR: Final = "visitor"
SINCE: Final = "since"
SEEN: Final = "seen"
_OF_EVERY_SESSION: Final = frozenset({VISITOR, SINCE, SEEN})
"""A session without anything else belongs to no account: it only protects the forms of a visitor before sign-in."""

SESSION_SECONDS_MAX: Final = 12 * 60 * 60
"""A session ends after so long, however much it is used."""
SESSION_IDLE_SECONDS_MAX: Final = 30 * 60
"""A session ends when no page was asked for in so long; event streams, which go on in an open tab, do not count."""
SEEN_STEP_SECONDS: Final = 60
"""The cookie is written anew no more often than this."""
ENDED_REMEMBERED_MAX: Final = 10_000
ENDING_SECONDS: Final = 10.0
"""For so long after its end a session's cookie is answered without another one."""

STREAMS_PER_VISITOR_MAX: Final = 12
"""A browser holds three, and for a moment those of the pages that it has just left."""
STREAMS_MAX: Final = 400
"""Of one process, for all visitors and programs."""
RETRY_AFTER_SECONDS: Final = 5


class TooManyStreams(Exception):
    """This visitor has too many event streams open."""

    rule = f"At most {STREAMS_PER_VISITOR_MAX} event streams may be open per visitor; close one."
    retry_after_seconds = RETRY_AFTER_SECONDS


class NoRoomForStreams(Exception):
    """All visitors together have too many event streams open."""

    rule = f"At most {STREAMS_MAX} event streams may be open at once; try again later."
    retry_after_seconds = RETRY_AFTER_SECONDS


STREAM_PROBLEMS: Final[dict[type[Exception], ProblemKind]] = {
    TooManyStreams: ProblemKind("too-many-streams", 429, "Too many event streams are open"),
    NoRoomForStreams: ProblemKind("no-room-for-streams", 503, "Too many event streams are open"),
}
"""The rows of these errors in an edge's table."""


class Ending:
    """Tells one event stream that its session is over. `end` may be called from any thread."""

    def __init__(self) -> None:
        self.is_over = False
        self.seconds_left = float("inf")
        """Until its session is over if no page is asked for; the stream then ends, and another one finds out."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None

    def begin(self) -> None:
        """The stream is about to run in this event loop."""
        self._woken, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self.is_over:
            self._woken.set()

    def end(self) -> None:
        """The session is over."""
        self.is_over = True
        if self._loop is not None and self._woken is not None:
            # A loop that is closed has no stream any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._woken.set)

    async def pause(self, seconds: float) -> None:
        """Waits so long, or until the session is over."""
        if self._woken is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)


class Visits:
    """Thread-safe."""

    def __init__(
        self, *, idle_seconds_max: float = SESSION_IDLE_SECONDS_MAX, now_seconds: Callable[[], float] = time.time
    ) -> None:
        """`now_seconds` is a clock that goes on while the process does not: cookies outlive it."""
        self.now_seconds = now_seconds
        self._idle_seconds_max = idle_seconds_max
        self._lock = threading.Lock()
        self._ended: OrderedDict[str, float] = OrderedDict()
        self._streams: dict[str, set[Ending]] = {}
        self._count = 0

    @property
    def streams(self) -> int:
        """How many event streams are open."""
        return self._count

    def seconds_left(self, session: Mapping[str, Any]) -> float:
        """Until the session ends if no page is asked for; 0 or less when it has ended."""
        with self._lock:
            if session.get(VISITOR) in self._ended:
                return 0.0
        since, seen = session.get(SINCE), session.get(SEEN)
        if not isinstance(since, int) or not isinstance(seen, int):
            return 0.0
        now = self.now_seconds()
        return min(since + SESSION_SECONDS_MAX - now, seen + self._idle_seconds_max - now)

    def has_just_ended(self, session: Mapping[str, Any]) -> bool:
        """Whether the answer that ends the session may still be on its way to the browser, with another cookie."""
        with self._lock:
            ended_at = self._ended.get(session.get(VISITOR, ""))
        return ended_at is not None and time.monotonic() - ended_at < ENDING_SECONDS

    def end(self, session: Mapping[str, Any]) -> None:
        """The session is over: no copy of its cookie is good any more, and its event streams end."""
        visitor = session.get(VISITOR)
        if not isinstance(visitor, str) or not set(session) - _OF_EVERY_SESSION:
            return
        with self._lock:
            self._ended[visitor] = time.monotonic()
            while len(self._ended) > ENDED_REMEMBERED_MAX:
                self._ended.popitem(last=False)
            streams = list(self._streams.get(visitor, ()))
        for ending in streams:
            ending.end()

    @contextlib.contextmanager
    def streaming(self, session: Mapping[str, Any], ending: Ending) -> Iterator[None]:
        """One more event stream, for as long as this lasts. Raises TooManyStreams, NoRoomForStreams.

        A program that has no session is a visitor without a name, and counts among all alone.
        """
        visitor = session.get(VISITOR)
        name = visitor if isinstance(visitor, str) else ""
        with self._lock:
            if self._count >= STREAMS_MAX:
                raise NoRoomForStreams
            if name and len(self._streams.get(name, ())) >= STREAMS_PER_VISITOR_MAX:
                raise TooManyStreams
            self._streams.setdefault(name, set()).add(ending)
            self._count += 1
            if name in self._ended:
                ending.is_over = True
        if set(session) - _OF_EVERY_SESSION:
            ending.seconds_left = self.seconds_left(session)
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                self._streams[name].discard(ending)
                if not self._streams[name]:
                    del self._streams[name]
