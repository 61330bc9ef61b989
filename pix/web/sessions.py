"""Sessions in a signed cookie, and signed tokens for the values that a form carries to its next step."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Literal

from fastapi import FastAPI, Request
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.middleware.sessions import Session, SessionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pix.web.events import wants_events
from pix.web.session_registry import (
    SEEN,
    SEEN_STEP_SECONDS,
    SESSION_IDLE_SECONDS_MAX,
    SESSION_SECONDS_MAX,
    SINCE,
    VISITOR,
    SessionRegistry,
)


class TokenRefused(Exception):
    """A signed token is forged, damaged, of another purpose, or too old."""


class Tokens:
    """Signs small values for one purpose: only the secret makes or changes one. They are not encrypted."""

    def __init__(self, secret: str, purpose: str, seconds_max: int) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt=f"codepix/{purpose}")
        self._seconds_max = seconds_max

    def sign(self, value: Any) -> str:
        """The value (JSON) as a token that is safe in an address and in a form."""
        return str(self._serializer.dumps(value))

    def read(self, token: str) -> Any:
        """The value again. Raises TokenRefused."""
        try:
            return self._serializer.loads(token, max_age=self._seconds_max)
        except BadData:
            raise TokenRefused from None


def session_secret(configured: str) -> str:
    """The configured secret, or one for the life of this process."""
    return configured or secrets.token_urlsafe(32)


def secret_of(service: str, secret: str) -> str:
    """A service's own secret, derived from a shared one: a cookie or token of one service is invalid at another.

    Without it a customer of one bank could carry a session over to the account with the same number at another.
    """
    return hmac.new(secret.encode(), f"codepix/sessions/{service}".encode(), "sha256").hexdigest()


def install_sessions(
    app: FastAPI,
    secret: str,
    cookie: str,
    *,
    https_only: bool = False,
    same_site: Literal["lax", "strict"] = "lax",
    idle_seconds_max: float = SESSION_IDLE_SECONDS_MAX,
) -> None:
    """Gives each request a `session`. Cookies do not tell ports apart, so each bank's cookie has a name of its own."""
    app.state.session_registry = SessionRegistry(idle_seconds_max=idle_seconds_max)
    app.add_middleware(SessionAges)
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret,
        session_cookie=cookie,
        max_age=SESSION_SECONDS_MAX,
        same_site=same_site,
        https_only=https_only,
    )


class SessionAges:
    """ASGI middleware that clears a session that has ended, is idle for too long, or is too old."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["session"]:
            session, session_registry = scope["session"], session_registry_of(scope["app"])
            now = int(session_registry.now_seconds())
            if session_registry.has_just_ended(session):
                # Another tab sends a request before it has the cookie of the sign-in that ended this session: a cookie
                # in the answer would replace that one, and sign the person out again.
                session.clear()
                await self._app(scope, receive, _without_cookie(scope, send))
                return
            if session_registry.seconds_left(session) <= 0:
                session.clear()
            elif not wants_events(Request(scope)) and now - session[SEEN] >= SEEN_STEP_SECONDS:
                session[SEEN] = now
        await self._app(scope, receive, send)


def _without_cookie(scope: Scope, send: Send) -> Send:
    """Sends an answer that leaves the session's cookie as it is."""

    async def send_as_it_is(message: Message) -> None:
        if message["type"] == "http.response.start":
            scope["session"] = Session()
        await send(message)

    return send_as_it_is


def session_registry_of(app: FastAPI) -> SessionRegistry:
    session_registry: SessionRegistry = app.state.session_registry
    return session_registry


def visitor_id(request: Request) -> str:
    """The random id of this browser's session, made on first use."""
    known = request.session.get(VISITOR)
    if isinstance(known, str):
        return known
    made = secrets.token_urlsafe(16)
    request.session[VISITOR] = made
    request.session[SINCE] = request.session[SEEN] = int(session_registry_of(request.app).now_seconds())
    return made


def session_mark(request: Request) -> str:
    """A public name of the session, by which tabs see whether they belong to the same one."""
    return mark_of(visitor_id(request))


def mark_of(visitor: str) -> str:
    """The public name of the session with this id."""
    return hashlib.sha256(f"codepix/mark/{visitor}".encode()).hexdigest()[:16]


def renew_session(request: Request) -> None:
    """Begins a new session, at sign-in and sign-out; the old one and its event streams end."""
    session_registry_of(request.app).end(request.session)
    request.session.clear()
    visitor_id(request)
