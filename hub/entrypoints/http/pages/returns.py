"""Returns: a list to search, also as a file, and the whole story of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from hub.application.ports import Found
from hub.application.ports.returns import ReturnFilter
from hub.application.returns import find_return, search_returns
from hub.domain.flows import timeline
from hub.domain.flows.returns.model import NAME, HistoryStep, Return, ReturnStatus
from hub.entrypoints.http.api.returns import ReturnDocument
from hub.entrypoints.http.pages.bookings import bookings_page
from hub.entrypoints.http.pages.exports import EXPORTED_MAX, ROWS_PER_READ, every_row
from hub.entrypoints.http.pages.return_query import ReturnQuery, return_query
from hub.entrypoints.http.pages.sequence import diagrams
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import BankView, bank_views, message_views, stranger
from pix.scheme.reasons.returns import REASONS, RETURN_REASONS
from pix.web.events import Scene, stream_scenes
from pix.web.formats import brl_plain, iso_time
from pix.web.languages import reason_sentence
from pix.web.site import PagesOf, version_of
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
UNPROCESSABLE: Final = 422
SECTION: Final = "/transfers"
"""Of the navigation: returns stand beside transfers."""
COLUMNS: Final = (
    "received_at",
    "return_id",
    "original_end_to_end_id",
    "status",
    "reason",
    "return_reason",
    "amount",
    "payer_ispb",
    "payer",
    "payee_ispb",
    "payee",
    "description",
    "closed_at",
)

Asked = Annotated[ReturnQuery, Depends(return_query)]


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
def list_returns(request: Request, pages: PagesOf, site: SiteOf, asked: Asked) -> Response:
    """Returns, newest first, narrowed by the given fields; nothing is searched while a field is malformed."""
    read = asked.read(bank_views(site.hub.queries))
    narrow, found = read.narrow, None
    if not read.faults:
        # One more than is shown tells whether there is another page.
        found = _search(site, replace(narrow, size=PAGE_SIZE + 1))
    shown = [] if found is None else found.rows[:PAGE_SIZE]
    next_cursor = None
    if found is not None:
        is_full = len(found.rows) > PAGE_SIZE
        next_cursor = _position(shown[-1]) if is_full else found.cut_at
    context = {
        "rows": shown,
        "banks": list(bank_views(site.hub.queries).values()),
        "statuses": list(ReturnStatus),
        "return_reasons": sorted(RETURN_REASONS),
        "reasons": sorted(set(REASONS) - RETURN_REASONS),
        "values": read.values,
        "faults": read.faults,
        "query": read.text,
        "is_first": narrow.before is None,
        "cut_at_ms": None if found is None or found.cut_at is None else found.cut_at[0],
        "examined_max": narrow.examined_max,
        "next_cursor": "" if next_cursor is None else f"{next_cursor[0]}:{next_cursor[1]}",
        "exported_max": EXPORTED_MAX,
        "section": SECTION,
    }
    return pages.page(request, "hub/returns.html", context, status=UNPROCESSABLE if read.faults else 200)


@router.get("/returns.csv")
def as_csv(site: SiteOf, asked: Asked) -> Response:
    rows = (list(_cells(row)) for row in _all(site, asked))
    return as_file(csv_pieces(COLUMNS, rows), "returns.csv")


@router.get("/returns.json")
def as_json(site: SiteOf, asked: Asked) -> Response:
    documents = (ReturnDocument.of(row).model_dump(mode="json") for row in _all(site, asked))
    return as_file(json_pieces("returns", documents), "returns.json")


def _search(site: Site, narrow: ReturnFilter) -> Found[Return, tuple[int, str]]:
    return site.hub.queries.read(lambda unit: search_returns(unit, narrow))


def _position(row: Return) -> tuple[int, str]:
    return row.received_at_ms, row.return_id


def _all(site: Site, asked: ReturnQuery) -> Iterator[Return]:
    """The returns of the search, newest first; none while a field is malformed."""
    read = asked.read(bank_views(site.hub.queries))
    if read.faults:
        return iter(())
    return every_row(lambda before: _search(site, replace(read.narrow, before=before, size=ROWS_PER_READ)), _position)


def _cells(row: Return) -> Iterator[str]:
    yield iso_time(row.received_at_ms)
    yield row.return_id
    yield row.original_end_to_end_id
    yield row.status.value
    yield "" if row.reason is None else row.reason.value
    yield row.return_reason.value
    yield brl_plain(row.amount_centavos)
    yield "" if row.payer is None else row.payer.ispb
    yield "" if row.payer is None else row.payer.name
    yield row.requester_ispb
    yield "" if row.payee is None else row.payee.name
    yield row.description
    yield "" if row.closed_at_ms is None else iso_time(row.closed_at_ms)


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
