"""Returning a received payment, a page a step: how much, confirm; and a return's page and receipt.

As with paying, the idempotency key is made before the confirmation page: confirming it twice returns once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Form, Path, Query, Request, Response

from bank_sim.application.returns.queries import ReturnsOfTransfer
from bank_sim.domain.account import Account
from bank_sim.domain.errors import BankError, InsufficientBalance, TransferNotFound
from bank_sim.domain.flows.returns.model import Return, ReturnStatus
from bank_sim.domain.flows.returns.requests import AmountOverRest, ReturnNotFound
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.receipts import FileKind, send_receipt, show_receipt
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.pages.transfer import bank_name
from bank_sim.entrypoints.http.receipt_view import Receipt, receipt_of_return
from bank_sim.entrypoints.http.return_view import ReturnView, view_return
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme.errors import SchemeError
from pix.scheme.money import check_amount, parse_brl
from pix.scheme.postings import Direction
from pix.scheme.texts import check_description
from pix.web.events import Scene, stream_scenes
from pix.web.formats import brl_plain
from pix.web.htmx import see_other
from pix.web.sessions import TokenRefused, Tokens
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = page_router()

TransferId = Annotated[str, Path(max_length=32)]
ReturnId = Annotated[str, Path(max_length=32)]

_TOKEN_KIND = "return"  # noqa: S105 - no secret
"""Tells the token from that of a payment, which the same key signs."""


@dataclass(frozen=True, slots=True)
class ReturnDraft:
    """A return that only wants to be confirmed."""

    account_number: str
    end_to_end_id: str
    amount_centavos: int
    description: str
    idempotency_key: str

    def as_token(self) -> list[Any]:
        key = self.idempotency_key
        return [_TOKEN_KIND, self.account_number, self.end_to_end_id, self.amount_centavos, self.description, key]


def read_draft(tokens: Tokens, token: str, account_number: str) -> ReturnDraft:
    """The draft that this account has signed. Raises TokenRefused."""
    try:
        kind, owner, end_to_end_id, amount_centavos, description, idempotency_key = tokens.read(token)
    except ValueError:
        raise TokenRefused from None
    if (kind, owner) != (_TOKEN_KIND, account_number):
        raise TokenRefused
    return ReturnDraft(owner, end_to_end_id, amount_centavos, description, idempotency_key)


@router.get("/transfers/{end_to_end_id}/return")
def ask_amount(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: TransferId,
    amount: Annotated[str | None, Query(max_length=100)] = None,
    description: Annotated[str, Query(max_length=2_000)] = "",
) -> Response:
    """Step 1: how much of a received payment goes back. Raises TransferNotFound, also for somebody else's."""
    found = _find(site, account, end_to_end_id)
    if found.left_centavos == 0 or not account.is_active:
        return see_other(request, _transfer_url(end_to_end_id))
    shown = brl_plain(found.left_centavos) if amount is None else amount
    return _step_1(request, pages, account, found, shown, description, Faults())


@router.post("/transfers/{end_to_end_id}/return")
def set_amount(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: TransferId,
    amount: Annotated[str, Form(max_length=100)] = "",
    description: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Makes the order and its idempotency key, and goes on to the confirmation."""
    found = _find(site, account, end_to_end_id)
    try:
        draft = _draft(found, account, amount, description)
    except SchemeError as error:
        field = error.field if error.field in ("amount_centavos", "description") else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _step_1(request, pages, account, found, amount, description, faults, status=422)
    return see_other(request, f"/returns/review?{urlencode({'order': site.orders.sign(draft.as_token())})}")


@router.get("/returns/review")
def review(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, order: Annotated[str, Query(max_length=4_000)]
) -> Response:
    """Step 2: everything once more. Raises TokenRefused."""
    return _step_2(request, site, pages, account, order, Faults())


@router.post("/returns/confirm")
def confirm(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, order: Annotated[str, Form(max_length=4_000)]
) -> Response:
    """Returns, once however often it is sent, and goes on to the return's page."""
    draft = read_draft(site.orders, order, account.number)
    try:
        row = site.bank.returns.request(
            account_number=account.number,
            original_end_to_end_id=draft.end_to_end_id,
            amount_centavos=draft.amount_centavos,
            description=draft.description,
            idempotency_key=draft.idempotency_key,
        )
    except BankError as error:
        faults = Faults(form=sentence_of(error, language_of(request)))
        return _step_2(request, site, pages, account, order, faults, status=422)
    return see_other(request, f"/returns/{row.return_id}?direction=outgoing")


@router.get("/returns/{return_id}")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    return_id: ReturnId,
    direction: Direction = Direction.OUTGOING,
) -> Response:
    """The page of one of the customer's own returns. Raises ReturnNotFound, also for somebody else's."""
    view = _look(request, site, account, return_id, direction)
    return pages.page(request, "bank/return.html", _context(view, account))


@router.get("/returns/{return_id}/live")
def live(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    return_id: ReturnId,
    direction: Direction = Direction.OUTGOING,
    seen: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The page's content again at every step, until the return is at rest."""

    def look() -> Scene:
        view = _look(request, site, account, return_id, direction)

        def render() -> str:
            return pages.html(request, "bank/return.html", _context(view, account), block="live")

        return Scene(view.version, render, is_final=view.is_at_rest)

    look()
    return stream_scenes(request, look, seen=seen)


@router.get("/returns/{return_id}/receipt")
def receipt(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    return_id: ReturnId,
    direction: Direction = Direction.OUTGOING,
) -> Response:
    """The receipt, once the return is final; until then the return's page."""
    view = _look(request, site, account, return_id, direction)
    return show_receipt(request, pages, account, _receipt(request, site, view)) or _back(request, view.row)


@router.get("/returns/{return_id}/receipt.{kind}")
def receipt_file(
    request: Request,
    site: SiteOf,
    account: Customer,
    return_id: ReturnId,
    kind: FileKind,
    direction: Direction = Direction.OUTGOING,
) -> Response:
    """The receipt as a file to keep or to send. Raises PicturesBusy."""
    view = _look(request, site, account, return_id, direction)
    return send_receipt(request, site, _receipt(request, site, view), kind) or _back(request, view.row)


def _receipt(request: Request, site: Site, view: ReturnView) -> Receipt | None:
    if not view.has_receipt:
        return None
    return receipt_of_return(view.row, partial(bank_name, site), language_of(request))


def _back(request: Request, row: Return) -> Response:
    return see_other(request, f"/returns/{row.return_id}?direction={row.direction}")


def _find(site: Site, account: Account, end_to_end_id: str) -> ReturnsOfTransfer:
    found = site.bank.returns.queries.of_transfer(end_to_end_id, Direction.INCOMING)
    if found.original.account_number != account.number or found.original.status != "confirmed":
        raise TransferNotFound
    return found


def _draft(found: ReturnsOfTransfer, account: Account, amount: str, description: str) -> ReturnDraft:
    try:
        amount_centavos = check_amount(parse_brl(amount))
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None
    if amount_centavos > found.left_centavos:
        raise AmountOverRest
    if amount_centavos > account.balance_centavos:
        raise InsufficientBalance
    message = check_description(description)
    return ReturnDraft(account.number, found.original.end_to_end_id, amount_centavos, message, str(uuid4()))


def _look(request: Request, site: Site, account: Account, return_id: str, direction: Direction) -> ReturnView:
    row = site.bank.returns.queries.find(return_id, direction)
    if row.account_number != account.number:
        raise ReturnNotFound
    if direction is Direction.INCOMING and row.status is not ReturnStatus.CONFIRMED:
        # The customer is told of money when it is in the account; before the hub's decision it may still fail.
        raise ReturnNotFound
    return view_return(row, site.scheme_clock.now_ms(), language_of(request))


def _context(view: ReturnView, account: Account) -> Mapping[str, Any]:
    return {
        "account": account,
        "row": view.row,
        "verdict": view.verdict,
        "steps": view.steps,
        "why_returned": view.why_returned,
        "version": view.version,
        "is_at_rest": view.is_at_rest,
        "has_receipt": view.has_receipt,
    }


def _step_1(
    request: Request,
    pages: Pages,
    account: Account,
    found: ReturnsOfTransfer,
    amount: str,
    description: str,
    faults: Faults,
    *,
    status: int = 200,
) -> Response:
    original = found.original
    text = {"amount": amount, "description": description} if faults else {}
    context = {
        "account": account,
        "here": f"/transfers/{original.end_to_end_id}/return?{urlencode(text, errors='replace')}",
        "original": original,
        "found": found,
        "values": {"amount": amount, "description": description},
        "faults": faults,
    }
    return pages.page(request, "bank/return_amount.html", context, status=status)


def _step_2(
    request: Request, site: Site, pages: Pages, account: Account, token: str, faults: Faults, *, status: int = 200
) -> Response:
    draft = read_draft(site.orders, token, account.number)
    found = _find(site, account, draft.end_to_end_id)
    query = urlencode({"amount": brl_plain(draft.amount_centavos), "description": draft.description})
    context = {
        "account": account,
        "here": f"/returns/review?{urlencode({'order': token})}",
        "draft": draft,
        "original": found.original,
        "order_token": token,
        "made": site.bank.returns.queries.find_of_order(account.number, draft.idempotency_key),
        "back": f"/transfers/{draft.end_to_end_id}/return?{query}",
        "faults": faults,
    }
    return pages.page(request, "bank/return_review.html", context, status=status)


def _transfer_url(end_to_end_id: str) -> str:
    return f"/transfers/{end_to_end_id}?direction=incoming"
