"""The hub's console: pages for those who run, teach or watch the network."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from hub.entrypoints.http.console import api_docs, banks, brand, dead_letters, overview, transfers

CONSOLE_ROUTERS: Final[tuple[APIRouter, ...]] = (
    overview.router,
    transfers.router,
    banks.router,
    dead_letters.router,
    api_docs.router,
    brand.router,
)
"""Every router of the console; what they work with is put into the application by `site.install_site`."""
