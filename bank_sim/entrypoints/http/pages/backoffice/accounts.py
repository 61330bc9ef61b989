"""The bank's accounts, and all about one of them: block, unblock, and close after a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode

from fastapi import Form, Path, Query, Request, Response

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.errors import BankError
from bank_sim.entrypoints.http.devices import signed_in_devices
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = operator_router()

ENTRIES_SHOWN_MAX: Final = 10
OPEN_SHOWN_MAX: Final = 10
"""Of the transfers of an account that await the hub's decision."""

Act = Literal["block", "unblock", "close"]

_DONE: Final[Mapping[Act, str]] = {
    "block": translatable("Account %(number)s blocked."),
    "unblock": translatable("Account %(number)s unblocked."),
    "close": translatable("Account %(number)s closed."),
}


@router.get("/accounts")
def show(request: Request, site: SiteOf, pages: PagesOf, after: Annotated[str, Query(max_length=20)] = "") -> Response:
    return _page(request, site, pages, after, Faults(), 200)


@router.get("/accounts/{number}")
def show_one(request: Request, site: SiteOf, pages: PagesOf, number: Annotated[str, Path(max_length=20)]) -> Response:
    """An account with its keys, open transfers, latest entries, limits and devices."""
    return _account_page(request, site, pages, number, Faults(), 200)


@router.get("/accounts/{number}/close")
def ask_to_close(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    number: Annotated[str, Path(max_length=20)],
    after: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    each = site.bank.queries.find_account(number)
    if each.status is AccountStatus.CLOSED:
        return see_other(request, _list_url(number, after))
    context = {"office": "accounts", "each": each, "after": after, "back_url": _list_url(number, after)}
    return pages.page(request, "bank/backoffice/account_close.html", context)


@router.post("/accounts/{number}")
def act(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    number: Annotated[str, Path(max_length=20)],
    act: Annotated[Act, Form()],
    after: Annotated[str, Form(max_length=20)] = "",
    page: Annotated[Literal["list", "account"], Form()] = "list",
) -> Response:
    """Acts, and goes back to the page that the form stands on."""
    try:
        match act:
            case "block":
                site.bank.block_account(account_number=number)
            case "unblock":
                site.bank.unblock_account(account_number=number)
            case "close":
                site.bank.close_account(account_number=number)
    except BankError as error:
        sentence = f"{number}: {sentence_of(error, language_of(request))}"
        if page == "account":
            return _account_page(request, site, pages, number, Faults(form=sentence), 409)
        return _page(request, site, pages, after, Faults(form=sentence), 409)
    say_once(request, _DONE[act], number=number)
    return see_other(
        request, f"/backoffice/accounts/{quote(number)}" if page == "account" else _list_url(number, after)
    )


def _list_url(number: str, after: str) -> str:
    return f"/backoffice/accounts?{urlencode({'after': after})}#account-{quote(number)}"


def _page(request: Request, site: Site, pages: Pages, after: str, faults: Faults, status: int) -> Response:
    page = site.bank.queries.list_accounts(after)
    context = {
        "office": "accounts",
        "accounts": page.accounts,
        "after": after,
        "next_cursor": page.next_cursor,
        "faults": faults,
    }
    return pages.page(request, "bank/backoffice/accounts.html", context, status=status)


def _account_page(request: Request, site: Site, pages: Pages, number: str, faults: Faults, status: int) -> Response:
    """Raises AccountNotFound. A fixed number of queries, each of a bounded number of rows."""
    queries = site.bank.queries
    undecided = queries.list_transfers(account_number=number, undecided=True, size=OPEN_SHOWN_MAX)
    context = {
        "office": "accounts",
        "each": queries.find_account(number),
        "keys": queries.keys_of(number),
        "open_transfers": undecided.transfers,
        "has_more_open": bool(undecided.next_cursor),
        "lines": queries.statement(number, size=ENTRIES_SHOWN_MAX).lines,
        "limits": site.bank.show_limits(number),
        "devices": signed_in_devices(site, number),
        "faults": faults,
    }
    return pages.page(request, "bank/backoffice/account.html", context, status=status)
