"""A transfer's page, which moves by itself until the transfer is at rest, and its receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import Form, Path, Query, Request, Response

from bank_sim.application.returns.queries import ReturnsOfTransfer
from bank_sim.domain.account import Account
from bank_sim.domain.customer_app.contacts import TooManyFavourites, contact_of
from bank_sim.domain.errors import TransferNotFound
from bank_sim.domain.flows.returns.model import ReturnStatus
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.entrypoints.http.pages.receipts import FileKind, send_receipt, show_receipt
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.receipt_view import Receipt, receipt_of_transfer
from bank_sim.entrypoints.http.site import Customer, Site, SiteOf
from bank_sim.entrypoints.http.transfer_view import TransferView, view_transfer
from pix.scheme.messages import Party
from pix.scheme.postings import Direction
from pix.web.events import Scene, stream_scenes
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import language_of

router = page_router()

TransferId = Annotated[str, Path(max_length=32)]


@router.get("/transfers/{end_to_end_id}")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: TransferId,
    direction: Direction = Direction.OUTGOING,
) -> Response:
    view = _look(request, site, account, end_to_end_id, direction)
    return pages.page(request, "bank/transfer.html", _context(site, view, account))


@router.get("/transfers/{end_to_end_id}/live")
def live(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: TransferId,
    direction: Direction = Direction.OUTGOING,
    seen: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The page's content again at every step, until the transfer is at rest."""

    def look() -> Scene:
        view = _look(request, site, account, end_to_end_id, direction)

        def render() -> str:
            return pages.html(request, "bank/transfer.html", _context(site, view, account), block="live")

        return Scene(view.version, render, is_final=view.is_at_rest)

    look()
    return stream_scenes(request, look, seen=seen)


@router.get("/transfers/{end_to_end_id}/receipt")
def receipt(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    end_to_end_id: TransferId,
    direction: Direction = Direction.OUTGOING,
) -> Response:
    """The receipt, once the payment is final; until then the transfer's page."""
    view = _look(request, site, account, end_to_end_id, direction)
    return show_receipt(request, pages, account, _receipt(request, site, view)) or _back(request, view.transfer)


@router.get("/transfers/{end_to_end_id}/receipt.{kind}")
def receipt_file(
    request: Request,
    site: SiteOf,
    account: Customer,
    end_to_end_id: TransferId,
    kind: FileKind,
    direction: Direction = Direction.OUTGOING,
) -> Response:
    """The receipt as a file to keep or to send. Raises PicturesBusy."""
    view = _look(request, site, account, end_to_end_id, direction)
    return send_receipt(request, site, _receipt(request, site, view), kind) or _back(request, view.transfer)


@router.post("/favorites")
def keep_favourite(
    request: Request,
    site: SiteOf,
    account: Customer,
    end_to_end_id: Annotated[str, Form(max_length=32)] = "",
    keep: Annotated[str, Form(max_length=3)] = "yes",
) -> Response:
    """Makes the payee of a payment a favourite, or none any more. Raises TransferNotFound."""
    contacts = site.bank.customer_app.contacts
    if keep == "yes":
        try:
            kept = contacts.keep(account_number=account.number, end_to_end_id=end_to_end_id)
        except TooManyFavourites as error:
            say_once(request, error.rule, "wait")
        else:
            say_once(request, translatable("%(name)s is a favorite now."), name=kept.name)
    else:
        transfer = site.bank.queries.find_transfer(end_to_end_id, Direction.OUTGOING)
        dropped = contact_of(transfer) if transfer.account_number == account.number else None
        if dropped is None:
            raise TransferNotFound
        contacts.drop(account_number=account.number, contact_id=dropped.contact_id)
        say_once(request, translatable("%(name)s is no favorite any more."), name=dropped.name)
    return see_other(request, f"/transfers/{end_to_end_id}?direction=outgoing")


def _look(request: Request, site: Site, account: Account, end_to_end_id: str, direction: Direction) -> TransferView:
    transfer = site.bank.queries.find_transfer(end_to_end_id, direction)
    if transfer.account_number != account.number:
        raise TransferNotFound
    if direction is Direction.INCOMING and transfer.status is not TransferStatus.CONFIRMED:
        # The payee is told of money when it is in the account; before the hub's decision it may still fail.
        raise TransferNotFound
    return view_transfer(transfer, site.scheme_clock.now_ms(), language_of(request))


def _context(site: Site, view: TransferView, account: Account) -> Mapping[str, Any]:
    return {
        "account": account,
        "transfer": view.transfer,
        "stage": view.stage,
        "verdict": view.verdict,
        "steps": view.steps,
        "version": view.version,
        "is_at_rest": view.is_at_rest,
        "has_receipt": view.has_receipt,
        "may_help_again": view.may_help_again,
        "found": _returns_of(site, view),
        "is_favourite": view.transfer.direction is Direction.OUTGOING
        and site.bank.customer_app.contacts.is_favourite(account.number, view.transfer),
    }


def _returns_of(site: Site, view: TransferView) -> ReturnsOfTransfer | None:
    """The returns of a payment that was made; its payer sees those that have arrived."""
    if not view.has_receipt:
        return None
    transfer = view.transfer
    found = site.bank.returns.queries.of_transfer(transfer.end_to_end_id, transfer.direction)
    if transfer.direction is Direction.INCOMING:
        return found
    return replace(found, returns=tuple(row for row in found.returns if row.status is ReturnStatus.CONFIRMED))


def _receipt(request: Request, site: Site, view: TransferView) -> Receipt | None:
    if not view.has_receipt:
        return None
    transfer = view.transfer
    payee = transfer.payee or _payee_as_shown(transfer)
    return receipt_of_transfer(transfer, payee, _returns_of(site, view), partial(bank_name, site), language_of(request))


def _back(request: Request, transfer: Transfer) -> Response:
    return see_other(request, f"/transfers/{transfer.end_to_end_id}?direction={transfer.direction}")


def _payee_as_shown(transfer: Transfer) -> Party:
    unknown = replace(transfer.payer, ispb="", branch="", account_number="")
    return replace(unknown, name=transfer.payee_name, tax_id_masked=transfer.payee_tax_id_masked)


def bank_name(site: Site, ispb: str) -> str:
    """The name of a bank with its code; its ISPB when the network has not told the name."""
    identity = site.bank.identity
    if ispb == identity.ispb:
        return f"{identity.name} ({identity.code})"
    participant = site.bank.queries.participants().get(ispb)
    return f"{participant.name} ({participant.code})" if participant else ispb
