"""The five endpoints by which an examiner reads the bank."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import HTTPException, Path

from bank_sim.application.views import PAGE_SIZE_MAX, StatementLine
from bank_sim.domain.errors import TransferNotFound
from bank_sim.domain.flows.returns.requests import ReturnNotFound
from bank_sim.entrypoints.http.contract.documents import (
    AccountDocument,
    AccountList,
    BankDocument,
    BooksDocument,
    PostingDocument,
    PostingList,
    TransferDocument,
)
from bank_sim.entrypoints.http.contract.routing import contract_router
from bank_sim.entrypoints.http.site import Site, SiteOf
from pix.runtime.health import HTTP_OK
from pix.scheme.features import FEATURES, Feature
from pix.scheme.ids import is_return_id
from pix.scheme.postings import Direction
from pix.wire.topics import bank_topic

ACCOUNTS_MAX: Final = 1_000
POSTINGS_MAX: Final = 10_000
"""Of an account."""
OWN_FEATURES: Final = (*sorted(FEATURES - {Feature.BATCHES}), "accounts", "companies")
"""Without what changes how messages travel, and nothing that a bank does."""

router = contract_router()

Number = Annotated[str, Path(max_length=20)]


@router.get("/bank")
def describe_bank(site: SiteOf) -> BankDocument:
    """The bank, once it has joined the network and reads its topic; 503 before."""
    status, parts = site.bank.health.readiness()
    if status != HTTP_OK:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"The bank is not ready: {parts}")
    identity = site.bank.identity
    return BankDocument(
        code=identity.code,
        ispb=identity.ispb,
        name=identity.name,
        features=list(OWN_FEATURES),
        kafka_topic=bank_topic(identity.code),
    )


@router.get("/accounts")
def list_accounts(site: SiteOf) -> AccountList:
    """Every account, by number, at most `ACCOUNTS_MAX`."""
    accounts: list[AccountDocument] = []
    after = ""
    while len(accounts) < ACCOUNTS_MAX:
        page = site.bank.queries.list_accounts(after, PAGE_SIZE_MAX)
        accounts += [AccountDocument.of(account) for account in page.accounts]
        after = page.next_cursor
        if not after:
            break
    return AccountList(accounts=accounts[:ACCOUNTS_MAX])


@router.get("/accounts/{number}/postings")
def list_postings(site: SiteOf, number: Number) -> PostingList:
    """What changed the account's balance, oldest first."""
    lines = list(_lines(site, number))
    return PostingList(postings=[PostingDocument.of(line) for line in reversed(lines)])


def _lines(site: Site, number: str) -> Iterator[StatementLine]:
    before = ""
    for _ in range(POSTINGS_MAX // PAGE_SIZE_MAX):
        page = site.bank.queries.statement(number, None, before, PAGE_SIZE_MAX)
        yield from page.lines
        before = page.next_cursor
        if not before:
            return


@router.get("/transfers/{transfer_id}")
def find_transfer(
    site: SiteOf, transfer_id: Annotated[str, Path(max_length=32)], side: Literal["payer", "payee", ""] = ""
) -> TransferDocument:
    """This bank's side of a transfer or return; of two, that of the debited account unless `side` names one."""
    is_return = is_return_id(transfer_id)
    find = site.bank.returns.queries.find if is_return else site.bank.queries.find_transfer
    for direction in (Direction.OUTGOING, Direction.INCOMING):
        of_original = direction.side.other if is_return else direction.side
        if side not in ("", of_original):
            continue
        try:
            return TransferDocument.of(find(transfer_id, direction))
        except (TransferNotFound, ReturnNotFound):
            continue
    raise ReturnNotFound if is_return else TransferNotFound


@router.get("/books")
def show_books(site: SiteOf) -> BooksDocument:
    """The bank's books in four signed sums."""
    return BooksDocument.of(site.bank.queries.sums_of_books())
