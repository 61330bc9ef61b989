"""Live parts of pages: an event stream that sends a piece of HTML whenever what it shows has changed.

Every stream says something each second, so that a page can tell a frozen server from a quiet one. It ends with
its session, and says so. It counts towards the limits of `session_registry`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from pix.runtime.logs import logger
from pix.web.methods import IS_HEAD
from pix.web.session_registry import SessionEnd, SessionRegistry

POLL_SECONDS: Final = 0.2
STREAM_SECONDS_MAX: Final = 300.0
"""A stream ends after this long and the browser opens another, so that none outlives its page by much."""
HEARTBEAT_SECONDS: Final = 1.0
"""A page that hears nothing for three of these says that it has no data."""
KEEP_ALIVE_SECONDS: Final = 15.0
"""The pause between comments to programs, which need no heartbeat."""
RECONNECT_MS: Final = 1_000

FRAGMENT: Final = "fragment"
"""The event of a page's one live part."""
BEAT: Final = format_sse_event(data_str="", event="beat")
ENDED: Final = format_sse_event(data_str="", event="ended")
"""The session is over: the page leaves for the sign-in."""
LAST_ID_PARAMETER: Final = "last"
"""The id of the last event, from a page that opens a stream again; a browser sends `Last-Event-ID`."""
LAST_ID_LENGTH_MAX: Final = 1_000
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

log = logger(__name__)

Events = AsyncGenerator[bytes]


class LiveStream(EventSourceResponse):
    """An event stream that knows its session's end, and is counted while it is open.

    Raises TooManyStreams or NoRoomForStreams when it is sent, before anything is. A HEAD gets the headers alone.
    """

    def __init__(self, events: Callable[[SessionEnd], Events]) -> None:
        self._ending = SessionEnd()
        self._events = events(self._ending)
        super().__init__(self._events, headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            if scope.get(IS_HEAD):
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": b""})
                return
            session_registry: SessionRegistry = scope["app"].state.session_registry
            with session_registry.streaming(scope["session"], self._ending):
                self._ending.begin()
                await super().__call__(scope, receive, send)


def wants_events(request: Request) -> bool:
    """Whether a browser opens an event stream."""
    return "text/event-stream" in request.headers.get("accept", "")


def session_ended() -> Response:
    """The answer to an event stream whose session is over; after a redirect a page would see no more than a failure."""
    return Response(ENDED, media_type="text/event-stream", headers=HEADERS)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a live part shows now. It is rendered only when `version` differs from the last one that was sent."""

    version: Hashable
    render: Callable[[], str]
    is_final: bool = False
    """Nothing will change any more: the stream ends, and the browser does not come back."""
    event: str = FRAGMENT


def stream_scenes(
    request: Request,
    look: Callable[[], Scene],
    *,
    seen: Hashable = None,
    poll_seconds: float = POLL_SECONDS,
    seconds_max: float = STREAM_SECONDS_MAX,
) -> LiveStream:
    """An event stream of the scenes that differ from the one before; `seen` is the version that the page has already.

    `look` runs in the thread pool. When it fails the page keeps what it shows, and the stream tries again.
    """
    return stream_many(
        request, lambda: [look()], seen={FRAGMENT: seen}, poll_seconds=poll_seconds, seconds_max=seconds_max
    )


def stream_many(
    request: Request,
    look: Callable[[], Sequence[Scene]],
    *,
    seen: Mapping[str, Hashable],
    is_closing: Callable[[], bool] = lambda: False,
    for_programs: bool = False,
    poll_seconds: float = POLL_SECONDS,
    seconds_max: float = STREAM_SECONDS_MAX,
) -> LiveStream:
    """The same for several live parts of one page, each with an event of its own: a browser opens few connections.

    `seen` has a version for each event. Once `is_closing`, the stream ends, so that it keeps no server from stopping.
    Programs get comments instead of heartbeats.
    """

    async def events(ending: SessionEnd) -> Events:
        yield format_sse_event(retry=RECONNECT_MS, comment="open")
        shown, known, said_at = dict(seen), _last_id(request), time.monotonic()
        ends_at = said_at + min(seconds_max, ending.seconds_left)
        while time.monotonic() < ends_at and not is_closing() and not await request.is_disconnected():
            try:
                scenes = await run_in_threadpool(look)
                changed = [scene for scene in scenes if not _is_shown(scene, shown, known)]
                pieces = [(scene, await run_in_threadpool(scene.render)) for scene in changed]
            except Exception as error:  # noqa: BLE001 - whatever is down now may be up at the next look
                log.warning("a live page could not refresh", error=type(error).__name__)
                scenes, pieces = (), []
            if ending.is_over:
                # Also what was read meanwhile is not this visitor's to see any more.
                yield ENDED
                return
            for scene, piece in pieces:
                shown[scene.event], said_at = scene.version, time.monotonic()
                known[scene.event] = _digest(scene.version)
                yield format_sse_event(data_str=piece, event=scene.event, id=urlencode(known))
            if any(scene.is_final for scene in scenes):
                yield format_sse_event(data_str="", event="final")
                return
            if scenes and time.monotonic() - said_at >= (KEEP_ALIVE_SECONDS if for_programs else HEARTBEAT_SECONDS):
                said_at = time.monotonic()
                yield format_sse_event(comment="still here") if for_programs else BEAT
            await ending.pause(poll_seconds if scenes else RECONNECT_MS / 1000)

    return LiveStream(events)


def _is_shown(scene: Scene, shown: Mapping[str, Hashable], known: Mapping[str, str]) -> bool:
    """Whether the page has it: of this stream, or of the one before."""
    if scene.event in known:
        return known[scene.event] == _digest(scene.version)
    return scene.version == shown.get(scene.event)


def _digest(version: Hashable) -> str:
    """A version that is short enough for an event's id."""
    return hashlib.sha256(repr(version).encode()).hexdigest()[:16]


def _last_id(request: Request) -> dict[str, str]:
    """The digests of what the stream before this one has sent, by event."""
    text = request.query_params.get(LAST_ID_PARAMETER) or request.headers.get("last-event-id", "")
    return dict(parse_qsl(text)) if len(text) <= LAST_ID_LENGTH_MAX else {}
