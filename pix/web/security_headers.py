"""Security headers: no foreign or inline scripts, no frames, no content sniffing."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DIRECTIVES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
)


def content_security_policy(frame_ancestors: str = "'none'") -> str:
    """The policy of a page that no page may frame, or only the pages of this origin."""
    return "; ".join((*_DIRECTIVES, f"frame-ancestors {frame_ancestors}"))


CONTENT_SECURITY_POLICY: Final = content_security_policy()
FRAME_OPTIONS: Final = "X-Frame-Options"
PERMISSIONS_POLICY: Final = "Permissions-Policy"


def permissions_policy(camera: str = "()") -> str:
    """What a page may use of the device; `camera` is an allowlist such as `(self)`."""
    return f"camera={camera}, geolocation=(), microphone=(), payment=()"


_HEADERS: Final = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    (FRAME_OPTIONS, "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    (PERMISSIONS_POLICY, permissions_policy()),
)


class SecurityHeaders:
    """ASGI middleware that sets the headers on every answer; shared caches may not store a page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # The page's own policy allows framing: the older header has no such exception.
                is_framed = headers.get("Content-Security-Policy", CONTENT_SECURITY_POLICY) != CONTENT_SECURITY_POLICY
                for name, value in _HEADERS:
                    if not (is_framed and name == FRAME_OPTIONS):
                        headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
