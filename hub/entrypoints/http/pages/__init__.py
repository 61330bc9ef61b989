"""The hub's console: pages for those who run, teach or watch the network."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from hub.entrypoints.http.pages import (
    activity,
    api_docs,
    banks,
    clock,
    course,
    dead_letters,
    directory,
    overview,
    protocol,
    returns,
    search,
    topics,
    trail,
    transfer_list,
    transfers,
)

CONSOLE_ROUTERS: Final[tuple[APIRouter, ...]] = (
    overview.router,
    activity.router,
    search.router,
    topics.router,
    trail.router,
    transfer_list.router,
    transfers.router,
    returns.router,
    banks.router,
    directory.router,
    clock.router,
    course.router,
    dead_letters.router,
    protocol.router,
    api_docs.router,
)
"""The operator's pages; what they work with is put into the application by `site.install_site`."""
