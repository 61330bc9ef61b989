"""Who is visiting: a session in a signed cookie, and signed tokens for what a form carries to its next step."""

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
from pix.web.visits import (
    SEEN,
    SEEN_STEP_SECONDS,
    SESSION_IDLE_SECONDS_MAX,
    SESSION_SECONDS_MAX,
    SINCE,
    VISITOR,
    Visits,
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
    """A service's own secret from one that several share: no cookie or token of the one is worth anything at another.

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
    app.state.visits = Visits(idle_seconds_max=idle_seconds_max)
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
    """ASGI middleware: a session that has ended, was not used for long, or is too old is none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with the session that it still has."""
        if scope["type"] == "http" and scope["session"]:
            session, visits = scope["session"], visits_of(scope["app"])
            now = int(visits.now_seconds())
            if visits.has_just_ended(session):
                # Another tab asks before it has the cookie of the sign-in that ends this session: a new cookie in the
                # answer would replace that one, and sign the person out again.
                session.clear()
                await self._app(scope, receive, _without_cookie(scope, send))
                return
            if visits.seconds_left(session) <= 0:
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


def visits_of(app: FastAPI) -> Visits:
    """The application's."""
    visits: Visits = app.state.visits
    return visits


def visitor_id(request: Request) -> str:
    """A random name of this browser's session, made when it is first needed."""
    known = request.session.get(VISITOR)
    if isinstance(known, str):
        return known
    made = secrets.token_urlsafe(16)
    request.session[VISITOR] = made
    request.session[SINCE] = request.session[SEEN] = int(visits_of(request.app).now_seconds())
    return made


def session_mark(request: Request) -> str:
    """A name for the session that pages may show: it tells tabs whether they are of the same one, and nothing else."""
    return hashlib.sha256(f"codepix/mark/{visitor_id(request)}".encode()).hexdigest()[:16]


def renew_session(request: Request) -> None:
    """Begins another session, as one does at signing in and out; the old one and its event streams end."""
    visits_of(request.app).end(request.session)
    request.session.clear()
    visitor_id(request)
