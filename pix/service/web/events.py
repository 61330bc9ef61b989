"""Live parts of pages: an event stream that sends a piece of HTML whenever what it shows has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool

from pix.service.logs import logger

POLL_SECONDS: Final = 0.2
STREAM_SECONDS_MAX: Final = 300.0
"""A stream ends after this long and the browser opens another, so that none outlives its page by much."""
KEEP_ALIVE_SECONDS: Final = 15.0
RECONNECT_MS: Final = 1_000

FRAGMENT: Final = "fragment"
"""The event of a page's one live part."""

log = logger(__name__)


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
) -> EventSourceResponse:
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
    poll_seconds: float = POLL_SECONDS,
    seconds_max: float = STREAM_SECONDS_MAX,
) -> EventSourceResponse:
    """The same for several live parts of one page, each with an event of its own: a browser opens few connections.

    `seen` has a version for each event. Once `is_closing`, the stream ends, so that it keeps no server from stopping.
    """

    async def events() -> AsyncIterator[bytes]:
        yield format_sse_event(retry=RECONNECT_MS, comment="open")
        shown, quiet_since = dict(seen), time.monotonic()
        ends_at = quiet_since + seconds_max
        while time.monotonic() < ends_at and not is_closing() and not await request.is_disconnected():
            try:
                scenes = await run_in_threadpool(look)
                changed = [scene for scene in scenes if scene.version != shown.get(scene.event)]
                pieces = [(scene, await run_in_threadpool(scene.render)) for scene in changed]
            except Exception as error:  # noqa: BLE001 - whatever is down now may be up at the next look
                log.warning("a live page could not look", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_MS / 1000)
                continue
            for scene, piece in pieces:
                shown[scene.event], quiet_since = scene.version, time.monotonic()
                yield format_sse_event(data_str=piece, event=scene.event)
            if any(scene.is_final for scene in scenes):
                yield format_sse_event(data_str="", event="final")
                return
            if time.monotonic() - quiet_since > KEEP_ALIVE_SECONDS:
                quiet_since = time.monotonic()
                yield format_sse_event(comment="still here")
            await asyncio.sleep(poll_seconds)

    return EventSourceResponse(events(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
