"""Rejects addresses with a NUL character, which PostgreSQL cannot store or search for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pix.web.problems import ProblemKind, problem_response, speaks_json

BAD_ADDRESS: Final = ProblemKind("bad-address", HTTPStatus.BAD_REQUEST, "The address cannot be one of ours")
RULE: Final = "An address has no NUL character."


class NoNulInAddresses:
    """ASGI middleware; whatever is behind it need not think of NUL in path or query."""

    def __init__(self, app: ASGIApp, *, answers_json: bool = False) -> None:
        """With `answers_json` every address is one of programs, else those that `speaks_json` says."""
        self._app = app
        self._answers_json = answers_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (
            "\x00" in scope["path"] or b"\x00" in unquote_to_bytes(scope.get("query_string", b""))
        ):
            if self._answers_json or speaks_json(Request(scope)):
                await problem_response(BAD_ADDRESS, RULE)(scope, receive, send)
            else:
                await PlainTextResponse(RULE, BAD_ADDRESS.status)(scope, receive, send)
            return
        await self._app(scope, receive, send)
