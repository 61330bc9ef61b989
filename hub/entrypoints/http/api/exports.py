"""Every transfer and return for programs that examine them all, such as the audit; and what is under way."""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel

from hub.application.queries import Queries
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.scheme.exports import EXPORTED_BY_HUB
from pix.web.exports import EXPORT_RESPONSES, ExportResponse, export_response

router = api_router("transfers")
returns_router = api_router("returns")


class UnderWayDocument(BaseModel):
    """How many rows have a pending message."""

    transfers: int
    returns: int


@router.get("/under-way")
def count_under_way(site: SiteOf) -> UnderWayDocument:
    """The number of transfers and returns that are not closed yet."""
    counts = site.hub.queries.count_open()
    return UnderWayDocument(transfers=counts[TRANSFER], returns=counts[RETURN])


@router.get("/transfers/export", response_class=ExportResponse, responses=EXPORT_RESPONSES)
def export_transfers(site: SiteOf) -> ExportResponse:
    """Every transfer as JSON lines, by end-to-end id: the names of the columns, then an array for each transfer.

    Pages are read while they are sent, so a transfer that moves meanwhile may be shown before or after its move.
    """
    return _export(site.hub.queries, TRANSFER)


@returns_router.get("/returns/export", response_class=ExportResponse, responses=EXPORT_RESPONSES)
def export_returns(site: SiteOf) -> ExportResponse:
    """Every return as JSON lines, by return id, as `/transfers/export`. The parties are those of the original."""
    return _export(site.hub.queries, RETURN)


def _export(queries: Queries, flow: str) -> ExportResponse:
    return export_response(EXPORTED_BY_HUB[flow], partial(queries.export, flow))
