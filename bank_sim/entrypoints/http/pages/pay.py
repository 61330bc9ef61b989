"""Paying, a page a step: who, how much, confirm.

What is known so far travels in a signed token, so nothing can be changed on the way, and the idempotency key is made
before the confirmation page: confirming it twice pays once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Depends, File, Form, Path, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from bank_sim.domain.account import Account, Payee
from bank_sim.domain.errors import (
    AccountBlocked,
    AccountClosed,
    BankError,
    HubUnavailable,
    InsufficientBalance,
    KeyNotFound,
    LookUpLimitReached,
    PayerIsPayee,
    TransferNotFound,
)
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.payable_codes.errors import CodeNotSchedulable, PayloadNotFound, PayloadUnavailable
from bank_sim.domain.schedules.calendar import PAYMENTS_MAX, PlanOrder, make_plan
from bank_sim.entrypoints.http.drafts import CodeFacts, OrderDraft, PayeeDraft, read_order, read_payee
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.plan_form import FIELDS, PlanForm, plan_of_form, plan_of_query
from bank_sim.entrypoints.http.qr import UPLOAD_BYTES_MAX, read_picture
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme import brcode
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey, explain_no_key, parse_stored_key, recognize_key
from pix.scheme.money import check_amount, parse_brl
from pix.scheme.people import holder_kind_of_masked
from pix.scheme.postings import Direction
from pix.scheme.texts import check_description
from pix.web.formats import brl_plain, full_day
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.preferences import NEXT_LENGTH_MAX
from pix.web.security_headers import PERMISSIONS_POLICY, permissions_policy
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

_FIELDS_OF_STEP_2: Final = {"amount_centavos", "description", *FIELDS}

CONTACTS_SHOWN_MAX: Final = 12
SCANS: Final = "application/json"
WAYS: Final = ("key", "code", "picture")
QUICK_REAIS: Final = (10, 20, 50, 100)
"""Amounts at one press, in whole reais."""
TEXT_LENGTH_MAX: Final = 2_000
"""Of what is pasted as a key or a code; both are shorter, and a longer text is no slip of a finger."""

router = page_router()


@router.get("/pay")
def ask_payee(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    way: Annotated[str, Query(max_length=10)] = "key",
    key: Annotated[str, Query(max_length=TEXT_LENGTH_MAX)] = "",
    code: Annotated[str, Query(max_length=TEXT_LENGTH_MAX)] = "",
    checked: Annotated[bool, Query()] = False,
) -> Response:
    """Step 1: the payee by key, by pasted code, or by a picture of one. `checked` says what is wrong with the text."""
    way = way if way in WAYS else "key"
    faults = Faults()
    if checked and way == "key" and not recognize_key(key):
        faults = _faults(request, explain_no_key(key), {"key"})
    elif checked and way == "code":
        try:
            decoded = brcode.decode(code)
            if decoded.location is None:
                parse_stored_key(decoded.key)
        except SchemeError as error:
            faults = Faults(brcode=sentence_of(error, language_of(request)))
    return _step_1(request, site, pages, account, way, {"key": key, "code": code}, faults)


@router.get("/pay/recognize")
def recognize(
    request: Request, pages: PagesOf, account: Customer, key: Annotated[str, Query(max_length=TEXT_LENGTH_MAX)] = ""
) -> Response:
    """The kinds that a key may be, as one types it."""
    context = {
        "account": account,
        "values": {"key": key},
        "kinds": recognize_key(key),
        "is_code": brcode.is_like_code(key),
        "faults": Faults(),
    }
    return pages.page(request, "bank/pay.html", context, block="recognized")


@router.post("/pay")
def by_key(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    key: Annotated[str, Form(max_length=TEXT_LENGTH_MAX)] = "",
    kind: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Looks the key up, and goes on to the amount; takes a pasted code as well."""
    if brcode.is_like_code(key):
        return _by_code(request, site, pages, account, key)
    return _by_key(request, site, pages, account, key, KeyKind(kind) if kind in set(KeyKind) else None)


@router.get("/pay/code")
def ask_code(request: Request, account: Customer) -> Response:
    """The address of a form that was sent leads back to the form."""
    return see_other(request, "/pay?way=code")


@router.post("/pay/code")
def by_code(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    code: Annotated[str, Form(max_length=TEXT_LENGTH_MAX)] = "",
) -> Response:
    """Reads a pasted code, looks its key up, and goes on to the amount; takes a typed key as well."""
    if not brcode.is_like_code(code) and recognize_key(code):
        return _by_key(request, site, pages, account, code.strip(), None)
    return _by_code(request, site, pages, account, code)


@router.get("/pay/picture")
def ask_picture(request: Request, account: Customer) -> Response:
    return see_other(request, "/pay?way=picture")


@router.post("/pay/picture")
def by_picture(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, picture: Annotated[UploadFile, File()]
) -> Response:
    """Reads the code in a picture, looks its key up, and goes on to the amount.

    A script that sends what the camera sees gets the code as JSON, or 204 while there is none.
    """
    if SCANS in request.headers.get("accept", ""):
        return _scan(picture.file.read(UPLOAD_BYTES_MAX + 1))
    try:
        draft = _find_payee_of_code(site, account, read_picture(picture.file.read(UPLOAD_BYTES_MAX + 1)))
    except SchemeError as error:
        return _step_1_failed(request, site, pages, account, "picture", {}, error)
    return see_other(request, amount_url(site, draft))


@router.get("/pay/again/{end_to_end_id}")
def again(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: Annotated[str, Path(max_length=32)],
) -> Response:
    """Looks the payee of an earlier payment up, and goes on to its amount. Raises TransferNotFound."""
    return _again(request, site, pages, account, end_to_end_id, with_amount=True)


@router.get("/pay/contact/{end_to_end_id}")
def contact(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: Annotated[str, Path(max_length=32)],
) -> Response:
    """The same with neither amount nor message. Raises TransferNotFound."""
    return _again(request, site, pages, account, end_to_end_id, with_amount=False)


def _again(
    request: Request, site: Site, pages: Pages, account: Account, end_to_end_id: str, *, with_amount: bool
) -> Response:
    earlier = site.bank.queries.find_transfer(end_to_end_id, Direction.OUTGOING)
    if earlier.account_number != account.number:
        raise TransferNotFound
    try:
        draft = _find_payee_again(site, account, earlier)
    except SchemeError as error:
        shown = "" if earlier.payee_key is None else earlier.payee_key.key
        return _step_1_failed(request, site, pages, account, "key", {"key": shown}, error)
    if not with_amount:
        return see_other(request, amount_url(site, draft))
    repeated = replace(draft, amount_centavos=earlier.amount_centavos, description=earlier.description)
    return see_other(request, amount_url(site, repeated))


@router.get("/pay/amount")
def ask_amount(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    payee: Annotated[str, Query(max_length=4_000)] = "",
    amount: Annotated[str | None, Query(max_length=100)] = None,
    description: Annotated[str | None, Query(max_length=2_000)] = None,
    *,
    plan: Annotated[PlanForm, Depends(plan_of_query)],
) -> Response:
    """Step 2: the payee's name, bank and masked number, and then how much. Raises TokenRefused.

    An amount or a description in the address is shown with what is wrong with it.
    """
    if not payee or not account.is_active:
        return see_other(request, "/pay")
    draft = read_payee(site.payees, payee, account.number)
    if amount is None and description is None:
        proposed = "" if draft.amount_centavos is None else brl_plain(draft.amount_centavos)
        return _step_2(request, site, pages, account, draft, proposed, draft.description, plan, Faults())
    # A quick amount says nothing of the message.
    said = draft.description if description is None else description
    faults = Faults()
    try:
        _order(site, draft, account, amount or "", said, plan)
    except SchemeError as error:
        faults = _faults(request, error, _FIELDS_OF_STEP_2)
    return _step_2(request, site, pages, account, draft, amount or "", said, plan, faults)


@router.post("/pay/amount")
def set_amount(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    payee: Annotated[str, Form(max_length=4_000)],
    amount: Annotated[str, Form(max_length=100)] = "",
    description: Annotated[str, Form(max_length=2_000)] = "",
    *,
    plan: Annotated[PlanForm, Depends(plan_of_form)],
) -> Response:
    """Makes the order and its idempotency key, and goes on to the confirmation."""
    draft = read_payee(site.payees, payee, account.number)
    try:
        order = _order(site, draft, account, amount, description, plan)
    except SchemeError as error:
        faults = _faults(request, error, _FIELDS_OF_STEP_2)
        return _step_2(request, site, pages, account, draft, amount, description, plan, faults, status=422)
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
    """Pays, once however often it is sent, and goes on to the transfer's page; or schedules, to what is scheduled."""
    draft = read_order(site.orders, order, account.number)
    if draft.plan is not None:
        return _schedule(request, site, pages, account, order, draft, draft.plan)
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
            payee=draft.payee.payee.typed,
            initiation=draft.payee.initiation,
            txid=draft.payee.code.txid,
        )
    except BankError as error:
        faults = Faults(form=sentence_of(error, language_of(request)))
        return _step_3(request, site, pages, account, order, faults, status=422)
    if transfer.payee_key is not None:
        site.look_ups.paid(account, draft.idempotency_key)
    return see_other(request, f"/transfers/{transfer.end_to_end_id}?direction=outgoing")


def _scan(content: bytes) -> Response:
    try:
        text = read_picture(content)
        brcode.decode(text)
    except SchemeError:
        return Response(status_code=204)
    return JSONResponse({"code": text})


def _schedule(
    request: Request, site: Site, pages: Pages, account: Account, token: str, draft: OrderDraft, plan: PlanOrder
) -> Response:
    language = language_of(request)
    key = draft.payee.payee.key
    assert key is not None, "only a payment to a key has a plan"
    try:
        schedule = site.bank.schedule_payment(
            account_number=account.number,
            payee_key=key,
            amount_centavos=draft.amount_centavos,
            description=draft.description,
            idempotency_key=draft.idempotency_key,
            plan=plan,
            payee_tax_id_masked=draft.payee.payee.tax_id_masked,
            payee_name=draft.payee.payee.name,
            payee_bank_name=draft.payee.payee.bank_name,
        )
    except SchemeError as error:
        return _step_3(request, site, pages, account, token, Faults(form=sentence_of(error, language)), status=422)
    site.look_ups.paid(account, draft.idempotency_key)
    say_once(request, translatable("Pix scheduled for %(day)s."), day=full_day(schedule.plan.first_day, language))
    return see_other(request, "/schedules")


def _by_key(request: Request, site: Site, pages: Pages, account: Account, key: str, kind: KeyKind | None) -> Response:
    try:
        draft = _find_payee(site, account, key, kind)
    except SchemeError as error:
        return _step_1_failed(request, site, pages, account, "key", {"key": key}, error)
    return see_other(request, amount_url(site, draft))


def _by_code(request: Request, site: Site, pages: Pages, account: Account, code: str) -> Response:
    try:
        draft = _find_payee_of_code(site, account, code)
    except SchemeError as error:
        return _step_1_failed(request, site, pages, account, "code", {"code": code}, error)
    return see_other(request, amount_url(site, draft))


@contextmanager
def _one_look_up(site: Site, account: Account) -> Iterator[None]:
    """Takes a look-up from the customer's bucket: what is not found costs more than what is.

    Raises AccountBlocked, AccountClosed, LookUpLimitReached.
    """
    account.check_may_act()
    site.look_ups.take(account)
    try:
        yield
    except (KeyNotFound, PayloadNotFound):
        raise
    except Exception:
        site.look_ups.not_answered(account)
        raise
    site.look_ups.found(account)


def _check_not_own(site: Site, account: Account, key: PixKey | None) -> None:
    if any(own.key == key for own in site.bank.queries.keys_of(account.number)):
        raise PayerIsPayee


def _find_payee(site: Site, account: Account, key: PixKey | str, kind: KeyKind | None) -> PayeeDraft:
    with _one_look_up(site, account):
        payee = site.bank.find_payee(key=key, kind=kind)
    _check_not_own(site, account, payee.key)
    return PayeeDraft(payee=payee, account_number=account.number)


def _find_payee_of_code(site: Site, account: Account, text: str) -> PayeeDraft:
    # What is malformed costs no look-up.
    location = brcode.decode(text).location
    with _one_look_up(site, account):
        code = site.bank.payable_codes.read(text)
    _check_not_own(site, account, code.key)
    facts = CodeFacts(
        None if code.payer_may_change_amount else code.amount_centavos,
        code.description,
        code.txid,
        location or "",
    )
    if code.payload is not None:
        site.charges_shown.keep(facts, code.payload)
    return PayeeDraft(
        payee=code.payee,
        account_number=account.number,
        amount_centavos=code.amount_centavos,
        code=facts,
        initiation=code.initiation,
    )


def _find_payee_again(site: Site, account: Account, earlier: Transfer) -> PayeeDraft:
    """The payee of an earlier payment: its key is looked up, and an account that was typed is taken as it was."""
    if earlier.payee_key is not None:
        return _find_payee(site, account, earlier.payee_key, None)
    account.check_may_act()
    typed = earlier.payee
    if typed is None:
        raise TransferNotFound
    participant = site.bank.queries.participants().get(typed.ispb)
    payee = Payee(
        key=None,
        name=typed.name,
        tax_id_masked=typed.tax_id_masked,
        holder_kind=holder_kind_of_masked(typed.tax_id_masked),
        ispb=typed.ispb,
        bank_code="" if participant is None else participant.code,
        bank_name=earlier.payee_bank_name,
        branch=typed.branch,
        account_number=typed.account_number,
    )
    return PayeeDraft(payee=payee, account_number=account.number, initiation=Initiation.MANU)


def _order(
    site: Site, draft: PayeeDraft, account: Account, amount: str, description: str, plan: PlanForm
) -> OrderDraft:
    """The order with a new idempotency key. What a code has fixed counts; a form may leave it out, or repeat it."""
    fixed = draft.code
    if fixed.amount_centavos is None or amount.strip():
        amount_centavos = _parse_amount(amount)
        if fixed.amount_centavos not in (None, amount_centavos):
            raise SchemeError("amount_centavos", "The code sets the amount. You can't change it.")
    else:
        amount_centavos = fixed.amount_centavos
    planned = plan.order() if draft.initiation is not Initiation.MANU else None
    if planned is not None:
        # A schedule pays a key. What a code asks for is paid at once: by another day it may have ended.
        if draft.initiation is not Initiation.DICT:
            raise CodeNotSchedulable
        make_plan(planned, day_of(site.scheme_clock.now_ms()))
    elif amount_centavos > account.balance_centavos:
        raise InsufficientBalance
    message = check_description(description)
    if fixed.description and message not in ("", fixed.description):
        raise SchemeError("description", "The code sets the message. You can't change it.")
    return OrderDraft(
        payee=draft,
        amount_centavos=amount_centavos,
        description=fixed.description or message,
        idempotency_key=str(uuid4()),
        plan=planned,
    )


def _parse_amount(text: str) -> int:
    try:
        return check_amount(parse_brl(text))
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None


def amount_url(site: Site, draft: PayeeDraft) -> str:
    """The address of step 2 for a payee."""
    return f"/pay/amount?{urlencode({'payee': site.payees.sign(draft.as_token())})}"


def _faults(request: Request, error: SchemeError, fields: set[str]) -> Faults:
    return Faults({error.field if error.field in fields else "form": sentence_of(error, language_of(request))})


def _step_1(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    way: str,
    values: dict[str, str],
    faults: Faults | None = None,
    *,
    fault_kind: str = "bad",
    status: int = 200,
) -> Response:
    shown = {"key": "", "code": "", **values}
    context: dict[str, Any] = {
        "account": account,
        "section": "/pay",
        "contacts": site.bank.customer_app.contacts.list(account.number, CONTACTS_SHOWN_MAX) if way == "key" else (),
        "here": address("/pay", {"way": way}, {way: shown[way], "checked": "1"} if shown.get(way) else {}),
        "way": way,
        "values": shown,
        "kinds": recognize_key(shown["key"]),
        "is_code": False,
        "faults": faults or Faults(),
        "fault_kind": fault_kind,
        "upload_bytes_max": UPLOAD_BYTES_MAX,
    }
    page = pages.page(request, "bank/pay.html", context, status=status)
    # The one page that may use the camera, of this site alone.
    page.headers[PERMISSIONS_POLICY] = permissions_policy(camera="(self)")
    return page


def _step_1_failed(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    way: str,
    values: dict[str, str],
    error: SchemeError,
) -> Response:
    field = "key" if way == "key" else "brcode"
    at_field = {"key": ("key", "kind"), "code": ("brcode", "key"), "picture": ("brcode", "key")}[way]
    sentence = sentence_of(error, language_of(request))
    faults = Faults({field if error.field in at_field else "form": sentence})
    kind, status = {
        HubUnavailable: ("wait", 503),
        PayloadUnavailable: ("wait", 503),
        LookUpLimitReached: ("wait", 429),
        AccountBlocked: ("bad", 409),
        AccountClosed: ("bad", 409),
    }.get(type(error), ("bad", 422))
    return _step_1(request, site, pages, account, way, values, faults, fault_kind=kind, status=status)


def _step_2(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    draft: PayeeDraft,
    amount: str,
    description: str,
    plan: PlanForm,
    faults: Faults,
    *,
    status: int = 200,
) -> Response:
    token = site.payees.sign(draft.as_token())
    context = {
        "account": account,
        "section": "/pay",
        "here": address(
            "/pay/amount",
            {"payee": token},
            {"amount": amount, "description": description, **plan.as_query()} if faults else {},
        ),
        "payee": draft.payee,
        "payee_token": token,
        "code": draft.code,
        "charge": site.charges_shown.of(draft.code),
        "values": {"amount": amount, "description": description},
        "quick_reais": QUICK_REAIS,
        "left_centavos": _left_centavos(account, draft, amount, plan),
        "plan": plan,
        "may_schedule": draft.initiation is Initiation.DICT,
        "tomorrow": day_of(site.scheme_clock.now_ms()) + timedelta(days=1),
        "payments_max": PAYMENTS_MAX,
        "faults": faults,
    }
    return pages.page(request, "bank/pay_amount.html", context, status=status)


def _left_centavos(account: Account, draft: PayeeDraft, amount: str, plan: PlanForm) -> int | None:
    """The balance after the payment; below zero what is missing, and None for no amount or another day."""
    if plan.as_query():
        return None
    try:
        return account.balance_centavos - (draft.code.amount_centavos or _parse_amount(amount))
    except SchemeError:
        return None


def _step_3(
    request: Request, site: Site, pages: Pages, account: Account, token: str, faults: Faults, *, status: int = 200
) -> Response:
    order = read_order(site.orders, token, account.number)
    payee = order.payee.payee
    made = site.bank.queries.find_transfer_of_order(account.number, order.idempotency_key)
    repeated = None
    if made is None and order.plan is None:
        repeated = site.bank.customer_app.contacts.find_repeated(
            account_number=account.number,
            payee_key=payee.key,
            payee=payee.typed,
            amount_centavos=order.amount_centavos,
        )
    back = replace(order.payee, amount_centavos=order.amount_centavos, description=order.description)
    context = {
        "account": account,
        "section": "/pay",
        "here": address("/pay/review", {"order": token}),
        "order": order,
        "order_token": token,
        "made": made,
        "repeated": repeated,
        "scheduled": site.bank.queries.find_schedule_of_order(account.number, order.idempotency_key)
        if order.plan
        else None,
        "plan": order.plan,
        "plan_query": urlencode(PlanForm.of(order.plan).as_query()),
        "code": order.payee.code,
        "charge": site.charges_shown.of(order.payee.code),
        "payee": payee,
        "payee_token": site.payees.sign(back.as_token()),
        "faults": faults,
    }
    return pages.page(request, "bank/pay_review.html", context, status=status)


def address(path: str, query: dict[str, str], text: dict[str, str] | None = None) -> str:
    """The address that shows the same page after a change of language; with the text, unless it is very long."""
    with_text = f"{path}?{urlencode({**query, **(text or {})}, errors='replace')}"
    return with_text if len(with_text) <= NEXT_LENGTH_MAX else f"{path}?{urlencode(query)}"
