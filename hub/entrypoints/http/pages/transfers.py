"""The whole story of a transfer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from hub.application.returns import returns_of_transfer
from hub.domain.flows import timeline
from hub.domain.flows.transfer.model import NAME, HistoryStep, Transfer
from hub.entrypoints.http.pages.bookings import bookings_page
from hub.entrypoints.http.pages.sequence import diagrams
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import (
    bank_views,
    message_views,
    milestones,
    transfer_line,
)
from pix.scheme.ids import is_return_id
from pix.scheme.messages import Outcome
from pix.web.events import Scene, stream_scenes
from pix.web.htmx import see_other
from pix.web.languages import reason_sentence
from pix.web.site import PagesOf, version_of
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)


@router.get("/transfers/{end_to_end_id}")
def show_transfer(request: Request, pages: PagesOf, site: SiteOf, end_to_end_id: str) -> Response:
    """The story of one. The map and the dead letters link any record here, also one of a return."""
    if is_return_id(end_to_end_id):
        return see_other(request, f"/returns/{end_to_end_id}")
    found = site.hub.queries.find_transfer(end_to_end_id)
    return pages.page(request, "hub/transfer.html", _context(request, site, *found))


@router.get("/transfers/{end_to_end_id}/live")
def stream_transfer(request: Request, pages: PagesOf, site: SiteOf, end_to_end_id: str, seen: str = "") -> Response:
    """The same as it goes on, until nothing is owed any more."""
    site.hub.queries.find_transfer(end_to_end_id)

    def look() -> Scene:
        transfer, history = site.hub.queries.find_transfer(end_to_end_id)
        return Scene(
            version_of((transfer, history)),
            lambda: pages.html(request, "hub/transfer.html", _context(request, site, transfer, history), block="live"),
            is_final=transfer.closed_at_ms is not None,
        )

    return stream_scenes(request, look, seen=seen)


@router.get("/transfers/{end_to_end_id}/bookings")
def show_bookings(request: Request, pages: PagesOf, site: SiteOf, end_to_end_id: str) -> Response:
    """The postings of both banks, read from the banks: a part of the transfer's page, or a page."""
    transfer, _ = site.hub.queries.find_transfer(end_to_end_id)
    return bookings_page(request, pages, site, transfer, f"/transfers/{end_to_end_id}")


def _context(request: Request, site: Site, transfer: Transfer, history: list[HistoryStep]) -> dict[str, Any]:
    banks = bank_views(site.hub.queries)
    language = language_of(request)
    entries = timeline(transfer, history)
    returns = site.hub.queries.read(lambda unit: returns_of_transfer(unit, transfer.end_to_end_id))
    return {
        "line": transfer_line(transfer, banks),
        "transfer": transfer,
        "milestones": milestones(transfer),
        "timeline": entries,
        "archived_at_ms": site.hub.histories.archived_at_ms(NAME, transfer.end_to_end_id),
        "diagrams": diagrams(entries, transfer.received_at_ms),
        "messages": message_views(entries),
        "returns": returns,
        "returned_centavos": sum(row.amount_centavos for row in returns if row.outcome is Outcome.CONFIRMED),
        "reason_sentence": reason_sentence(transfer.reason, language),
        "version": version_of((transfer, history)),
        "section": "/transfers",
    }
