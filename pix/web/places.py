"""Addresses of pages: the page of a form's address, and an address with a query of several parts."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.routing import Match

_SAFE_METHODS: Final = ("GET", "HEAD")
_PARTS_MAX: Final = 10
"""No page lies deeper."""


def with_query(path: str, *parts: str) -> str:
    """The path with the parts of a query that are not empty, each already in the form of an address."""
    query = "&".join(filter(None, parts))
    return f"{path}?{query}" if query else path


def page_address(request: Request) -> str:
    """The address that shows a page by GET: the request's own, or for a form's the nearest page above its address.

    A form at `/banks/002/fundings` is on the page `/banks/002`.
    """
    if request.method in _SAFE_METHODS:
        return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return nearest_page(request)


def nearest_page(request: Request) -> str:
    """The longest beginning of the request's path that answers GET."""
    parts = [part for part in request.url.path.split("/") if part]
    for length in range(min(len(parts), _PARTS_MAX), 0, -1):
        path = "/" + "/".join(parts[:length])
        if _answers_get(request, path):
            return path
    return "/"


def _answers_get(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
