"""The one place where an HTTP client is made, so that none can forget what all of them must ignore: proxies.

Our clients speak to services on this machine or in the same network. A proxy that the environment names (`HTTP_PROXY`,
`ALL_PROXY` and so on, which company networks and Docker's client set everywhere) is for the way out of that network: it
cannot reach them, and must not see their passwords. So no proxy is used, whatever `NO_PROXY` says, also for an address
that a person gives. Nor is `~/.netrc` read. `SSL_CERT_FILE` and `SSL_CERT_DIR` count: they say whom to believe.
"""

from __future__ import annotations

import os
import ssl
from typing import Any

import httpx


def new_http_client(**options: Any) -> httpx.Client:
    """`httpx.Client(**options)`, to be closed."""
    return httpx.Client(**{"verify": _authorities(), **options, "trust_env": False})


def http_get(url: str, **options: Any) -> httpx.Response:
    """One answer, read whole. Raises httpx.HTTPError and httpx.InvalidURL."""
    with new_http_client() as client:
        return client.get(url, **options)


def _authorities() -> ssl.SSLContext | bool:
    """True for those that httpx brings along; OpenSSL reads the two variables, and ignores a missing file."""
    is_said = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context() if is_said else True
