"""HEAD wherever GET is, OPTIONS, and `Allow`: in one place, for every route of an application."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

IS_HEAD: Final = "codepix.is_head"
"""The key of a request's scope for a request whose body is not read (HEAD): an event stream then does not open."""
_ROUTED: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Methods:
    """ASGI middleware: answers HEAD as GET without the body (RFC 9110, 9.3.2), and OPTIONS and 405 with `Allow`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and (methods := allowed_methods(scope)):
            await Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": methods})(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"

        async def send_by_method(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                MutableHeaders(scope=message)["Allow"] = allowed_methods(scope)
            if is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET", IS_HEAD: True} if is_head else scope
        await self._app(inner, receive, send_by_method)


def allowed_methods(scope: Scope) -> str:
    """The value of `Allow` for the address of a request; empty when nothing is there."""
    app: FastAPI = scope["app"]
    found = []
    for method in _ROUTED:
        asked = {**scope, "method": method}
        for route in app.router.routes:
            # What is mounted, such as files, is to be read.
            if route.matches(asked)[0] is Match.FULL and (method == "GET" or not isinstance(route, Mount)):
                found.append(method)
                break
    if not found:
        return ""
    return ", ".join([*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"])
