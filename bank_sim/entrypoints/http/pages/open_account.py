"""Opening an account."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request, Response

from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf, sign_in, visitors_account
from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import language_of

router = page_router()

_FIELDS = frozenset({"name", "tax_id", "opening_deposit_centavos", "pin"})


@router.get("/open-account")
def show(request: Request, site: SiteOf, pages: PagesOf) -> Response:
    values = {"name": "", "tax_id": "", "opening_deposit": "100,00"}
    return pages.page(request, "bank/open_account.html", _context(request, site, values))


@router.post("/open-account")
def open_account(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    name: Annotated[str, Form(max_length=400)] = "",
    tax_id: Annotated[str, Form(max_length=100)] = "",
    opening_deposit: Annotated[str, Form(max_length=100)] = "",
    pin: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Opens it and signs its holder in; a fault is shown at its field."""
    try:
        account = site.bank.open_account(
            name=name, tax_id=tax_id, opening_deposit_centavos=_deposit_centavos(opening_deposit), pin=pin
        )
    except SchemeError as error:
        field = error.field if error.field in _FIELDS else "form"
        values = {"name": name, "tax_id": tax_id, "opening_deposit": opening_deposit}
        context = _context(request, site, values)
        context["faults"] = Faults({field: sentence_of(error, language_of(request))})
        return pages.page(request, "bank/open_account.html", context, status=422)
    sign_in(request, account.number)
    say_once(request, translatable("Account %(number)s opened."), number=account.number)
    return see_other(request, "/")


def _context(request: Request, site: Site, values: dict[str, str]) -> dict[str, Any]:
    return {"values": values, "example_tax_id": site.bank.queries.free_tax_id(), "account": visitors_account(request)}


def _deposit_centavos(text: str) -> int:
    if not text.strip():
        return 0
    try:
        return parse_brl(text)
    except SchemeError as error:
        raise SchemeError("opening_deposit_centavos", error.rule) from None
