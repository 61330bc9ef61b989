"""Transfers: a list to search, and the whole story of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from hub.application.ports import TransferFilter
from hub.application.returns import returns_of_transfer
from hub.domain.flows import timeline
from hub.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus
from hub.entrypoints.http.api.paging import page_cursor
from hub.entrypoints.http.pages.bookings import bookings_page
from hub.entrypoints.http.pages.sequence import diagrams
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import (
    bank_views,
    message_views,
    milestones,
    transfer_line,
)
from hub.entrypoints.http.pages.views import transfer_lines as lines_of
from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.scheme.ids import is_return_id
from pix.scheme.key_search import key_beginnings
from pix.scheme.messages import Outcome
from pix.scheme.money import parse_brl
from pix.scheme.reasons import ReasonCode
from pix.web.events import Scene, stream_scenes
from pix.web.formats import brl_plain
from pix.web.htmx import see_other
from pix.web.languages import reason_sentence
from pix.web.site import PagesOf, version_of
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
ID_LENGTH_MAX: Final = 64
KEY_LENGTH_MAX: Final = 80
EXAMINED_MAX: Final = 50_000
"""No more of the newest transfers are looked at for a page of a search."""
UNPROCESSABLE: Final = 422


@router.get("/transfers")
def list_transfers(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    bank: str = "",
    status: str = "",
    end_to_end_id: Annotated[str, Query(alias="id")] = "",
    key: str = "",
    txid: str = "",
    amount: str = "",
    reason: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> Response:
    """Transfers, newest first, narrowed by the given fields; nothing is searched while a field is malformed.

    A whole return id leads to the return.
    """
    if is_return_id(end_to_end_id.strip()):
        return see_other(request, f"/returns/{end_to_end_id.strip()}")
    banks = bank_views(site.hub.queries)
    chosen = next((view for view in banks.values() if bank and view.code == bank), None)
    try:
        cursor = page_cursor(before)
    except SchemeError:
        # An address that somebody has cut short: begin at the beginning.
        cursor = None
    narrow = TransferFilter(
        ispb="" if chosen is None else chosen.ispb,
        status=TransferStatus(status) if status in set(TransferStatus) else None,
        reason=ReasonCode(reason) if reason in set(ReasonCode) else None,
        id_part=end_to_end_id.strip()[:ID_LENGTH_MAX],
        txid=txid.strip()[:KEY_LENGTH_MAX],
        before=cursor,
        # One more than is shown tells whether there is another page.
        size=PAGE_SIZE + 1,
        examined_max=EXAMINED_MAX,
    )
    faults = dict.fromkeys(("amount", "since", "until"), "")
    try:
        narrow = replace(narrow, key_beginnings=key_beginnings(key[:KEY_LENGTH_MAX]))
        narrow = replace(narrow, amount_centavos=parse_brl(amount) if amount.strip() else None)
        narrow = replace(narrow, received_from_ms=_time(since, "since"), received_before_ms=_time(until, "until"))
    except SchemeError as error:
        faults[error.field] = error.rule
    is_faulty = any(faults.values())
    found = None if is_faulty else site.hub.queries.search_transfers(narrow)
    shown = [] if found is None else found.rows[:PAGE_SIZE]
    values = {
        "bank": "" if chosen is None else chosen.code,
        "status": "" if narrow.status is None else narrow.status.value,
        "reason": "" if narrow.reason is None else narrow.reason.value,
        "id": narrow.id_part,
        "key": key.strip()[:KEY_LENGTH_MAX],
        "txid": narrow.txid,
        "amount": amount.strip()[:KEY_LENGTH_MAX]
        if narrow.amount_centavos is None
        else brl_plain(narrow.amount_centavos),
        "since": since[:KEY_LENGTH_MAX],
        "until": until[:KEY_LENGTH_MAX],
    }
    next_cursor = None
    if found is not None:
        is_full = len(found.rows) > PAGE_SIZE
        next_cursor = (shown[-1].received_at_ms, shown[-1].end_to_end_id) if is_full else found.cut_at
    context = {
        "lines": lines_of(shown, banks),
        "banks": list(banks.values()),
        "statuses": list(TransferStatus),
        "reasons": sorted(ReasonCode),
        "values": values,
        "faults": faults,
        "is_faulty": is_faulty,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "is_first": cursor is None,
        "cut_at_ms": None if found is None or found.cut_at is None else found.cut_at[0],
        "examined_max": narrow.examined_max,
        "next_cursor": "" if next_cursor is None else f"{next_cursor[0]}:{next_cursor[1]}",
        "section": "/transfers",
    }
    return pages.page(request, "hub/transfers.html", context, status=UNPROCESSABLE if is_faulty else 200)


def _time(text: str, field: str) -> int | None:
    """What a browser's field for a date and a time gives, on Brasília's clock. Raises SchemeError."""
    if not text:
        return None
    try:
        return instant_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise SchemeError(field, "Write the time as year-month-dayThours:minutes.") from None


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
        "diagrams": diagrams(entries, transfer.received_at_ms),
        "messages": message_views(entries),
        "returns": returns,
        "returned_centavos": sum(row.amount_centavos for row in returns if row.outcome is Outcome.CONFIRMED),
        "reason_sentence": reason_sentence(transfer.reason, language),
        "version": version_of((transfer, history)),
        "section": "/transfers",
    }
