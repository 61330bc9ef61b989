"""Operator sign-in: access to the console, the back office, and the APIs behind them.

In demo mode every visitor has access. Otherwise access needs the operator's password; if none is set, the answer says
what to set. The session remembers a sign-in on a page. Programs send the password as a bearer token with each request;
no browser adds it automatically, so no other site can act through a browser.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from pix.runtime.passwords import password_matches
from pix.web.attempts import Attempts
from pix.web.csrf import ForgedRequest
from pix.web.origins import is_own_origin
from pix.web.problems import ProblemKind
from pix.web.sessions import renew_session

ATTEMPTS_NAME: Final = "the operator"
SESSION_KEY: Final = "operator"
NAME_KEY: Final = "operator-name"
NAME_LENGTH_MAX: Final = 60
NAME_HEADER: Final = "codepix-operator"
"""A program says in it for whom it acts; as unproven as the name of a sign-in."""
PASSWORD_LENGTH_MAX: Final = 400
DISABLED_RULE: Final = (
    "Operator sign-in is disabled because no operator password is set: "
    "set OPERATOR_PASSWORD or OPERATOR_PASSWORD_HASH, or DEMO_MODE=true in a sandbox."
)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class OperatorSettings(Protocol):
    """The settings of operator sign-in. Without a password, in either form, only demo mode gives access."""

    @property
    def demo_mode(self) -> bool: ...

    @property
    def operator_password(self) -> str:
        """In clear; may be empty."""

    @property
    def operator_password_hash(self) -> str:
        """As the command `hash-password` prints it; may be empty."""


class OperatorNotAuthenticated(Exception):
    """The request needs the operator; with field and rule, as every rejection at an edge has them."""

    field = "authorization"

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


class OperatorUnknown(OperatorNotAuthenticated):
    """The request has no password, or a wrong one."""

    headers = {"WWW-Authenticate": 'Bearer realm="operator password"'}  # noqa: RUF012 - read by the edge alone

    def __init__(self) -> None:
        super().__init__("Send the operator password in the header `Authorization: Bearer …`.")


class OperatorSignInDisabled(OperatorNotAuthenticated):
    def __init__(self) -> None:
        super().__init__(DISABLED_RULE)


class TooManyAttempts(OperatorNotAuthenticated):
    def __init__(self, wait_ms: int) -> None:
        seconds = -(-wait_ms // 1_000)
        self.headers = {"Retry-After": str(seconds)}
        super().__init__(f"Too many wrong passwords; try again in {seconds} seconds.")


OPERATOR_PROBLEMS: Final[dict[type[Exception], ProblemKind]] = {
    OperatorUnknown: ProblemKind("operator-unknown", 401, "Operator password needed"),
    OperatorSignInDisabled: ProblemKind("operator-shut", 403, "Operator sign-in is disabled"),
    TooManyAttempts: ProblemKind("too-many-attempts", 429, "Too many wrong passwords"),
}
"""The rows of these errors in an edge's table."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """The HMAC of a verified password under a random key, so that only the first request pays for the slow hash."""

    key: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> _Verified:
        key = secrets.token_bytes(32)
        return cls(key, hmac.digest(key, password.encode(), "sha256"))

    def matches(self, password: str) -> bool:
        return hmac.compare_digest(self.digest, hmac.digest(self.key, password.encode(), "sha256"))


class OperatorAuthentication:
    """Verifies the operator's password, limits attempts, and keeps sign-ins in the session."""

    def __init__(self, settings: OperatorSettings, session_secret: str, attempts: Attempts | None = None) -> None:
        """`session_secret` makes the mark of a signed-in session; a new password invalidates earlier marks."""
        self.is_demo = settings.demo_mode
        """Everyone is the operator."""
        self._password = settings.operator_password
        self._password_hash = settings.operator_password_hash
        self._attempts = attempts or Attempts()
        self._one_check = threading.Lock()
        self._verified: _Verified | None = None
        secret = hashlib.sha256(f"{self._password}/{self._password_hash}".encode()).digest()
        self._mark = hmac.digest(secret, f"codepix/operator/{session_secret}".encode(), "sha256").hex()

    @property
    def is_disabled(self) -> bool:
        return not (self.is_demo or self._password or self._password_hash)

    def check(self, password: str) -> None:
        """Raises OperatorSignInDisabled, TooManyAttempts, and OperatorUnknown for a wrong password."""
        if self.is_demo:
            return
        if self.is_disabled:
            raise OperatorSignInDisabled
        # One at a time: all callers share the bucket, so more than five right passwords at once must not use it up.
        with self._one_check:
            wait_ms = self._attempts.take(ATTEMPTS_NAME)
            if wait_ms:
                raise TooManyAttempts(wait_ms)
            if not self._is_right(password[:PASSWORD_LENGTH_MAX]):
                raise OperatorUnknown
            self._attempts.give_back(ATTEMPTS_NAME)

    def sign_in(self, request: Request, name: str = "") -> None:
        """Marks a new session of this browser as the operator's; the name is what the visitor says."""
        renew_session(request)
        request.session[SESSION_KEY] = self._mark
        request.session[NAME_KEY] = name[:NAME_LENGTH_MAX]

    def is_operator(self, request: Request) -> bool:
        mark = request.session.get(SESSION_KEY)
        return self.is_demo or (
            not self.is_disabled and isinstance(mark, str) and hmac.compare_digest(mark.encode(), self._mark.encode())
        )

    def _is_right(self, password: str) -> bool:
        if self._verified is not None and self._verified.matches(password):
            return True
        if self._password_hash:
            is_right = password_matches(password, self._password_hash)
        else:
            is_right = hmac.compare_digest(password.encode(), self._password.encode())
        if is_right:
            self._verified = _Verified.of(password)
        return is_right


def operator_name(request: Request) -> str:
    """Who the operator says to be: at the sign-in, or a program in its header; empty without a word of it."""
    name = str(request.session.get(NAME_KEY, "")) or request.headers.get(NAME_HEADER, "")
    return " ".join(name.split())[:NAME_LENGTH_MAX] if name.isprintable() else ""


def address_of(request: Request) -> str:
    """The network address that the request came from."""
    return "" if request.client is None else request.client.host


@dataclass(frozen=True, slots=True)
class DemoOperator:
    demo_mode: bool = True
    operator_password: str = ""
    operator_password_hash: str = ""


_BEARER: Final = HTTPBearer(auto_error=False, scheme_name="operator", description="The operator password.")


def operator_of_api(authentication_of: Callable[[Request], OperatorAuthentication]) -> Callable[..., Awaitable[None]]:
    """The dependency of every operator endpoint. Raises OperatorNotAuthenticated, ForgedRequest."""

    async def check(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> None:
        check_origin(request)
        authentication = authentication_of(request)
        if authentication.is_demo:
            return
        if credentials is None and not authentication.is_disabled:
            raise OperatorUnknown
        # The hash takes memory and time, which would block the event loop.
        await run_in_threadpool(authentication.check, "" if credentials is None else credentials.credentials)

    return check


def check_origin(request: Request) -> None:
    """Another site's page must not drive an API through a browser that can reach it. Raises ForgedRequest."""
    origin = request.headers.get("origin")
    if request.method in _SAFE_METHODS or origin is None:
        return
    if not is_own_origin(request, origin):
        raise ForgedRequest
