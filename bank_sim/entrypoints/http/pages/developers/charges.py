"""Charges: the list, a new one, and one with its code, its state, and what happened to it, live."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import Form, Path, Query, Request, Response

from bank_sim.application.charges.ports import ChargeFilter
from bank_sim.application.returns.queries import ReturnsOfTransfer
from bank_sim.application.webhooks.ports import NoticeFilter
from bank_sim.domain.account import Account
from bank_sim.domain.charges.amounts import amount_of_day, last_day_to_pay
from bank_sim.domain.charges.errors import ChargeNotActive
from bank_sim.domain.charges.model import (
    SECOND_MS,
    Charge,
    ChargeKind,
    ChargeStatus,
    Debtor,
    DueDate,
    Immediate,
    Location,
)
from bank_sim.domain.charges.offers import is_expired
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from bank_sim.domain.charges.payload import location_address
from bank_sim.domain.errors import TransferNotFound
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.developers.pay import STORIES
from bank_sim.entrypoints.http.pages.developers.routing import LINES_SHOWN, POLL_SECONDS, api_url, frame
from bank_sim.entrypoints.http.pages.receive import CITY
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.qr import draw_qr
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from bank_sim.entrypoints.http.snippets import curl
from pix.scheme import brcode
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.money import check_amount, parse_brl
from pix.scheme.people import check_tax_id
from pix.scheme.postings import Direction
from pix.scheme.values import value_object
from pix.web.events import Scene, stream_scenes
from pix.web.htmx import see_other
from pix.web.languages import translate
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, version_of
from pix.web.templates import Pages, language_of

TAB: Final = "/developers/charges"
EXPIRY_SECONDS: Final = 3_600
"""Of a charge that is made on the page; a charge by the API has a day unless it says otherwise."""
DUE_DAYS_AFTER: Final = 30
REQUESTS_SHOWN: Final = 5
NOTICES_SHOWN: Final = 10
PAGES_MAX: Final = 1_000

router = page_router()

Txid = Annotated[str, Path(max_length=64)]
PageNumber = Annotated[int, Query(ge=0, le=PAGES_MAX)]


class State(StrEnum):
    """Where a charge stands, for people: the API's status, with what time and a payment on its way make of it."""

    WAITING = "waiting"
    UNDER_WAY = "under_way"
    EXPIRED = "expired"
    PAID = "paid"
    REMOVED = "removed"


@value_object
class ChargeLine:
    charge: Charge
    state: State


def state_of(charge: Charge, now_ms: int) -> State:
    """At this moment of scheme time."""
    if charge.status is ChargeStatus.COMPLETED:
        return State.PAID
    if not charge.is_active:
        return State.REMOVED
    if charge.reserved_by:
        return State.UNDER_WAY
    return State.EXPIRED if is_expired(charge, day_of(now_ms), now_ms) else State.WAITING


def code_of(site: Site, account: Account, location: Location | None) -> str:
    """The text of the QR code that leads to the charge; empty without a location."""
    if location is None:
        return ""
    address = location_address(site.bank.payable_codes.payload_host, location.kind, location.token)
    return brcode.encode(brcode.dynamic_code(address, account.holder_name, CITY))


@router.get("/developers/charges")
def show_all(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: ChargeKind = ChargeKind.IMMEDIATE,
    status: ChargeStatus | Literal[""] = "",
    page: PageNumber = 0,
) -> Response:
    """Newest first."""
    context = _list(request, site, account, kind, status or None, page)
    return pages.page(request, "bank/developers/charges.html", context)


@router.get("/developers/charges/live")
def live_list(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: ChargeKind = ChargeKind.IMMEDIATE,
    status: ChargeStatus | Literal[""] = "",
    seen: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The first page again whenever it changes."""

    def look() -> Scene:
        context = _list(request, site, account, kind, status or None, 0)
        return Scene(
            context["version"], lambda: pages.html(request, "bank/developers/charges.html", context, block="live")
        )

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


@router.get("/developers/charges/new")
def ask_new(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """The form of a charge."""
    values = {"kind": ChargeKind.IMMEDIATE.value}
    return _form(request, site, pages, account, values, Faults(), 200)


@router.post("/developers/charges/new")
def create(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: Annotated[ChargeKind, Form()],
    amount: Annotated[str, Form(max_length=100)] = "",
    key: Annotated[str, Form(max_length=200)] = "",
    due_day: Annotated[str, Form(max_length=20)] = "",
    debtor_name: Annotated[str, Form(max_length=400)] = "",
    debtor_tax_id: Annotated[str, Form(max_length=60)] = "",
    message: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Makes the charge and shows it."""
    values = {
        "kind": kind.value,
        "amount": amount,
        "key": key,
        "due_day": due_day,
        "debtor_name": debtor_name,
        "debtor_tax_id": debtor_tax_id,
        "message": message,
    }
    try:
        order = _order(site, account, kind, values)
        charge, _ = site.bank.charges.create(order)
    except SchemeError as error:
        field = error.field if error.field in _FIELDS else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _form(request, site, pages, account, values, faults, 422)
    say_once(request, translatable("Charge created."))
    return see_other(request, f"{TAB}/{charge.kind}/{charge.txid}")


@router.get("/developers/charges/{kind}/{txid}")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer, kind: ChargeKind, txid: Txid) -> Response:
    """Raises ChargeNotFound, also for another merchant's."""
    charge, location = site.bank.charges.find(account.tax_id, txid, kind)
    code = code_of(site, account, location)
    context = _charge(request, site, account, charge) | {
        "code": code,
        "location": "" if location is None else brcode.decode(code).location,
        "picture": draw_qr(code, translate(language_of(request), "Pix QR code")) if code else "",
        "commands": _commands(request, site, charge),
        "stories": STORIES,
    }
    return pages.page(request, "bank/developers/charge.html", context)


@router.get("/developers/charges/{kind}/{txid}/live")
def live(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: ChargeKind,
    txid: Txid,
    seen: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """What happens to the charge, as it happens. Raises ChargeNotFound."""

    def look() -> Scene:
        charge, _ = site.bank.charges.find(account.tax_id, txid, kind)
        context = _charge(request, site, account, charge)
        return Scene(
            context["version"], lambda: pages.html(request, "bank/developers/charge.html", context, block="live")
        )

    look()
    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


@router.get("/developers/charges/{kind}/{txid}/remove")
def ask_to_remove(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, kind: ChargeKind, txid: Txid
) -> Response:
    """Raises ChargeNotFound."""
    charge, _ = site.bank.charges.find(account.tax_id, txid, kind)
    if not charge.is_active:
        return see_other(request, f"{TAB}/{kind}/{txid}")
    context = frame(request, site, account, TAB, charge=charge)
    return pages.page(request, "bank/developers/charge_remove.html", context)


@router.post("/developers/charges/{kind}/{txid}/remove")
def remove(request: Request, site: SiteOf, account: Customer, kind: ChargeKind, txid: Txid) -> Response:
    """Raises ChargeNotFound."""
    try:
        site.bank.charges.change(account.tax_id, txid, kind, ChargeChange(is_removed=True))
    except ChargeNotActive:
        return see_other(request, f"{TAB}/{kind}/{txid}")
    say_once(request, translatable("Charge removed."))
    return see_other(request, f"{TAB}/{kind}/{txid}")


_FIELDS: Final = frozenset({"amount_centavos", "key", "due_day", "debtor.name", "debtor.tax_id", "payer_request"})
"""Of an order, that the form has."""


def _list(
    request: Request, site: Site, account: Account, kind: ChargeKind, status: ChargeStatus | None, page: int
) -> dict[str, Any]:
    now_ms = site.scheme_clock.now_ms()
    narrow = ChargeFilter(account.tax_id, kind, 0, now_ms, status=status)
    _, total = site.bank.charges.list(narrow, 0, 0)
    # The store lists the oldest first, as the API does.
    end = max(total - page * LINES_SHOWN, 0)
    start = max(end - LINES_SHOWN, 0)
    found, _ = site.bank.charges.list(narrow, start, end - start)
    lines = [ChargeLine(charge, state_of(charge, now_ms)) for charge, _ in reversed(found)]
    query = {"kind": kind.value} | ({} if status is None else {"status": status.value})
    return frame(
        request,
        site,
        account,
        TAB,
        kind=kind.value,
        status="" if status is None else status.value,
        page=page,
        lines=lines,
        has_more=start > 0,
        query=urlencode(query),
        version=version_of(tuple(lines)),
    )


def _form(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    values: dict[str, str],
    faults: Faults,
    status: int,
) -> Response:
    context = frame(
        request,
        site,
        account,
        TAB,
        here=f"{TAB}/new",
        keys=site.bank.queries.keys_of(account.number),
        values=Faults(values),
        faults=faults,
    )
    return pages.page(request, "bank/developers/charge_new.html", context, status=status)


def _order(site: Site, account: Account, kind: ChargeKind, values: dict[str, str]) -> ChargeOrder:
    """Raises SchemeError with a field of `_FIELDS`."""
    own = {each.key.key: each.key for each in site.bank.queries.keys_of(account.number)}
    key = own.get(values["key"])
    if key is None:
        raise SchemeError("key", "This key does not pay into your account.")
    try:
        amount_centavos = check_amount(parse_brl(values["amount"]))
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None
    is_cob = kind is ChargeKind.IMMEDIATE
    return ChargeOrder(
        account_number=account.number,
        kind=kind,
        key=key,
        amount_centavos=amount_centavos,
        terms=Immediate(EXPIRY_SECONDS) if is_cob else DueDate(_day(values["due_day"]), DUE_DAYS_AFTER),
        debtor=None if is_cob else Debtor(_tax_id(values["debtor_tax_id"]), values["debtor_name"]),
        payer_request=values["message"],
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SchemeError("due_day", "Choose a day.") from None


def _tax_id(text: str) -> str:
    try:
        return check_tax_id(text)[1]
    except SchemeError as error:
        raise SchemeError("debtor.tax_id", error.rule) from None


def _charge(request: Request, site: Site, account: Account, charge: Charge) -> dict[str, Any]:
    now_ms = site.scheme_clock.now_ms()
    today = day_of(now_ms)
    state = state_of(charge, now_ms)
    payments = _payments(site, charge)
    notices = site.bank.webhooks.queries.notices(NoticeFilter(account.number, txid=charge.txid), None, NOTICES_SHOWN)
    requests = site.bank.api_credentials.requests.list(account.number, search=charge.txid, size=REQUESTS_SHOWN).requests
    terms = charge.terms
    is_cob = isinstance(terms, Immediate)
    shown = (charge, state, payments, notices, requests)
    return frame(
        request,
        site,
        account,
        TAB,
        charge=charge,
        state=state,
        expires_at_ms=charge.created_at_ms + terms.expiry_seconds * SECOND_MS if isinstance(terms, Immediate) else None,
        due_day=None if isinstance(terms, Immediate) else terms.due_day,
        last_day=None if isinstance(terms, Immediate) else last_day_to_pay(terms),
        amount_today=None if is_cob or not charge.is_active else amount_of_day(charge, today).final,
        payments=payments,
        notices=notices,
        requests=requests,
        version=version_of(shown),
    )


def _payments(site: Site, charge: Charge) -> Sequence[ReturnsOfTransfer]:
    """What has paid the charge, or is about to, with what went back of it."""
    found = []
    for end_to_end_id in filter(None, (charge.paid_by, charge.reserved_by)):
        try:
            found.append(site.bank.returns.queries.of_transfer(end_to_end_id, Direction.INCOMING))
        except TransferNotFound:
            continue
    return found


def _commands(request: Request, site: Site, charge: Charge) -> list[tuple[str, str, str]]:
    """Of each: an id for the page, what the command does, and the command."""
    language = language_of(request)
    url = f"{api_url(request, site)}/v2/{charge.kind}/{charge.txid}"
    commands = [("curl-get", translate(language, "Look it up"), curl("GET", url))]
    order = _order_document(charge)
    if order is not None:
        commands.append(("curl-put", translate(language, "Create it"), curl("PUT", url, json.dumps(order))))
    removal = json.dumps({"status": ChargeStatus.REMOVED_BY_PAYEE.value})
    commands.append(("curl-patch", translate(language, "Remove it"), curl("PATCH", url, removal)))
    return commands


def _order_document(charge: Charge) -> dict[str, Any] | None:
    """The body of the API that makes such a charge; None for one with a fine, interest, a rebate or a discount."""
    terms, debtor = charge.terms, charge.debtor
    if isinstance(terms, Immediate):
        calendar: dict[str, Any] = {"expiracao": terms.expiry_seconds}
    elif any((terms.fine, terms.interest, terms.rebate, terms.discount)):
        return None
    else:
        calendar = {
            "dataDeVencimento": terms.due_day.isoformat(),
            "validadeAposVencimento": terms.valid_days_after,
        }
    value = f"{charge.amount_centavos // 100}.{charge.amount_centavos % 100:02d}"
    document: dict[str, Any] = {"calendario": calendar, "valor": {"original": value}, "chave": charge.key.key}
    if debtor is not None:
        document["devedor"] = {"cpf" if len(debtor.tax_id) == 11 else "cnpj": debtor.tax_id, "nome": debtor.name}
    if charge.payer_request:
        document["solicitacaoPagador"] = charge.payer_request
    return document
