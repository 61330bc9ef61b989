"""The bank's accounts: block, unblock, and close after a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode

from fastapi import Form, Path, Query, Request, Response

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.errors import BankError
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = operator_router()

Act = Literal["block", "unblock", "close"]

_DONE: Final[Mapping[Act, str]] = {
    "block": translatable("Account %(number)s blocked."),
    "unblock": translatable("Account %(number)s unblocked."),
    "close": translatable("Account %(number)s closed."),
}


@router.get("/accounts")
def show(request: Request, site: SiteOf, pages: PagesOf, after: Annotated[str, Query(max_length=20)] = "") -> Response:
    return _page(request, site, pages, after, Faults(), 200)


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
) -> Response:
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
        return _page(request, site, pages, after, Faults(form=sentence), 409)
    say_once(request, _DONE[act], number=number)
    return see_other(request, _list_url(number, after))


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
