"""The hub's console: pages for those who run, teach or watch the network."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

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
from pix.web.operator_pages import operator_pages
from pix.web.site import operator

PAGE_ROUTERS: Final = (
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

SIGN_IN: Final = operator_pages("hub/sign_in.html")

CONSOLE: Final = APIRouter(dependencies=[Depends(operator)])
"""The operator's pages; `pix.web.site.install_site` puts what they work with into the application."""
for _router in PAGE_ROUTERS:
    CONSOLE.include_router(_router)
