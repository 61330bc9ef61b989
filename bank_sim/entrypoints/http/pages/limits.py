"""A customer's limits by day and by night."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response

from bank_sim.domain.account import Account
from bank_sim.domain.limits import LimitKind
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = page_router()


@router.get("/limits")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """The limits that count now, what is left of them, and a form for each."""
    return _page(request, site, pages, account, {}, Faults(), 200)


@router.post("/limits/{kind}")
def change(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: LimitKind,
    amount: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """A lower limit counts at once, a higher one after a delay; an empty field is no limit, where that may be."""
    try:
        wanted = parse_brl(amount) if amount.strip() else None
        limit = site.bank.change_limit(account_number=account.number, kind=kind, amount_centavos=wanted)
    except SchemeError as error:
        faults = Faults({kind.value: sentence_of(error, language_of(request))})
        return _page(request, site, pages, account, {kind.value: amount}, faults, 422)
    if limit.raise_at_ms is None:
        say_once(request, translatable("Limit changed."))
    else:
        say_once(request, translatable("Your new limit is requested. Until it counts, the present one stays."))
    return see_other(request, "/limits")


@router.post("/limits/{kind}/cancel-raise")
def cancel_raise(request: Request, site: SiteOf, account: Customer, kind: LimitKind) -> Response:
    """Cancels a raise that waits."""
    site.bank.cancel_raise(account_number=account.number, kind=kind)
    say_once(request, translatable("The raise is cancelled."))
    return see_other(request, "/limits")


def _page(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    values: dict[str, str],
    faults: Faults,
    status: int,
) -> Response:
    view = site.bank.show_limits(account.number)
    context = {
        "account": account,
        "section": "/limits",
        "here": "/limits",
        "view": view,
        "limits": {limit.kind.value: limit for limit in view.limits},
        "values": values,
        "faults": faults,
    }
    return pages.page(request, "bank/limits.html", context, status=status)
