"""The hub's REST API: one more transport beside gRPC, on the same use cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hub.application.bank_books import bookings_of
from hub.application.ports import BankBooks, TransferFilter
from hub.application.returns import find_return
from hub.application.use_cases import HubApplication
from hub.domain.bank import Bank
from hub.domain.errors import BankNotFound
from hub.domain.flows import timeline
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.api.documents import (
    BankDocument,
    BookingsDocument,
    DeadLetterDocument,
    DeadLetterHeadDocument,
    FundedDocument,
    FundingDocument,
    FundingRequest,
    KeyDocument,
    SettlementDocument,
    TimelineDocument,
    TransferDocument,
    TransferPage,
)
from hub.entrypoints.http.api.exports import add_export_routes
from hub.entrypoints.http.api.flows import ADD_ROUTES, TransferWithHistory, transfer_document
from hub.entrypoints.http.api.operating import author_of
from hub.entrypoints.http.api.paging import PAGE_SIZE_MAX, page_cursor
from pix.participant.dead_letters.http import ReplayFilter, ReplayReportDocument, letter_filter
from pix.participant.dead_letters.model import DeadLetterFilter, DeadLetterState
from pix.scheme.credentials import METADATA_ISPB, METADATA_SECRET
from pix.scheme.initiation import TXID_LENGTH_MAX
from pix.scheme.keys import KeyKind
from pix.scheme.reasons import ReasonCode
from pix.web.problems import PROBLEM_RESPONSES

BankCode = Annotated[str, Path(max_length=8, description="Three digits")]


class Discard(BaseModel):
    """The reason for discarding a dead letter."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(min_length=1, max_length=200)]


def api_routers(
    application: HubApplication,
    bank_books: BankBooks,
    operator: Callable[..., Awaitable[None]],
) -> tuple[APIRouter, ...]:
    """The routes under `/api/v1`: the operator's, whom `operator` lets in, and the directory, which is the banks'."""
    directory = APIRouter(prefix="/api/v1", responses=PROBLEM_RESPONSES)
    router = APIRouter(prefix="/api/v1", responses=PROBLEM_RESPONSES, dependencies=[Depends(operator)])
    queries = application.queries

    def calling_bank(
        ispb: Annotated[str, Header(alias=METADATA_ISPB)] = "",
        secret: Annotated[str, Header(alias=METADATA_SECRET)] = "",
    ) -> Bank:
        return application.authenticate_bank(ispb, secret)

    def standing_of(code: str) -> BankDocument:
        for standing in application.read_bank_states():
            if standing.bank.code == code:
                return BankDocument.of(standing)
        raise BankNotFound("code", "no bank has this code")

    @router.get("/banks", tags=["banks"])
    def list_banks() -> list[BankDocument]:
        """The participants and their status, by code."""
        return [BankDocument.of(standing) for standing in application.read_bank_states()]

    @router.get("/banks/{code}", tags=["banks"])
    def find_bank(code: BankCode) -> BankDocument:
        """One participant, by its three digits."""
        return standing_of(code)

    @router.post("/banks/{code}/suspend", tags=["banks"])
    def suspend_bank(request: Request, code: BankCode) -> BankDocument:
        """Suspends the bank: its new and pending transfers fail (DS27). Confirmed ones still complete."""
        application.suspend_bank(code, author_of(request))
        return standing_of(code)

    @router.post("/banks/{code}/resume", tags=["banks"])
    def resume_bank(request: Request, code: BankCode) -> BankDocument:
        """Resumes a suspended bank."""
        application.resume_bank(code, author_of(request))
        return standing_of(code)

    @router.get("/banks/{code}/fundings", tags=["banks"])
    def list_fundings(code: BankCode) -> list[FundingDocument]:
        """The funding history of the bank's settlement account, oldest first."""
        _, fundings = queries.settlement_account(standing_of(code).ispb)
        return [FundingDocument.of(funding) for funding in fundings]

    @router.post("/banks/{code}/fundings", tags=["banks"])
    def fund_bank(request: Request, code: BankCode, body: FundingRequest) -> FundedDocument:
        """Adds or withdraws settlement balance. A repetition with the same `funding_id` changes nothing."""
        funding, account = application.fund_bank(
            code=code, amount_centavos=body.amount_centavos, funding_id=body.funding_id, by=author_of(request)
        )
        return FundedDocument.of_both(funding, account)

    @router.get("/settlement", tags=["banks"])
    def list_settlement_accounts() -> list[SettlementDocument]:
        """The settlement account of each bank, by ISPB."""
        return [SettlementDocument.of(*queries.settlement_account(ispb)) for ispb in queries.settlement_accounts()]

    add_export_routes(router, queries)

    @router.get("/transfers", tags=["transfers"])
    def list_transfers(
        bank: Annotated[str, Query(description="ISPB of either side")] = "",
        status: Annotated[TransferStatus | None, Query()] = None,
        open_only: Annotated[bool, Query(description="Only transfers with a pending message")] = False,
        part_of_id: Annotated[
            str, Query(alias="id", max_length=32, description="An end-to-end id, or a part of it")
        ] = "",
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
        found = queries.search_transfers(narrow)
        last = found.cut_at
        if len(found.rows) == size:
            last = (found.rows[-1].received_at_ms, found.rows[-1].end_to_end_id)
        return TransferPage(
            transfers=[TransferDocument.of(transfer) for transfer in found.rows],
            next=None if last is None else f"{last[0]}:{last[1]}",
        )

    @router.get("/transfers/counts", tags=["transfers"])
    def count_transfers() -> dict[str, int]:
        """The number of transfers in each status."""
        counts = queries.count_transfers()
        return {status.value: counts.get(status, 0) for status in TransferStatus}

    @router.get("/transfers/{end_to_end_id}", tags=["transfers"])
    def find_transfer(end_to_end_id: str) -> TransferWithHistory:
        """A transfer with its history, and the rows of other flows that are about it."""
        return transfer_document(queries, end_to_end_id)

    @router.get("/transfers/{end_to_end_id}/story", tags=["transfers"])
    def show_timeline(end_to_end_id: str) -> list[TimelineDocument]:
        """The timeline of a transfer: each message event with its bytes, and each status change with its rule."""
        return [TimelineDocument.of(each) for each in timeline(*queries.find_transfer(end_to_end_id))]

    @router.get("/transfers/{end_to_end_id}/bookings", tags=["transfers"])
    def ask_banks(end_to_end_id: str) -> list[BookingsDocument]:
        """The postings of both banks for the transfer, read from the banks."""
        transfer, _ = queries.find_transfer(end_to_end_id)
        return [BookingsDocument.of(each) for each in bookings_of(transfer, queries, bank_books)]

    @router.get("/returns/{return_id}/bookings", tags=["returns"])
    def ask_banks_of_return(return_id: str) -> list[BookingsDocument]:
        """The postings of both banks for the return, read from the banks."""
        row, _ = queries.read(lambda unit: find_return(unit, return_id))
        return [BookingsDocument.of(each) for each in bookings_of(row, queries, bank_books)]

    @directory.get("/keys/{kind}/{key:path}", tags=["keys"])
    def find_key(kind: KeyKind, key: str, asking: Bank = Depends(calling_bank)) -> KeyDocument:
        """The owner of a key, for a caller with a bank's `codepix-ispb` and `codepix-secret`."""
        entry, bank = application.find_key(kind=kind, key=key, asking_ispb=asking.ispb)
        return KeyDocument.of(entry, bank)

    @router.get("/dead-letters", tags=["dead letters"])
    def list_dead_letters(
        narrow: Annotated[DeadLetterFilter, Depends(letter_filter)],
        state: DeadLetterState | None = None,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[DeadLetterHeadDocument]:
        """Messages that could not be processed, last seen first, without their bytes."""
        return [DeadLetterHeadDocument.of(letter) for letter in application.dead_letters.list(state, size, narrow)]

    @router.post("/dead-letters/replay", tags=["dead letters"])
    def replay_dead_letters(request: Request, narrow: ReplayFilter) -> ReplayReportDocument:
        """Replays the dead letters of a filter, first seen first, at most 200 of them."""
        return ReplayReportDocument.of(application.dead_letters.replay_all(narrow.narrow(), author_of(request)))

    @router.get("/dead-letters/{digest}", tags=["dead letters"])
    def find_dead_letter(digest: str) -> DeadLetterDocument:
        """One dead letter, with at most 64 KiB of its value."""
        return DeadLetterDocument.of(application.dead_letters.find(digest))

    @router.post("/dead-letters/{digest}/replay", tags=["dead letters"])
    def replay_dead_letter(request: Request, digest: str) -> DeadLetterDocument:
        """Replays the dead letter: processes its record again. Rejected when only part of it is stored."""
        return DeadLetterDocument.of(application.dead_letters.replay(digest, author_of(request)))

    @router.post("/dead-letters/{digest}/discard", tags=["dead letters"])
    def discard_dead_letter(request: Request, digest: str, discard: Discard) -> DeadLetterDocument:
        """Discards a dead letter with a reason."""
        return DeadLetterDocument.of(application.dead_letters.discard(digest, discard.note, author_of(request)))

    for add_routes in ADD_ROUTES:
        add_routes(router, queries)
    return router, directory
