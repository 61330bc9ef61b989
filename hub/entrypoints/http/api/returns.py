"""Returns in the REST API: a list to search, one with its history, and its timeline."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field

from hub.application.bank_books import bookings_of
from hub.application.ports.returns import ReturnFilter
from hub.application.queries import Queries
from hub.application.returns import find_return, returns_of_transfer, search_returns
from hub.domain.flows import timeline
from hub.domain.flows.returns.model import NAME, ReturnStatus
from hub.entrypoints.http.api.documents import BookingsDocument, PartyDocument, StepDocument, TimelineDocument
from hub.entrypoints.http.api.paging import PAGE_SIZE_MAX, page_cursor
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.scheme.reasons import ReasonCode, reason_of
from pix.web.documents import Document

router = api_router("returns")


def _sentence(reason: ReasonCode | None) -> str | None:
    return None if reason is None else reason_of(reason, NAME).sentence_en


class ReturnDocument(Document):
    """A return. Sides are those of the original transfer; times are null before the step."""

    return_id: str
    original_end_to_end_id: str
    status: str
    reason: str | None = Field(description="Why it failed.")
    reason_sentence: Annotated[str | None, Field(validation_alias="reason"), BeforeValidator(_sentence)]
    amount_centavos: int
    return_reason: str = Field(description="Why the money goes back: MD06, BE08 or FR01.")
    payer: PartyDocument | None = Field(description="Null, like `payee`, if the bank may not return the original.")
    payee: PartyDocument | None
    description: str
    requested_at_ms: int
    received_at_ms: int
    offered_at_ms: int | None
    decided_at_ms: int | None
    payer_processed_at_ms: int | None
    payee_processed_at_ms: int | None
    closed_at_ms: int | None
    resends: int
    duplicates: int
    refusals: int


class ReturnWithHistory(ReturnDocument):
    """A return and its history."""

    history: list[StepDocument] = []  # noqa: RUF012 - pydantic copies it
    archived_at_ms: int | None = Field(
        default=None, description="When the history was moved to an archive; null while it is here."
    )


class ReturnPage(BaseModel):
    """Returns, newest first."""

    returns: list[ReturnDocument]
    next: str | None = Field(description="Pass as `before` to get the next page; null on the last page.")


def documents_of(queries: Queries, end_to_end_id: str) -> list[ReturnDocument]:
    """The returns of a transfer, oldest first."""
    rows = queries.read(lambda unit: returns_of_transfer(unit, end_to_end_id))
    return [ReturnDocument.of(row) for row in rows]


@router.get("/returns")
def list_returns(
    site: SiteOf,
    bank: Annotated[str, Query(description="ISPB of either side")] = "",
    status: Annotated[ReturnStatus | None, Query()] = None,
    open_only: Annotated[bool, Query(description="Only returns with a pending message")] = False,
    part_of_id: Annotated[str, Query(alias="id", max_length=32, description="A return id, or a part of it")] = "",
    original_end_to_end_id: Annotated[str, Query(max_length=32)] = "",
    amount_centavos: Annotated[int | None, Query(ge=-(2**63), lt=2**63)] = None,
    reason: Annotated[ReasonCode | None, Query(description="Why it failed")] = None,
    return_reason: Annotated[ReasonCode | None, Query(description="Why the money goes back")] = None,
    received_from_ms: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    received_before_ms: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    before: Annotated[str, Query(description="The `next` of the previous page")] = "",
    size: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)] = 50,
) -> ReturnPage:
    """Returns, newest first.

    A search (by bank, status, id, amount or reason) examines at most 50,000 returns per page. Such a page may be
    short and still have a `next`.
    """
    narrow = ReturnFilter(
        ispb=bank,
        status=status,
        open_only=open_only,
        id_part=part_of_id,
        original_end_to_end_id=original_end_to_end_id,
        amount_centavos=amount_centavos,
        reason=reason,
        return_reason=return_reason,
        received_from_ms=received_from_ms,
        received_before_ms=received_before_ms,
        before=page_cursor(before),
        size=size,
    )
    found = site.hub.queries.read(lambda unit: search_returns(unit, narrow))
    last = found.cut_at
    if len(found.rows) == size:
        last = (found.rows[-1].received_at_ms, found.rows[-1].return_id)
    return ReturnPage(
        returns=[ReturnDocument.of(row) for row in found.rows],
        next=None if last is None else f"{last[0]}:{last[1]}",
    )


@router.get("/returns/{return_id}")
def show_return(site: SiteOf, return_id: str) -> ReturnWithHistory:
    """A return with its history."""
    row, history = site.hub.queries.read(lambda unit: find_return(unit, return_id))
    document = ReturnWithHistory.of(row)
    document.history = [StepDocument.of(step, NAME) for step in history]
    document.archived_at_ms = site.hub.histories.archived_at_ms(NAME, return_id)
    return document


@router.get("/returns/{return_id}/timeline")
def show_timeline(site: SiteOf, return_id: str) -> list[TimelineDocument]:
    """The timeline of a return: each message event with its bytes, and each status change with its rule."""
    return [
        TimelineDocument.of(each)
        for each in timeline(*site.hub.queries.read(lambda unit: find_return(unit, return_id)))
    ]


@router.get("/returns/{return_id}/bookings")
def ask_banks_of_return(site: SiteOf, return_id: str) -> list[BookingsDocument]:
    """The postings of both banks for the return, read from the banks."""
    row, _ = site.hub.queries.read(lambda unit: find_return(unit, return_id))
    return [BookingsDocument.of(each) for each in bookings_of(row, site.hub.queries, site.bank_books)]
