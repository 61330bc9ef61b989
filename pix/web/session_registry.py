"""The sessions that have ended, and the event streams that each visitor holds open, in the memory of one process.

A session is a signed cookie, so a copy of it would be valid until its age limit. The registry rejects ended sessions
and ends their streams at once. Other replicas see the browser's new cookie, and its pages tell each other of the
sign-out (`static/live.js`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from cachetools import TTLCache

from pix.web.problems import ProblemKind

VISITOR: Final = "visitor"
SINCE: Final = "since"
SEEN: Final = "seen"
_OF_EVERY_SESSION: Final = frozenset({VISITOR, SINCE, SEEN})
"""A session without anything else belongs to no account: it only protects the forms of a visitor before sign-in."""

SESSION_SECONDS_MAX: Final = 12 * 60 * 60
"""The age limit of a session, used or not."""
SESSION_IDLE_SECONDS_MAX: Final = 30 * 60
"""The idle limit of a session. Event streams do not count as use: they go on in an open tab."""
SEEN_STEP_SECONDS: Final = 60
"""The least time between two renewals of the cookie."""
ENDED_SESSIONS_MAX: Final = 10_000
"""How many ended sessions are kept; a cookie older than `SESSION_SECONDS_MAX` is refused without them."""
ENDING_SECONDS: Final = 10.0
"""For so long after its end, the answer to a session's cookie sets no other cookie."""

STREAMS_PER_VISITOR_MAX: Final = 12
"""A browser holds three, and briefly those of the pages that it has just left."""
STREAMS_MAX: Final = 400
"""Of one process, for all visitors and programs."""
RETRY_AFTER_SECONDS: Final = 5


class TooManyStreams(Exception):
    rule = f"At most {STREAMS_PER_VISITOR_MAX} event streams may be open per visitor; close one."
    retry_after_seconds = RETRY_AFTER_SECONDS


class NoRoomForStreams(Exception):
    rule = f"At most {STREAMS_MAX} event streams may be open at once; try again later."
    retry_after_seconds = RETRY_AFTER_SECONDS


STREAM_PROBLEMS: Final[dict[type[Exception], ProblemKind]] = {
    TooManyStreams: ProblemKind("too-many-streams", 429, "Too many event streams are open"),
    NoRoomForStreams: ProblemKind("no-room-for-streams", 503, "Too many event streams are open"),
}
"""The rows of these errors in an edge's table."""


class SessionEnd:
    """Ends one event stream with its session. `end` may be called from any thread."""

    def __init__(self) -> None:
        self.is_over = False
        self.seconds_left = float("inf")
        """Until the session expires without use. The stream ends then; the next one sees whether it was used."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None

    def begin(self) -> None:
        """Call in the stream's event loop, before `pause`."""
        self._woken, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self.is_over:
            self._woken.set()

    def end(self) -> None:
        self.is_over = True
        if self._loop is not None and self._woken is not None:
            # A closed loop has no stream.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._woken.set)

    async def pause(self, seconds: float) -> None:
        """Waits `seconds`, or until the session ends."""
        if self._woken is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)


class SessionRegistry:
    """Ended sessions and open event streams, with their limits. Thread-safe."""

    def __init__(
        self, *, idle_seconds_max: float = SESSION_IDLE_SECONDS_MAX, now_seconds: Callable[[], float] = time.time
    ) -> None:
        """`now_seconds` is a wall clock: cookies outlive the process."""
        self.now_seconds = now_seconds
        self._idle_seconds_max = idle_seconds_max
        self._lock = threading.Lock()
        self._ended: TTLCache[str, float] = TTLCache(ENDED_SESSIONS_MAX, SESSION_SECONDS_MAX)
        self._streams: dict[str, set[SessionEnd]] = {}
        self._count = 0

    @property
    def streams(self) -> int:
        return self._count

    def seconds_left(self, session: Mapping[str, Any]) -> float:
        """Until the session expires without use; 0 or less when it has ended."""
        with self._lock:
            if session.get(VISITOR) in self._ended:
                return 0.0
        since, seen = session.get(SINCE), session.get(SEEN)
        if not isinstance(since, int) or not isinstance(seen, int):
            return 0.0
        now = self.now_seconds()
        return min(since + SESSION_SECONDS_MAX - now, seen + self._idle_seconds_max - now)

    def has_just_ended(self, session: Mapping[str, Any]) -> bool:
        """Whether the answer with the next cookie may still be on its way to the browser."""
        with self._lock:
            ended_at = self._ended.get(session.get(VISITOR, ""))
        return ended_at is not None and time.monotonic() - ended_at < ENDING_SECONDS

    def end(self, session: Mapping[str, Any]) -> None:
        """Ends the session: copies of its cookie become invalid, and its event streams end."""
        visitor = session.get(VISITOR)
        if isinstance(visitor, str) and set(session) - _OF_EVERY_SESSION:
            self.end_visitor(visitor)

    def end_visitor(self, visitor: str) -> None:
        """The same for the session with this id, of another browser too."""
        with self._lock:
            self._ended[visitor] = time.monotonic()
            streams = list(self._streams.get(visitor, ()))
        for ending in streams:
            ending.end()

    @contextlib.contextmanager
    def streaming(self, session: Mapping[str, Any], ending: SessionEnd) -> Iterator[None]:
        """Counts an event stream during the block. Raises TooManyStreams, NoRoomForStreams.

        A program without a session counts towards the limit of the process only.
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
