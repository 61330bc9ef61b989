"""The front page, and the network map by itself: what moves is sent as it happens, what stands once a second."""

from __future__ import annotations

import json
import time
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from hub.entrypoints.http.api.events import document_of
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.snapshot import Snapshot
from pix.runtime.logs import logger
from pix.web.events import BEAT, ENDED, HEARTBEAT_SECONDS, RECONNECT_MS, STREAM_SECONDS_MAX, Events, LiveStream
from pix.web.security_headers import content_security_policy
from pix.web.session_registry import SessionEnd
from pix.web.site import PagesOf
from pix.web.templates import Pages

router = APIRouter(include_in_schema=False)

SCENE_SECONDS: Final = 1.0
"""What stands is looked at once a second, for all pages together."""
WIRE_SECONDS: Final = 0.1

log = logger(__name__)


@router.get("/")
def show(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    return pages.page(request, "hub/overview.html", _context(site.overview.take()))


@router.get("/map")
def show_map(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    """The network map by itself, for a screen of its own or a frame of the lab's panel."""
    answer = pages.page(request, "hub/map.html", _context(site.overview.take()))
    if site.lab_panel_url:
        lab = urlsplit(site.lab_panel_url)
        answer.headers["Content-Security-Policy"] = content_security_policy(f"{lab.scheme}://{lab.netloc}")
    return answer


@router.get("/live")
def stream(request: Request, pages: PagesOf, site: SiteOf, seen: str = "") -> Response:
    return _stream(request, pages, site, "hub/overview.html", seen)


@router.get("/map/live")
def stream_map(request: Request, pages: PagesOf, site: SiteOf, seen: str = "") -> Response:
    return _stream(request, pages, site, "hub/map.html", seen)


def _stream(request: Request, pages: Pages, site: Site, template: str, seen: str) -> Response:
    site.wire.check_room()
    return LiveStream(lambda ending: _events(request, pages, site, template, seen, ending))


async def _events(request: Request, pages: Pages, site: Site, template: str, seen: str, ending: SessionEnd) -> Events:
    """`wire`: the messages that have passed, as JSON; `scene`: what stands, as HTML, when it has changed."""
    overview = site.overview
    with site.wire.watching() as newest:
        behind = newest
        yield format_sse_event(retry=RECONNECT_MS, comment="open")
        left_out, is_well = site.wire.look(behind).left_out, True
        scene_due_seconds = said_at = time.monotonic()
        ends_at = said_at + min(STREAM_SECONDS_MAX, ending.seconds_left)
        while time.monotonic() < ends_at and not await request.is_disconnected():
            chunks = []
            look = site.wire.look(behind)
            if look.events or look.left_out != left_out:
                told = {
                    "events": [document_of(event) for event in look.events],
                    "left_out": look.left_out - left_out,
                }
                chunks.append(format_sse_event(data_str=json.dumps(told), event="wire"))
                behind = look.events[-1].number if look.events else behind
                left_out = look.left_out
            if time.monotonic() >= scene_due_seconds:
                scene_due_seconds = time.monotonic() + SCENE_SECONDS
                try:
                    snapshot = await run_in_threadpool(overview.snapshot)
                    is_well = True
                    if snapshot.version != seen:
                        html = await run_in_threadpool(pages.html, request, template, _context(snapshot), block="live")
                        seen = snapshot.version
                        chunks.append(format_sse_event(data_str=html, event="scene"))
                except Exception as error:  # noqa: BLE001 - whatever is down now may be up at the next look
                    is_well = False
                    log.warning("a live page could not refresh", error=type(error).__name__)
            if ending.is_over:
                yield ENDED
                return
            if not chunks and is_well and time.monotonic() - said_at >= HEARTBEAT_SECONDS:
                chunks.append(BEAT)
            if chunks:
                said_at = time.monotonic()
                yield b"".join(chunks)
            await ending.pause(WIRE_SECONDS)


def _context(snapshot: Snapshot) -> dict[str, Any]:
    return {"snapshot": snapshot, "version": snapshot.version, "section": "/"}
