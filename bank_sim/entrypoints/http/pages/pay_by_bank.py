"""Paying by bank, branch and account: the payer types the payee, and then goes on as with a key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import Depends, Form, Query, Request, Response

from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountBlocked, AccountClosed
from bank_sim.entrypoints.http.drafts import PayeeDraft
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.pay import address, amount_url
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.web.htmx import see_other
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = page_router()

_PREFIX = "payee."


@dataclass(frozen=True, slots=True)
class TypedPayee:
    """The payee as typed."""

    bank: str = ""
    branch: str = ""
    account_number: str = ""
    name: str = ""
    tax_id: str = ""


async def typed_in_address(
    bank: Annotated[str, Query(max_length=20)] = "",
    branch: Annotated[str, Query(max_length=40)] = "",
    account_number: Annotated[str, Query(max_length=80)] = "",
    name: Annotated[str, Query(max_length=400)] = "",
    tax_id: Annotated[str, Query(max_length=100)] = "",
) -> TypedPayee:
    """A dependency: what stands in the address."""
    return TypedPayee(bank, branch, account_number, name, tax_id)


async def typed_in_form(
    bank: Annotated[str, Form(max_length=20)] = "",
    branch: Annotated[str, Form(max_length=40)] = "",
    account_number: Annotated[str, Form(max_length=80)] = "",
    name: Annotated[str, Form(max_length=400)] = "",
    tax_id: Annotated[str, Form(max_length=100)] = "",
) -> TypedPayee:
    """A dependency: what the form brings."""
    return TypedPayee(bank, branch, account_number, name, tax_id)


@router.get("/pay/bank")
def ask_typed_payee(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    typed: Annotated[TypedPayee, Depends(typed_in_address)],
) -> Response:
    """Step 1: the form. What stands in the address is shown with what is wrong with it."""
    faults = Faults()
    if typed != TypedPayee():
        try:
            _read(site, account, typed)
        except SchemeError as error:
            faults = _faults(request, error)
    return _form(request, site, pages, account, typed, faults)


@router.post("/pay/bank")
def by_typed_payee(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    typed: Annotated[TypedPayee, Depends(typed_in_form)],
) -> Response:
    """Checks the form, and goes on to the amount. The payee's bank checks the account when it gets the offer."""
    try:
        draft = _read(site, account, typed)
    except SchemeError as error:
        status = 409 if isinstance(error, AccountBlocked | AccountClosed) else 422
        return _form(request, site, pages, account, typed, _faults(request, error), status=status)
    return see_other(request, amount_url(site, draft))


def _read(site: Site, account: Account, typed: TypedPayee) -> PayeeDraft:
    account.check_may_act()
    payee = site.bank.read_typed_payee(**asdict(typed))
    return PayeeDraft(payee=payee, account_number=account.number, initiation=Initiation.MANU)


def _faults(request: Request, error: SchemeError) -> Faults:
    field = error.field.removeprefix(_PREFIX) if error.field.startswith(_PREFIX) else "form"
    return Faults({field: sentence_of(error, language_of(request))})


def _form(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    typed: TypedPayee,
    faults: Faults,
    *,
    status: int = 200,
) -> Response:
    context = {
        "account": account,
        "section": "/pay",
        "here": address("/pay/bank", {}, {name: text for name, text in asdict(typed).items() if text}),
        "way": "bank",
        "banks": site.bank.read_typed_payee.banks(),
        "values": typed,
        "faults": faults,
    }
    return pages.page(request, "bank/pay_bank.html", context, status=status)
