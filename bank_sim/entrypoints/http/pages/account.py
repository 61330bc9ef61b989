"""A customer's account: PIN, test money, and the devices that are signed in."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import uuid4

from fastapi import Form, Path, Request, Response

from bank_sim.application.customer_app.cash import MoveCash
from bank_sim.domain.account import Account
from bank_sim.domain.errors import BankError
from bank_sim.entrypoints.http.devices import signed_in_devices
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.web.formats import brl
from pix.web.htmx import see_other
from pix.web.languages import translate
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.session_registry import SESSION_IDLE_SECONDS_MAX
from pix.web.sessions import mark_of, session_registry_of, visitor_id
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

HERE: Final = "/account"

router = page_router()


@router.get("/account")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """Who one is, and what one may change."""
    return _page(request, site, pages, account, {}, Faults(), 200)


@router.post("/account/deposit")
def deposit(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    amount: Annotated[str, Form(max_length=100)] = "",
    operation_id: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Pays test money in, once however often the form is sent."""
    move, said = site.bank.customer_app.deposit, translatable("%(amount)s of test money deposited.")
    return _move_cash(request, site, pages, account, amount, operation_id, "deposit", move, said)


@router.post("/account/withdraw")
def withdraw(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    amount: Annotated[str, Form(max_length=100)] = "",
    operation_id: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Takes test money out, once however often the form is sent."""
    move, said = site.bank.customer_app.withdraw, translatable("%(amount)s of test money withdrawn.")
    return _move_cash(request, site, pages, account, amount, operation_id, "withdraw", move, said)


@router.post("/account/pin")
def change_pin(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    pin: Annotated[str, Form(max_length=40)] = "",
    new_pin: Annotated[str, Form(max_length=40)] = "",
    new_pin_again: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Chooses another PIN and signs every other device out; after too many wrong ones the account has to wait."""
    language = language_of(request)
    if new_pin != new_pin_again:
        faults = Faults(new_pin_again=translate(language, "The two PINs differ."))
        return _page(request, site, pages, account, {}, faults, 422)
    # The same count as at sign-in: neither is a way round the other.
    if site.attempts.take(account.number):
        faults = Faults(pin=translate(language, "Too many attempts. Wait a minute and try again."))
        return _page(request, site, pages, account, {}, faults, 429)
    try:
        site.bank.customer_app.change_pin(account_number=account.number, pin=pin, new_pin=new_pin)
    except SchemeError as error:
        if error.field != "pin":
            site.attempts.give_back(account.number)
        field = error.field if error.field in ("pin", "new_pin") else "pin_form"
        return _page(request, site, pages, account, {}, Faults({field: sentence_of(error, language)}), 422)
    except DatabaseUnavailable:
        site.attempts.give_back(account.number)
        raise
    site.attempts.give_back(account.number)
    _end_others(request, site, account)
    say_once(request, translatable("PIN changed. Other devices are signed out."))
    return see_other(request, HERE)


@router.post("/account/devices/sign-out-others")
def sign_out_others(request: Request, site: SiteOf, account: Customer) -> Response:
    """Signs every other device out."""
    _end_others(request, site, account)
    say_once(request, translatable("All other devices are signed out."))
    return see_other(request, f"{HERE}#devices")


@router.post("/account/devices/{mark}/sign-out")
def sign_out_device(
    request: Request, site: SiteOf, account: Customer, mark: Annotated[str, Path(max_length=64)]
) -> Response:
    """Signs one device of the account out; one that is signed out already stays so."""
    for device in site.bank.customer_app.devices.of_account(account.number, SESSION_IDLE_SECONDS_MAX * 1000):
        if mark_of(device.device_id) == mark:
            site.bank.customer_app.devices.end(device.device_id)
            session_registry_of(request.app).end_visitor(device.device_id)
    say_once(request, translatable("The device is signed out."))
    return see_other(request, f"{HERE}#devices")


def _end_others(request: Request, site: Site, account: Account) -> None:
    others = site.bank.customer_app.devices.end_others(
        account_number=account.number, except_device_id=visitor_id(request)
    )
    for device in others:
        session_registry_of(request.app).end_visitor(device.device_id)


def _move_cash(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    amount: str,
    operation_id: str,
    form: str,
    move: MoveCash,
    said: str,
) -> Response:
    try:
        amount_centavos = parse_brl(amount)
        move(account_number=account.number, amount_centavos=amount_centavos, operation_id=operation_id or str(uuid4()))
    except SchemeError as error:
        status = 409 if isinstance(error, BankError) else 422
        faults = Faults({form: sentence_of(error, language_of(request))})
        return _page(request, site, pages, account, {form: amount}, faults, status)
    say_once(request, said, amount=brl(amount_centavos))
    return see_other(request, f"{HERE}#cash")


def _page(
    request: Request, site: Site, pages: Pages, account: Account, values: dict[str, str], faults: Faults, status: int
) -> Response:
    own = visitor_id(request)
    devices = signed_in_devices(site, account.number)
    context = {
        "account": account,
        "section": HERE,
        "here": HERE,
        "devices": sorted(devices, key=lambda device: device.device_id != own),
        "own_device_id": own,
        "operation_id": str(uuid4()),
        "values": values,
        "faults": faults,
    }
    return pages.page(request, "bank/account.html", context, status=status)
