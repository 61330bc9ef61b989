"""Serves an ASGI application in a role's thread until it is told to stop."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

from pix.runtime.addresses import cannot_listen
from pix.web.connections import HttpLimits, default_limits, protocol_with

STOP_CHECK_SECONDS: Final = 0.2
IDLE_SECONDS_MAX: Final = 5
"""Between two requests of a connection."""
SHUTDOWN_SECONDS_MAX: Final = 2
"""Pages hold event streams open; a client reconnects by itself."""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The names of PEM files. With `client_ca` every client must show a certificate of that authority."""

    certificate: str
    key: str
    client_ca: str = ""


def serve_http(
    app: Any,
    host: str,
    port: int,
    stop: threading.Event,
    limits: HttpLimits | None = None,
    tls: ServerTls | None = None,
) -> None:
    """Serves until `stop` is set; without `limits` within those that suit the process, without `tls` not encrypted.

    Raises `CannotListen` with the system's reason.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=protocol_with(limits or default_limits()),
            timeout_keep_alive=IDLE_SECONDS_MAX,
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
            server_header=False,
            # What a proxy says of a client can be said by the client as well; nothing here depends on it.
            proxy_headers=False,
            **_tls_options(tls),
        )
    )

    def watch() -> None:
        while not stop.wait(STOP_CHECK_SECONDS):
            if server.should_exit:
                return
        server.should_exit = True

    threading.Thread(target=watch, name="http-stop", daemon=True).start()
    try:
        server.run()
    except SystemExit as error:
        raise cannot_listen("HTTP", host, port) from error
    if not server.started:
        raise cannot_listen("HTTP", host, port)


def _tls_options(tls: ServerTls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    options: dict[str, Any] = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    if tls.client_ca:
        options |= {"ssl_ca_certs": tls.client_ca, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options
