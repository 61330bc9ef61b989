"""Every transfer and return for programs that examine them all, such as the audit; and what is under way."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel

from hub.application.queries import Queries
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.transfer.model import NAME as TRANSFER
from pix.scheme.exports import EXPORTED_BY_HUB
from pix.web.exports import EXPORT_RESPONSES, ExportResponse, export_response


class UnderWayDocument(BaseModel):
    """How many rows have a pending message."""

    transfers: int
    returns: int


def add_export_routes(router: APIRouter, queries: Queries) -> None:
    """Adds the routes to the operator's, before those of single rows, whose ids they would be."""

    @router.get("/under-way", tags=["transfers"])
    def count_under_way() -> UnderWayDocument:
        """The number of transfers and returns that are not closed yet."""
        counts = queries.count_open()
        return UnderWayDocument(transfers=counts[TRANSFER], returns=counts[RETURN])

    @router.get("/transfers/export", tags=["transfers"], response_class=ExportResponse, responses=EXPORT_RESPONSES)
    def export_transfers() -> ExportResponse:
        """Every transfer as JSON lines, by end-to-end id: the names of the columns, then an array for each transfer.

        Pages are read while they are sent, so a transfer that moves meanwhile may be shown before or after its move.
        """
        return _export(TRANSFER)

    @router.get("/returns/export", tags=["returns"], response_class=ExportResponse, responses=EXPORT_RESPONSES)
    def export_returns() -> ExportResponse:
        """Every return as JSON lines, by return id, as `/transfers/export`. The parties are those of the original."""
        return _export(RETURN)

    def _export(flow: str) -> ExportResponse:
        return export_response(EXPORTED_BY_HUB[flow], partial(queries.export, flow))
