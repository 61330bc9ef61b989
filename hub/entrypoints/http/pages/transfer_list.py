"""The list of transfers: searched, live on its first page, and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from hub.application.ports import TransferFilter
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.entrypoints.http.api.documents import TransferDocument
from hub.entrypoints.http.pages.exports import EXPORTED_MAX, ROWS_PER_READ, every_row
from hub.entrypoints.http.pages.filters import ReadFields
from hub.entrypoints.http.pages.live_list import stream_list
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.snapshot import Snapshot
from hub.entrypoints.http.pages.transfer_query import TransferQuery, transfer_query
from hub.entrypoints.http.pages.views import bank_views, transfer_lines
from pix.scheme.ids import is_return_id
from pix.scheme.reasons import ReasonCode
from pix.web.formats import brl_plain, iso_time
from pix.web.htmx import see_other
from pix.web.site import PagesOf, version_of
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
UNPROCESSABLE: Final = 422
COLUMNS: Final = (
    "received_at",
    "end_to_end_id",
    "status",
    "reason",
    "amount",
    "payer_ispb",
    "payer",
    "payee_ispb",
    "payee",
    "key",
    "initiation",
    "txid",
    "description",
    "closed_at",
)

Asked = Annotated[TransferQuery, Depends(transfer_query)]


@router.get("/transfers")
def list_transfers(request: Request, pages: PagesOf, site: SiteOf, asked: Asked) -> Response:
    """Transfers, newest first, narrowed by the given fields; nothing is searched while a field is malformed.

    A whole return id leads to the return.
    """
    return_id = asked.sent.get("id", "").strip()
    if is_return_id(return_id):
        return see_other(request, f"/returns/{return_id}")
    read = asked.read(bank_views(site.hub.queries))
    context = _form(site, read) | _rows(site, read)
    return pages.page(request, "hub/transfers.html", context, status=UNPROCESSABLE if read.faults else 200)


@router.get("/transfers/live")
def stream_transfers(request: Request, pages: PagesOf, site: SiteOf, asked: Asked, seen: str = "") -> Response:
    """The first page of the same search as it changes; it is searched again when any transfer has changed its state."""
    read = asked.read(bank_views(site.hub.queries))
    known: list[tuple[object, dict[str, Any]]] = []

    def rows(snapshot: Snapshot) -> dict[str, Any]:
        if not known or known[0][0] != snapshot.counts:
            known[:] = [(snapshot.counts, _rows(site, read))]
        return known[0][1]

    return stream_list(request, pages, site, "hub/transfers.html", seen, rows)


@router.get("/transfers.csv")
def as_csv(site: SiteOf, asked: Asked) -> Response:
    rows = (list(_cells(transfer)) for transfer in _all(site, asked))
    return as_file(csv_pieces(COLUMNS, rows), "transfers.csv")


@router.get("/transfers.json")
def as_json(site: SiteOf, asked: Asked) -> Response:
    documents = (TransferDocument.of(transfer).model_dump(mode="json") for transfer in _all(site, asked))
    return as_file(json_pieces("transfers", documents), "transfers.json")


def _form(site: Site, read: ReadFields[TransferFilter]) -> dict[str, Any]:
    return {
        "banks": list(bank_views(site.hub.queries).values()),
        "statuses": list(TransferStatus),
        "reasons": sorted(ReasonCode),
        "faults": read.faults,
        "alerts_now": site.overview.snapshot().alerts,
    }


def _rows(site: Site, read: ReadFields[TransferFilter]) -> dict[str, Any]:
    """A page of the search, for the block `rows`."""
    # One more than is shown tells whether there is another page.
    narrow = replace(read.narrow, size=PAGE_SIZE + 1)
    found = None if read.faults else site.hub.queries.search_transfers(narrow)
    shown = [] if found is None else found.rows[:PAGE_SIZE]
    next_cursor = None
    if found is not None:
        is_full = len(found.rows) > PAGE_SIZE
        next_cursor = (shown[-1].received_at_ms, shown[-1].end_to_end_id) if is_full else found.cut_at
    banks = bank_views(site.hub.queries)
    return {
        "lines": transfer_lines(shown, banks),
        "values": read.values,
        "is_faulty": bool(read.faults),
        "query": read.text,
        "is_first": narrow.before is None,
        "cut_at_ms": None if found is None or found.cut_at is None else found.cut_at[0],
        "examined_max": narrow.examined_max,
        "next_cursor": "" if next_cursor is None else f"{next_cursor[0]}:{next_cursor[1]}",
        "version": version_of((shown, next_cursor)),
        "exported_max": EXPORTED_MAX,
        "section": "/transfers",
    }


def _all(site: Site, asked: TransferQuery) -> Iterator[Transfer]:
    """The transfers of the search, newest first; none while a field is malformed."""
    read = asked.read(bank_views(site.hub.queries))
    if read.faults:
        return iter(())
    return every_row(
        lambda before: site.hub.queries.search_transfers(replace(read.narrow, before=before, size=ROWS_PER_READ)),
        lambda transfer: (transfer.received_at_ms, transfer.end_to_end_id),
    )


def _cells(transfer: Transfer) -> Iterator[str]:
    payee, key = transfer.payee, transfer.payee_key
    yield iso_time(transfer.received_at_ms)
    yield transfer.end_to_end_id
    yield transfer.status.value
    yield "" if transfer.reason is None else transfer.reason.value
    yield brl_plain(transfer.amount_centavos)
    yield transfer.payer.ispb
    yield transfer.payer.name
    yield "" if payee is None else payee.ispb
    yield "" if payee is None else payee.name
    yield "" if key is None else key.key
    yield transfer.initiation.value
    yield transfer.txid
    yield transfer.description
    yield "" if transfer.closed_at_ms is None else iso_time(transfer.closed_at_ms)
