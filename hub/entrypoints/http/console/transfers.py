"""Transfers: a list to search, and the whole story of one."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from hub.application.ports import TransferFilter
from hub.domain.transfer import HistoryStep, Transfer, TransferStatus
from hub.entrypoints.http.api import page_place
from hub.entrypoints.http.console.site import PagesOf, Site, SiteOf, version_of
from hub.entrypoints.http.console.views import bank_views, milestones, reason_sentence, step_views, transfer_line
from hub.entrypoints.http.console.views import transfer_lines as lines_of
from pix.scheme.errors import SchemeError
from pix.service.web.events import Scene, stream_scenes
from pix.service.web.templates import language_of

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
ID_LENGTH_MAX: Final = 64


@router.get("/transfers")
def list_transfers(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    bank: str = "",
    status: str = "",
    end_to_end_id: Annotated[str, Query(alias="id")] = "",
    before: str = "",
) -> Response:
    """Transfers, newest first, narrowed by bank (its code), status and a part of the id."""
    banks = bank_views(site.hub.queries)
    chosen = next((view for view in banks.values() if bank and view.code == bank), None)
    id_part = end_to_end_id.strip()[:ID_LENGTH_MAX]
    try:
        place = page_place(before)
    except SchemeError:
        # An address that somebody has cut short: begin at the beginning.
        place = None
    narrow = TransferFilter(
        ispb="" if chosen is None else chosen.ispb,
        status=TransferStatus(status) if status in set(TransferStatus) else None,
        id_part=id_part,
        before=place,
        # One more than is shown tells whether there is another page.
        size=PAGE_SIZE + 1,
    )
    found = site.hub.queries.list_transfers(narrow)
    shown = found[:PAGE_SIZE]
    values = {
        "bank": "" if chosen is None else chosen.code,
        "status": "" if narrow.status is None else narrow.status.value,
        "id": id_part,
    }
    next_place = f"{shown[-1].received_at_ms}:{shown[-1].end_to_end_id}" if len(found) > PAGE_SIZE else ""
    context = {
        "lines": lines_of(shown, banks),
        "banks": list(banks.values()),
        "statuses": list(TransferStatus),
        "values": values,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "is_first": place is None,
        "next_place": next_place,
        "section": "/transfers",
    }
    return pages.page(request, "hub/transfers.html", context)


@router.get("/transfers/{end_to_end_id}")
def show_transfer(request: Request, pages: PagesOf, site: SiteOf, end_to_end_id: str) -> Response:
    """The story of one transfer."""
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


def _context(request: Request, site: Site, transfer: Transfer, history: list[HistoryStep]) -> dict[str, Any]:
    banks = bank_views(site.hub.queries)
    language = language_of(request)
    return {
        "line": transfer_line(transfer, banks),
        "transfer": transfer,
        "milestones": milestones(transfer),
        "steps": step_views(transfer, history, banks, language),
        "reason_sentence": reason_sentence(transfer.reason, language),
        "version": version_of((transfer, history)),
        "section": "/transfers",
    }
