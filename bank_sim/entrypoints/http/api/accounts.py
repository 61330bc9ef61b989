"""Accounts and their statements."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from bank_sim.application.views import PAGE_SIZE_DEFAULT, StatementDirection, StatementFilter
from bank_sim.entrypoints.http.api.documents import (
    Account,
    AccountPage,
    DeviceDocument,
    OpenAccountRequest,
    StatementPage,
)
from bank_sim.entrypoints.http.api.routing import PREFIX, AccountNumber, Cursor, PageSize, api_router
from bank_sim.entrypoints.http.devices import signed_in_devices
from bank_sim.entrypoints.http.site import SiteOf

router = api_router("accounts")


@router.get("/accounts")
def list_accounts(site: SiteOf, after: Cursor = "", size: PageSize = PAGE_SIZE_DEFAULT) -> AccountPage:
    """Every account of the bank, by number."""
    return AccountPage.of(site.bank.queries.list_accounts(after, size))


@router.post("/accounts", status_code=201)
def open_account(site: SiteOf, body: OpenAccountRequest, response: Response) -> Account:
    """Opens an account and books the opening deposit. A tax id can have one open account at a bank."""
    account = site.bank.open_account(
        name=body.name,
        tax_id=body.tax_id,
        opening_deposit_centavos=body.opening_deposit_centavos,
        pin=body.pin,
    )
    response.headers["Location"] = f"{PREFIX}/accounts/{account.number}"
    return Account.of(account)


@router.get("/accounts/{number}")
def find_account(site: SiteOf, number: AccountNumber) -> Account:
    """One account with its balance."""
    return Account.of(site.bank.queries.find_account(number))


@router.post("/accounts/{number}/block")
def block_account(site: SiteOf, number: AccountNumber) -> Account:
    """Blocks the account: it can no longer send or receive."""
    return Account.of(site.bank.block_account(account_number=number))


@router.post("/accounts/{number}/unblock")
def unblock_account(site: SiteOf, number: AccountNumber) -> Account:
    """Unblocks the account."""
    return Account.of(site.bank.unblock_account(account_number=number))


@router.post("/accounts/{number}/close")
def close_account(site: SiteOf, number: AccountNumber) -> Account:
    """Closes an empty account permanently and removes its keys from the directory."""
    return Account.of(site.bank.close_account(account_number=number))


@router.get("/accounts/{number}/devices")
def list_devices(site: SiteOf, number: AccountNumber) -> list[DeviceDocument]:
    """The devices that are signed in to the account, last used first."""
    site.bank.queries.find_account(number)
    return [DeviceDocument.of(device) for device in signed_in_devices(site, number)]


@router.get("/accounts/{number}/statement")
def statement(
    site: SiteOf,
    number: AccountNumber,
    direction: StatementDirection = StatementDirection.ALL,
    search: Annotated[str, Query(max_length=80)] = "",
    from_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    to_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    before: Cursor = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
) -> StatementPage:
    """Transactions, newest first, each with the balance after it."""
    narrow = StatementFilter(direction=direction, search=search.strip(), from_ms=from_ms, to_ms=to_ms)
    return StatementPage.of(site.bank.queries.statement(number, narrow, before, size))
