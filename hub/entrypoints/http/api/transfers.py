"""Transfers: a list to search, one with its history, its timeline, and the postings of its banks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from hub.application.bank_books import bookings_of
from hub.application.ports import TransferFilter
from hub.domain.flows import timeline
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.api.documents import BookingsDocument, TimelineDocument, TransferDocument, TransferPage
from hub.entrypoints.http.api.flows import TransferWithHistory, transfer_document
from hub.entrypoints.http.api.paging import PAGE_SIZE_MAX, page_cursor
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.scheme.initiation import TXID_LENGTH_MAX
from pix.scheme.reasons import ReasonCode

router = api_router("transfers")


@router.get("/transfers")
def list_transfers(
    site: SiteOf,
    bank: Annotated[str, Query(description="ISPB of either side")] = "",
    status: Annotated[TransferStatus | None, Query()] = None,
    open_only: Annotated[bool, Query(description="Only transfers with a pending message")] = False,
    part_of_id: Annotated[str, Query(alias="id", max_length=32, description="An end-to-end id, or a part of it")] = "",
    key: Annotated[str, Query(max_length=80, description="The payee's key, in stored form")] = "",
    txid: Annotated[str, Query(max_length=TXID_LENGTH_MAX, description="A whole txid")] = "",
    amount_centavos: Annotated[int | None, Query(ge=-(2**63), lt=2**63)] = None,
    reason: ReasonCode | None = None,
    received_from_ms: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    received_before_ms: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    before: Annotated[str, Query(description="The `next` of the previous page")] = "",
    size: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)] = 50,
) -> TransferPage:
    """Transfers, newest first.

    A search (by bank, status, id, key, txid, amount or reason) examines at most 50,000 transfers per page. Such
    a page may be short and still have a `next`.
    """
    narrow = TransferFilter(
        ispb=bank,
        status=status,
        open_only=open_only,
        id_part=part_of_id,
        key=key,
        txid=txid,
        amount_centavos=amount_centavos,
        reason=reason,
        received_from_ms=received_from_ms,
        received_before_ms=received_before_ms,
        before=page_cursor(before),
        size=size,
    )
    found = site.hub.queries.search_transfers(narrow)
    last = found.cut_at
    if len(found.rows) == size:
        last = (found.rows[-1].received_at_ms, found.rows[-1].end_to_end_id)
    return TransferPage(
        transfers=[TransferDocument.of(transfer) for transfer in found.rows],
        next=None if last is None else f"{last[0]}:{last[1]}",
    )


@router.get("/transfers/counts")
def count_transfers(site: SiteOf) -> dict[str, int]:
    """The number of transfers in each status."""
    counts = site.hub.queries.count_transfers()
    return {status.value: counts.get(status, 0) for status in TransferStatus}


@router.get("/transfers/{end_to_end_id}")
def find_transfer(site: SiteOf, end_to_end_id: str) -> TransferWithHistory:
    """A transfer with its history, and the rows of other flows that are about it."""
    return transfer_document(site.hub, end_to_end_id)


@router.get("/transfers/{end_to_end_id}/story")
def show_timeline(site: SiteOf, end_to_end_id: str) -> list[TimelineDocument]:
    """The timeline of a transfer: each message event with its bytes, and each status change with its rule."""
    return [TimelineDocument.of(each) for each in timeline(*site.hub.queries.find_transfer(end_to_end_id))]


@router.get("/transfers/{end_to_end_id}/bookings")
def ask_banks(site: SiteOf, end_to_end_id: str) -> list[BookingsDocument]:
    """The postings of both banks for the transfer, read from the banks."""
    transfer, _ = site.hub.queries.find_transfer(end_to_end_id)
    return [BookingsDocument.of(each) for each in bookings_of(transfer, site.hub.queries, site.bank_books)]
