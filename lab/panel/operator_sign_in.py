"""Operator sign-in to the panel: from this machine only, under its own name, with the token of this start."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pix.web.operators import check_origin
from pix.web.problems import ProblemKind, problem_response
from pix.web.sessions import renew_session

TOKEN_BYTES: Final = 24
SECRET_BYTES: Final = 32
TOKEN_PARAMETER: Final = "token"  # noqa: S105 - the parameter's name
SESSION_KEY: Final = "lab"

FOREIGN_HOST: Final = ProblemKind("foreign-host", 403, "Wrong host name")
FOREIGN_RULE: Final = "Use 127.0.0.1 and the port of the panel."

_BEARER: Final = HTTPBearer(auto_error=False, scheme_name="token", description="The token of this start.")


class TokenNeeded(Exception):
    """The request comes without the token of this start, or with another one."""

    field = "authorization"
    rule = "Open the link that the start has printed, or send its token in the header `Authorization: Bearer …`."
    headers = {"WWW-Authenticate": 'Bearer realm="the token of this start"'}  # noqa: RUF012 - read by the edge alone

    def __init__(self, is_wrong: bool = False) -> None:
        self.is_wrong = is_wrong
        """Whether a token was given."""


class OperatorSignIn:
    """Authenticates a caller by the token; a browser then has a session."""

    def __init__(self, token: str = "") -> None:
        self.token = token or secrets.token_urlsafe(TOKEN_BYTES)
        self.session_secret = secrets.token_urlsafe(SECRET_BYTES)
        """Signs the sessions: a sign-in lives as long as this object."""

    def accepts(self, token: str) -> bool:
        """Whether it is the token. It is too long to be guessed, so guesses are not counted."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def admit(self, request: Request) -> None:
        renew_session(request)
        request.session[SESSION_KEY] = True

    def is_signed_in(self, request: Request) -> bool:
        """Whether this browser has shown the token. Its session is signed with a secret of this start."""
        return request.session.get(SESSION_KEY) is True


def token_in(text: str) -> str:
    """The token in what somebody pastes: the token, or the whole link that was printed with it."""
    text = text.strip()
    given = parse_qs(urlsplit(text).query).get(TOKEN_PARAMETER, []) if "://" in text else []
    return given[0] if given else text


def sign_in_of(request: Request) -> OperatorSignIn:
    sign_in: OperatorSignIn = request.app.state.sign_in
    return sign_in


def require_sign_in(request: Request) -> None:
    """The dependency of every page. Raises `TokenNeeded`."""
    if not sign_in_of(request).is_signed_in(request):
        raise TokenNeeded


async def require_token(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> None:
    """The dependency of every endpoint: the token itself, or a browser that has shown it. Raises `TokenNeeded`."""
    check_origin(request)
    sign_in = sign_in_of(request)
    if credentials is not None and sign_in.accepts(credentials.credentials):
        return
    if credentials is not None or not sign_in.is_signed_in(request):
        raise TokenNeeded


class LoopbackNames:
    """ASGI middleware: refuses requests for another host's name, so that no foreign DNS name leads here.

    Without it a page of `evil.example`, whose name is made to mean 127.0.0.1 once the page is loaded, could read the
    panel as its own site's. `localhost` is redirected to 127.0.0.1, the only origin that may frame the hub's map.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._account = f"127.0.0.1:{port}"
        self._alias = f"localhost:{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        if host == self._account:
            await self._app(scope, receive, send)
        elif host == self._alias:
            query = scope.get("query_string", b"").decode("latin-1")
            url = f"http://{self._account}{scope['raw_path'].decode('latin-1')}{'?' if query else ''}{query}"
            await RedirectResponse(url)(scope, receive, send)
        elif scope["path"].startswith("/api/"):
            await problem_response(FOREIGN_HOST, FOREIGN_RULE, field="host", rule=FOREIGN_RULE)(scope, receive, send)
        else:
            await PlainTextResponse(FOREIGN_RULE, FOREIGN_HOST.status)(scope, receive, send)
