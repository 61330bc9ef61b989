"""What the developers' pages share: their frame, and the address of the API that they show."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request

from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.site import Site
from pix.runtime.addresses import join_host_port

LINES_SHOWN: Final = 30
POLL_SECONDS: Final = 0.4
SEARCH_LENGTH_MAX: Final = 200


def frame(request: Request, site: Site, account: Account, tab: str, **context: Any) -> dict[str, Any]:
    """What every developers' page knows."""
    return {
        "account": account,
        "section": "/developers",
        "tab": tab,
        "sandbox_on": has_sandbox(site),
        "api_url": api_url(request, site),
        **context,
    }


def has_sandbox(site: Site) -> bool:
    """Whether customers may have other people pay: in a sandbox whose accounts are open to all."""
    return site.settings.sandbox and site.settings.demo_mode


def api_url(request: Request, site: Site) -> str:
    """Where programs reach the API Pix, without `/v2`."""
    settings = site.settings
    pages = settings.public_url or str(request.base_url)
    if settings.api_pix_port is None:
        return pages.rstrip("/")
    scheme = "https" if settings.api_pix_tls_certificate else "http"
    return f"{scheme}://{join_host_port(urlsplit(pages).hostname or '', settings.api_pix_port)}"
