"""Live parts of pages: an event stream that sends a piece of HTML whenever what it shows has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable
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

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a live part shows now. It is rendered only when `version` differs from the last one that was sent."""

    version: Hashable
    render: Callable[[], str]
    is_final: bool = False
    """Nothing will change any more: the stream ends, and the browser does not come back."""
    event: str = "fragment"


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

    async def events() -> AsyncIterator[bytes]:
        yield format_sse_event(retry=RECONNECT_MS, comment="open")
        shown, quiet_since = seen, time.monotonic()
        ends_at = quiet_since + seconds_max
        while time.monotonic() < ends_at and not await request.is_disconnected():
            try:
                scene = await run_in_threadpool(look)
                html = await run_in_threadpool(scene.render) if scene.version != shown else None
            except Exception as error:  # noqa: BLE001 - whatever is down now may be up at the next look
                log.warning("a live page could not look", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_MS / 1000)
                continue
            if html is not None:
                shown, quiet_since = scene.version, time.monotonic()
                yield format_sse_event(data_str=html, event=scene.event)
            if scene.is_final:
                yield format_sse_event(data_str="", event="final")
                return
            if time.monotonic() - quiet_since > KEEP_ALIVE_SECONDS:
                quiet_since = time.monotonic()
                yield format_sse_event(comment="still here")
            await asyncio.sleep(poll_seconds)

    return EventSourceResponse(events(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
