"""The bank's accounts: block, unblock, close."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Form, Path, Query, Request, Response

from bank_sim.domain.errors import BankError
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import Faults, PagesOf, Site, SiteOf
from pix.service.web.htmx import see_other
from pix.service.web.templates import Pages, language_of

router = operator_router()

Act = Literal["block", "unblock", "close"]


@router.get("/accounts")
def show(request: Request, site: SiteOf, pages: PagesOf, after: Annotated[str, Query(max_length=20)] = "") -> Response:
    """A page of accounts by number."""
    return _page(request, site, pages, after, Faults(), 200)


@router.post("/accounts/{number}")
def act(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    number: Annotated[str, Path(max_length=20)],
    act: Annotated[Act, Form()],
    after: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Blocks, unblocks or closes one; why it cannot be is told above the list."""
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
    return see_other(request, f"/backoffice/accounts?after={after}#account-{number}")


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
