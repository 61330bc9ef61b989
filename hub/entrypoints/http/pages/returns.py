"""Returns: a list to search, and the whole story of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from hub.application.ports.returns import ReturnFilter
from hub.application.returns import find_return, search_returns
from hub.domain.flows import timeline
from hub.domain.flows.returns.model import NAME, HistoryStep, Return, ReturnStatus
from hub.entrypoints.http.api.paging import page_cursor
from hub.entrypoints.http.pages.bookings import bookings_page
from hub.entrypoints.http.pages.sequence import diagrams
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import BankView, bank_views, message_views, stranger
from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import REASONS, RETURN_REASONS
from pix.web.events import Scene, stream_scenes
from pix.web.formats import brl_plain
from pix.web.languages import reason_sentence
from pix.web.site import PagesOf, version_of
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
TEXT_LENGTH_MAX: Final = 80
ID_LENGTH_MAX: Final = 64
UNPROCESSABLE: Final = 422
SECTION: Final = "/transfers"
"""Of the navigation: returns stand beside transfers."""


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """The banks of a return, by the sides of the original."""

    payer_bank: BankView | None
    """None when the bank may not return the original."""
    payee_bank: BankView


def return_line(row: Return, banks: Mapping[str, BankView]) -> ReturnLine:
    payer = None if row.payer is None else banks.get(row.payer.ispb) or stranger(row.payer.ispb)
    return ReturnLine(payer, banks.get(row.requester_ispb) or stranger(row.requester_ispb))


@router.get("/returns")
def list_returns(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    bank: str = "",
    status: str = "",
    return_id: Annotated[str, Query(alias="id")] = "",
    original: str = "",
    why: str = "",
    reason: str = "",
    amount: str = "",
    before: str = "",
) -> Response:
    """Returns, newest first, narrowed by the given fields; nothing is searched while a field is malformed."""
    banks = bank_views(site.hub.queries)
    chosen = next((view for view in banks.values() if bank and view.code == bank), None)
    try:
        cursor = page_cursor(before)
    except SchemeError:
        # An address that somebody has cut short: begin at the beginning.
        cursor = None
    narrow = ReturnFilter(
        ispb="" if chosen is None else chosen.ispb,
        status=ReturnStatus(status) if status in set(ReturnStatus) else None,
        reason=ReasonCode(reason) if reason in set(ReasonCode) else None,
        return_reason=ReasonCode(why) if why in set(ReasonCode) else None,
        id_part=return_id.strip()[:ID_LENGTH_MAX],
        original_end_to_end_id=original.strip()[:ID_LENGTH_MAX],
        before=cursor,
        # One more than is shown tells whether there is another page.
        size=PAGE_SIZE + 1,
    )
    fault, found = "", None
    try:
        narrow = replace(narrow, amount_centavos=parse_brl(amount) if amount.strip() else None)
        found = site.hub.queries.read(lambda unit: search_returns(unit, narrow))
    except SchemeError as error:
        fault = error.rule
    shown = [] if found is None else found.rows[:PAGE_SIZE]
    values = {
        "bank": "" if chosen is None else chosen.code,
        "status": "" if narrow.status is None else narrow.status.value,
        "why": "" if narrow.return_reason is None else narrow.return_reason.value,
        "reason": "" if narrow.reason is None else narrow.reason.value,
        "id": narrow.id_part,
        "original": narrow.original_end_to_end_id,
        "amount": amount.strip()[:TEXT_LENGTH_MAX]
        if narrow.amount_centavos is None
        else brl_plain(narrow.amount_centavos),
    }
    next_cursor = None
    if found is not None:
        is_full = len(found.rows) > PAGE_SIZE
        next_cursor = (shown[-1].received_at_ms, shown[-1].return_id) if is_full else found.cut_at
    context = {
        "rows": shown,
        "banks": list(banks.values()),
        "statuses": list(ReturnStatus),
        "return_reasons": sorted(RETURN_REASONS),
        "reasons": sorted(set(REASONS) - RETURN_REASONS),
        "values": values,
        "fault": fault,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "is_first": cursor is None,
        "cut_at_ms": None if found is None or found.cut_at is None else found.cut_at[0],
        "examined_max": narrow.examined_max,
        "next_cursor": "" if next_cursor is None else f"{next_cursor[0]}:{next_cursor[1]}",
        "section": SECTION,
    }
    return pages.page(request, "hub/returns.html", context, status=UNPROCESSABLE if fault else 200)


@router.get("/returns/{return_id}")
def show_return(request: Request, pages: PagesOf, site: SiteOf, return_id: str) -> Response:
    found = site.hub.queries.read(lambda unit: find_return(unit, return_id))
    return pages.page(request, "hub/return.html", _context(request, site, *found))


@router.get("/returns/{return_id}/live")
def stream_return(request: Request, pages: PagesOf, site: SiteOf, return_id: str, seen: str = "") -> Response:
    """The same as it goes on, until nothing is owed any more."""
    site.hub.queries.read(lambda unit: find_return(unit, return_id))

    def look() -> Scene:
        row, history = site.hub.queries.read(lambda unit: find_return(unit, return_id))
        return Scene(
            version_of((row, history)),
            lambda: pages.html(request, "hub/return.html", _context(request, site, row, history), block="live"),
            is_final=row.closed_at_ms is not None,
        )

    return stream_scenes(request, look, seen=seen)


@router.get("/returns/{return_id}/bookings")
def show_bookings(request: Request, pages: PagesOf, site: SiteOf, return_id: str) -> Response:
    """The postings of both banks, read from the banks: a part of the return's page, or a page."""
    row, _ = site.hub.queries.read(lambda unit: find_return(unit, return_id))
    return bookings_page(request, pages, site, row, f"/returns/{return_id}")


def _context(request: Request, site: Site, row: Return, history: list[HistoryStep]) -> dict[str, Any]:
    language = language_of(request)
    entries = timeline(row, history)
    return {
        "line": return_line(row, bank_views(site.hub.queries)),
        "row": row,
        "timeline": entries,
        "archived_at_ms": site.hub.histories.archived_at_ms(NAME, row.return_id),
        "diagrams": diagrams(entries, row.received_at_ms),
        "messages": message_views(entries),
        "reason_sentence": reason_sentence(row.reason, language, NAME),
        "return_reason_sentence": reason_sentence(row.return_reason, language, NAME),
        "version": version_of((row, history)),
        "section": SECTION,
    }
