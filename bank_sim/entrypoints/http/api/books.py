"""The bank's books, and the records that could not be applied."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.books import Posting
from bank_sim.entrypoints.http.api.documents import END_TO_END_ID_EXAMPLE
from bank_sim.entrypoints.http.api.routing import Cursor, PageSize, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.participant.dead_letters.http import ReplayFilter, ReplayReportDocument, letter_filter
from pix.participant.dead_letters.model import DeadLetterFilter, DeadLetterState
from pix.scheme.postings import PostingKind
from pix.web.documents import Document

router = api_router("books")

DeadLetterId = Annotated[str, Path(min_length=64, max_length=64, pattern="^[0-9a-f]{64}$")]


class Books(Document):
    """The sums of the ledger: liabilities (customers, clearing, capital) equal assets (cash, settlement)."""

    customers_centavos: int
    customers_posted_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    cash_centavos: int
    capital_centavos: int
    deposits_centavos: int
    postings: int
    negative_accounts: list[str]
    unbalanced_accounts: list[str]
    unbalanced_transfers: list[str]
    is_balanced: bool


class PostingDocument(BaseModel):
    """One entry of the books."""

    posting_id: int
    kind: PostingKind
    debit_account: str
    credit_account: str
    amount_centavos: int
    posted_at_ms: int
    end_to_end_id: str | None
    direction: str | None
    operation_id: str | None
    account_number: str | None

    @staticmethod
    def of(posting_id: int, posting: Posting) -> PostingDocument:
        return PostingDocument(posting_id=posting_id, **asdict(posting))


class PostingPage(BaseModel):
    """Postings, newest first."""

    postings: list[PostingDocument]
    next_cursor: str


class PostingsOfTransfer(BaseModel):
    """Postings, oldest first."""

    postings: list[PostingDocument]


class DeadLetterHeadDocument(Document):
    """A message that could not be processed, without its bytes."""

    dead_letter_id: str = Field(validation_alias="digest")
    topic: str
    partition: int
    offset: int
    value_bytes: int
    """The length of the value as it came."""
    sender: str
    reason: str
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int
    state: DeadLetterState
    note: str


class DeadLetterDocument(Document):
    """A message that could not be processed."""

    dead_letter_id: str = Field(validation_alias="digest")
    topic: str = Field(validation_alias=AliasPath("record", "topic"))
    sender: str
    reason: str
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int
    state: DeadLetterState
    note: str
    value_hex: Annotated[str, Field(validation_alias=AliasPath("record", "value")), BeforeValidator(bytes.hex)]
    """At most the first 64 KiB."""
    value_bytes: int
    """The length of the value as it came."""
    value_sha256: str
    """Of the value as it came, in hex."""
    is_whole: bool
    """Whether the whole record is stored. Only then it can be replayed."""


class DeadLetters(BaseModel):
    """Dead letters, last seen first, and their number in each state."""

    dead_letters: list[DeadLetterHeadDocument]
    counts: dict[str, int]


class DiscardRequest(BaseModel):
    """The reason for discarding a dead letter."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"note": "Test message."}})

    note: str = Field(default="", max_length=400)


@router.get("/books")
def books(
    site: SiteOf,
    compare_transfers: Annotated[
        bool, Query(description="Whether each transfer is compared with its postings, which takes most of the time.")
    ] = True,
) -> Books:
    """The sums of the ledger, and whether it balances. It reads every posting: a million take seconds."""
    return Books.of(site.bank.queries.books(compare_rows=compare_transfers))


@router.get("/postings")
def postings(site: SiteOf, before: Cursor = "", size: PageSize = PAGE_SIZE_DEFAULT) -> PostingPage:
    """Every posting, newest first."""
    page = site.bank.queries.postings(before, size)
    return PostingPage(
        postings=[PostingDocument.of(posting_id, posting) for posting_id, posting in page.postings],
        next_cursor=page.next_cursor,
    )


@router.get("/transfers/{end_to_end_id}/postings")
def postings_of_transfer(
    site: SiteOf, end_to_end_id: Annotated[str, Path(max_length=32, examples=[END_TO_END_ID_EXAMPLE])]
) -> PostingsOfTransfer:
    """What this bank has booked for a transfer, on both sides if it has both."""
    booked = site.bank.queries.postings_of_transfer(end_to_end_id)
    return PostingsOfTransfer(postings=[PostingDocument.of(posting_id, posting) for posting_id, posting in booked])


@router.get("/dead-letters")
def dead_letters(
    site: SiteOf,
    narrow: Annotated[DeadLetterFilter, Depends(letter_filter)],
    state: DeadLetterState | None = None,
    size: PageSize = PAGE_SIZE_DEFAULT,
) -> DeadLetters:
    """Messages that could not be processed, with the reason, last seen first."""
    letters = site.bank.dead_letters.list(state, size, narrow)
    counts = site.bank.dead_letters.count()
    return DeadLetters(
        dead_letters=[DeadLetterHeadDocument.of(letter) for letter in letters],
        counts={known.value: counts.get(known, 0) for known in DeadLetterState},
    )


@router.post("/dead-letters/replay")
def replay_dead_letters(site: SiteOf, narrow: ReplayFilter) -> ReplayReportDocument:
    """Replays the dead letters of a filter, seen longest ago first, at most 200 of them."""
    return ReplayReportDocument.of(site.bank.dead_letters.replay_all(narrow.narrow()))


@router.get("/dead-letters/{dead_letter_id}")
def dead_letter(site: SiteOf, dead_letter_id: DeadLetterId) -> DeadLetterDocument:
    """One dead letter, with at most 64 KiB of its value."""
    return DeadLetterDocument.of(site.bank.dead_letters.find(dead_letter_id))


@router.post("/dead-letters/{dead_letter_id}/replay")
def replay_dead_letter(site: SiteOf, dead_letter_id: DeadLetterId) -> DeadLetterDocument:
    """Replays the dead letter: processes its record again."""
    return DeadLetterDocument.of(site.bank.dead_letters.replay(dead_letter_id))


@router.post("/dead-letters/{dead_letter_id}/discard")
def discard_dead_letter(site: SiteOf, dead_letter_id: DeadLetterId, body: DiscardRequest) -> DeadLetterDocument:
    """Discards the record with a reason."""
    return DeadLetterDocument.of(site.bank.dead_letters.discard(dead_letter_id, note=body.note))
