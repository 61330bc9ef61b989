"""Paying, a page a step: who, how much, confirm.

What is known so far travels in a signed token, so nothing can be changed on the way, and the idempotency key is made
before the confirmation page: confirming it twice pays once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import File, Form, Query, Request, Response, UploadFile

from bank_sim.domain.account import Account
from bank_sim.domain.errors import (
    BankError,
    HubUnavailable,
    InsufficientBalance,
    KeyNotFound,
    LookUpLimitReached,
    PayerIsPayee,
)
from bank_sim.entrypoints.http.drafts import OrderDraft, PayeeDraft, read_order, read_payee
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.qr import PICTURE_BYTES_MAX, read_picture
from bank_sim.entrypoints.http.site import Customer, Faults, PagesOf, Site, SiteOf
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, recognize_key
from pix.scheme.money import check_amount, parse_brl
from pix.scheme.texts import check_description
from pix.service.web.formats import brl_plain
from pix.service.web.htmx import see_other
from pix.service.web.templates import Pages, language_of

WAYS: Final = ("key", "code", "picture")

router = page_router()


@router.get("/pay")
def ask_payee(
    request: Request,
    pages: PagesOf,
    account: Customer,
    way: Annotated[str, Query(max_length=10)] = "key",
    key: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Step 1: the payee by key, by pasted code, or by a picture of one."""
    return _step_1(request, pages, account, way if way in WAYS else "key", {"key": key})


@router.get("/pay/recognize")
def recognize(
    request: Request, pages: PagesOf, account: Customer, key: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """The kinds that a key may be, as one types it."""
    context = {"account": account, "values": {"key": key}, "kinds": recognize_key(key)}
    return pages.page(request, "bank/pay.html", context, block="recognized")


@router.post("/pay")
def by_key(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    key: Annotated[str, Form(max_length=400)] = "",
    kind: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Looks the key up, and goes on to the amount."""
    try:
        draft = _find_payee(site, account, key, KeyKind(kind) if kind in set(KeyKind) else None)
    except SchemeError as error:
        return _step_1_failed(request, pages, account, "key", {"key": key}, error)
    return see_other(request, _amount_url(site, draft))


@router.post("/pay/code")
def by_code(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, code: Annotated[str, Form(max_length=2_000)] = ""
) -> Response:
    """Reads a pasted code, looks its key up, and goes on to the amount."""
    try:
        draft = _find_payee_of_code(site, account, code)
    except SchemeError as error:
        return _step_1_failed(request, pages, account, "code", {"code": code}, error)
    return see_other(request, _amount_url(site, draft))


@router.post("/pay/picture")
def by_picture(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, picture: Annotated[UploadFile, File()]
) -> Response:
    """Reads the code in a picture, looks its key up, and goes on to the amount."""
    try:
        draft = _find_payee_of_code(site, account, read_picture(picture.file.read(PICTURE_BYTES_MAX + 1)))
    except SchemeError as error:
        return _step_1_failed(request, pages, account, "picture", {}, error)
    return see_other(request, _amount_url(site, draft))


@router.get("/pay/amount")
def ask_amount(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, payee: Annotated[str, Query(max_length=4_000)]
) -> Response:
    """Step 2: the payee's name, bank and masked number, and then how much. Raises TokenRefused."""
    draft = read_payee(site.payees, payee, account.number)
    amount = "" if draft.amount_centavos is None else brl_plain(draft.amount_centavos)
    return _step_2(request, site, pages, account, draft, amount, draft.description, Faults())


@router.post("/pay/amount")
def set_amount(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    payee: Annotated[str, Form(max_length=4_000)],
    amount: Annotated[str, Form(max_length=100)] = "",
    description: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Makes the order and its idempotency key, and goes on to the confirmation."""
    draft = read_payee(site.payees, payee, account.number)
    try:
        order = OrderDraft(
            payee=draft,
            amount_centavos=_amount_centavos(amount, account),
            description=check_description(description),
            idempotency_key=str(uuid4()),
        )
    except SchemeError as error:
        faults = _faults(request, error, {"amount_centavos", "description"})
        return _step_2(request, site, pages, account, draft, amount, description, faults, status=422)
    return see_other(request, f"/pay/review?{urlencode({'order': site.orders.sign(order.as_token())})}")


@router.get("/pay/review")
def review(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, order: Annotated[str, Query(max_length=4_000)]
) -> Response:
    """Step 3: everything once more. Raises TokenRefused."""
    return _step_3(request, site, pages, account, order, Faults())


@router.post("/pay/confirm")
def confirm(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, order: Annotated[str, Form(max_length=4_000)]
) -> Response:
    """Pays, once however often it is sent, and goes on to the transfer's page."""
    draft = read_order(site.orders, order, account.number)
    try:
        transfer = site.bank.request_transfer(
            account_number=account.number,
            payee_key=draft.payee.payee.key,
            amount_centavos=draft.amount_centavos,
            description=draft.description,
            idempotency_key=draft.idempotency_key,
            payee_tax_id_masked=draft.payee.payee.tax_id_masked,
            payee_name=draft.payee.payee.name,
            payee_bank_name=draft.payee.payee.bank_name,
        )
    except BankError as error:
        faults = Faults(form=sentence_of(error, language_of(request)))
        return _step_3(request, site, pages, account, order, faults, status=422)
    site.look_ups.paid(account, draft.idempotency_key)
    return see_other(request, f"/transfers/{transfer.end_to_end_id}?direction=outgoing")


def _find_payee(site: Site, account: Account, key: str, kind: KeyKind | None) -> PayeeDraft:
    site.look_ups.check(account)
    try:
        payee = site.bank.find_payee(key=key, kind=kind)
    except KeyNotFound:
        site.look_ups.missed(account)
        raise
    site.look_ups.found(account)
    if any(own.key == payee.key for own in site.bank.queries.keys_of(account.number)):
        raise PayerIsPayee
    return PayeeDraft(payee=payee, account_number=account.number)


def _find_payee_of_code(site: Site, account: Account, text: str) -> PayeeDraft:
    code = brcode.decode(text)
    draft = _find_payee(site, account, code.key, None)
    return replace(draft, amount_centavos=code.amount_centavos, description=code.information or "")


def _amount_centavos(text: str, account: Account) -> int:
    try:
        amount_centavos = check_amount(parse_brl(text))
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None
    if amount_centavos > account.balance_centavos:
        raise InsufficientBalance
    return amount_centavos


def _amount_url(site: Site, draft: PayeeDraft) -> str:
    return f"/pay/amount?{urlencode({'payee': site.payees.sign(draft.as_token())})}"


def _faults(request: Request, error: SchemeError, fields: set[str]) -> Faults:
    return Faults({error.field if error.field in fields else "form": sentence_of(error, language_of(request))})


def _step_1(
    request: Request,
    pages: Pages,
    account: Account,
    way: str,
    values: dict[str, str],
    faults: Faults | None = None,
    *,
    fault_kind: str = "bad",
    status: int = 200,
) -> Response:
    context: dict[str, Any] = {
        "account": account,
        "section": "/pay",
        "way": way,
        "values": {"key": "", "code": "", **values},
        "kinds": recognize_key(values.get("key", "")),
        "faults": faults or Faults(),
        "fault_kind": fault_kind,
    }
    return pages.page(request, "bank/pay.html", context, status=status)


def _step_1_failed(
    request: Request, pages: Pages, account: Account, way: str, values: dict[str, str], error: SchemeError
) -> Response:
    at_field = {"key": {"key", "kind"}, "code": {"brcode"}, "picture": {"brcode"}}[way]
    faults = _faults(request, error, at_field)
    if "kind" in faults:
        faults["key"] = faults.pop("kind")
    kind, status = {HubUnavailable: ("wait", 503), LookUpLimitReached: ("wait", 429)}.get(type(error), ("bad", 422))
    return _step_1(request, pages, account, way, values, faults, fault_kind=kind, status=status)


def _step_2(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    draft: PayeeDraft,
    amount: str,
    description: str,
    faults: Faults,
    *,
    status: int = 200,
) -> Response:
    context = {
        "account": account,
        "section": "/pay",
        "payee": draft.payee,
        "payee_token": site.payees.sign(draft.as_token()),
        "values": {"amount": amount, "description": description},
        "faults": faults,
    }
    return pages.page(request, "bank/pay_amount.html", context, status=status)


def _step_3(
    request: Request, site: Site, pages: Pages, account: Account, token: str, faults: Faults, *, status: int = 200
) -> Response:
    order = read_order(site.orders, token, account.number)
    back = replace(order.payee, amount_centavos=order.amount_centavos, description=order.description)
    context = {
        "account": account,
        "section": "/pay",
        "order": order,
        "order_token": token,
        "payee": order.payee.payee,
        "payee_token": site.payees.sign(back.as_token()),
        "faults": faults,
    }
    return pages.page(request, "bank/pay_review.html", context, status=status)
