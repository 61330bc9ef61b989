"""Who is visiting: a session in a signed cookie, and signed tokens for what a form carries to its next step."""

from __future__ import annotations

import hmac
import secrets
from typing import Any, Final, Literal

from fastapi import FastAPI, Request
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.middleware.sessions import SessionMiddleware

SESSION_SECONDS_MAX: Final = 12 * 60 * 60
_VISITOR: Final = "visitor"


class TokenRefused(Exception):
    """A signed token is forged, damaged, of another purpose, or too old."""


class Tokens:
    """Signs small values for one purpose; nobody without the secret can make or change one. They are not encrypted."""

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
    app: FastAPI, secret: str, cookie: str, *, https_only: bool = False, same_site: Literal["lax", "strict"] = "lax"
) -> None:
    """Gives each request a `session`. Cookies do not tell ports apart, so each bank's cookie has a name of its own."""
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret,
        session_cookie=cookie,
        max_age=SESSION_SECONDS_MAX,
        same_site=same_site,
        https_only=https_only,
    )


def visitor_id(request: Request) -> str:
    """A random name of this browser's session, made when it is first needed."""
    known = request.session.get(_VISITOR)
    if isinstance(known, str):
        return known
    made = secrets.token_urlsafe(16)
    request.session[_VISITOR] = made
    return made


def renew_session(request: Request) -> None:
    """Begins another session, as one does at signing in and out, so that an old one is worth nothing."""
    request.session.clear()
    visitor_id(request)
