"""The addresses under which an application is reached: what a request's Origin is compared with.

Behind a proxy that writes another Host, only the configured public address tells that a form comes from a page of ours.
Headers that say what a proxy has seen (`X-Forwarded-Host`, `-Proto`, `-For`) are not read: a client can
send them as well.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def install_public_url(app: FastAPI, public_url: str) -> None:
    """Makes the application's public address known; empty where people reach it by the Host that it sees."""
    app.state.public_url = public_url.rstrip("/")
    app.add_middleware(RelativeRedirects)


def public_url_of(request: Request) -> str:
    """Where people reach this application, without a slash at its end."""
    configured: str = getattr(request.app.state, "public_url", "")
    return configured or str(request.base_url).rstrip("/")


def is_own_origin(request: Request, origin: str) -> bool:
    """Whether a page with this origin is ours: under the Host of the request, or under the public address."""
    configured: str = getattr(request.app.state, "public_url", "")
    # A proxy that speaks TLS keeps the Host and not the scheme, so only the host and port are compared with it.
    netloc = urlsplit(origin).netloc.lower()
    if netloc and netloc == request.headers.get("host", "").lower():
        return True
    return bool(configured) and origin_of(origin) == origin_of(configured)


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address, for a comparison (RFC 6454, 4): lower case, and the port always there."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme.lower(), (parts.hostname or "").lower(), port or _DEFAULT_PORTS.get(parts.scheme.lower())


class RelativeRedirects:
    """ASGI middleware: a redirect to the Host that a proxy wrote leads to the address that the visitor knows.

    The routes redirect an address with a slash too many to one with the Host and the scheme that they see.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        own = f"{scope['scheme']}://{host}/"

        async def send_relative(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                location = headers.get("Location", "")
                # Two slashes at the beginning would lead to another host.
                if location.startswith(own) and not location.startswith(f"{own}/"):
                    headers["Location"] = location[len(own) - 1 :]
            await send(message)

        await self._app(scope, receive, send_relative)
