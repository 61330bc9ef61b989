"""Receiving: an amount and its QR code, as a picture to keep and as text to send, and joy when the money comes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from bank_sim.application.views import StatementDirection, StatementFilter
from bank_sim.domain.account import AccountKey
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.home import note_seen
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.qr import draw_qr, png_of_qr
from bank_sim.entrypoints.http.site import Customer, Faults, SiteOf
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.money import check_amount, parse_brl
from pix.scheme.postings import PostingKind
from pix.scheme.searching import fold
from pix.web.events import Scene, stream_scenes
from pix.web.formats import brl_plain
from pix.web.htmx import asks_for_fragment, see_other
from pix.web.languages import translate
from pix.web.site import PagesOf
from pix.web.templates import language_of

CITY: Final = "Sao Paulo"
"""The accounts of the simulator have no address; EMV wants a city."""
ARRIVALS_SHOWN_MAX: Final = 3

_NOT_IN_FILE_NAMES: Final = re.compile(r"[^a-z0-9@.,+_-]+")

router = page_router()

KeyText = Annotated[str, Query(max_length=200)]
AmountText = Annotated[str, Query(max_length=100)]
MessageText = Annotated[str, Query(max_length=200)]
TxidText = Annotated[str, Query(max_length=100)]


@router.get("/receive")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    key: KeyText = "",
    amount: AmountText = "",
    message: MessageText = "",
    txid: TxidText = "",
) -> Response:
    """The form and its code; the code alone for a script that follows the form."""
    keys = site.bank.queries.keys_of(account.number)
    chosen = next((own for own in keys if own.key.key == key), keys[0] if keys else None)
    newest = site.bank.queries.statement(account.number, size=1).lines
    context: dict[str, Any] = {
        "account": account,
        "section": "/receive",
        "is_unknown_key": bool(key) and chosen is not None and chosen.key.key != key,
        "keys": keys,
        "chosen": chosen,
        "values": {"amount": amount, "message": message, "txid": txid.strip()},
        "seen": newest[0].posting_id if newest else 0,
        "code": "",
        "picture_query": "",
        "faults": Faults(),
        "arrived": (),
    }
    if chosen and account.is_active:
        try:
            context |= _code(chosen, account.holder_name, amount, message, txid.strip())
            if context["amount_centavos"] is not None:
                context["values"]["amount"] = brl_plain(context["amount_centavos"])
        except SchemeError as error:
            context["faults"] = Faults({error.field: sentence_of(error, language_of(request))})
    if context["code"]:
        context["picture"] = draw_qr(context["code"], translate(language_of(request), "Pix QR code"))
        said = {"key": chosen.key.key if chosen else "", **context["values"]}
        context["picture_query"] = urlencode({name: value for name, value in said.items() if value})
    if asks_for_fragment(request) and chosen:
        # Half of what will be typed is no fault: the part has its sentence, and is shown.
        return pages.page(request, "bank/receive.html", context, block="code")
    return pages.page(request, "bank/receive.html", context, status=422 if context["faults"] else 200)


@router.get("/receive/code.png")
def picture(
    request: Request,
    site: SiteOf,
    account: Customer,
    key: KeyText = "",
    amount: AmountText = "",
    message: MessageText = "",
    txid: TxidText = "",
) -> Response:
    """The QR code as a picture to keep; back to the form, which says why, where there is none."""
    own = next((each for each in site.bank.queries.keys_of(account.number) if each.key.key == key), None)
    try:
        account.check_may_act()
        drawn = None if own is None else _code(own, account.holder_name, amount, message, txid.strip())
    except SchemeError:
        drawn = None
    if own is None or drawn is None:
        return see_other(request, f"/receive?{request.url.query}")
    shown = [] if drawn["amount_centavos"] is None else [brl_plain(drawn["amount_centavos"])]
    name = file_name("pix", site.bank.identity.name, own.key.key, *shown)
    headers = {"Content-Disposition": f'attachment; filename="{name}.png"'}
    return Response(png_of_qr(drawn["code"]), media_type="image/png", headers=headers)


def file_name(*parts: str) -> str:
    """A name without its ending for a file to keep: plain letters, digits and signs that every system takes."""
    return "-".join(_NOT_IN_FILE_NAMES.sub("-", fold(part)).strip("-.") for part in parts)


@router.get("/receive/live")
def live(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, seen: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The money that has arrived since the page was opened."""
    incoming = StatementFilter(direction=StatementDirection.IN)

    def look() -> Scene:
        lines = site.bank.queries.statement(account.number, incoming, size=ARRIVALS_SHOWN_MAX).lines
        new = [line for line in lines if line.posting_id > seen and line.kind is PostingKind.CREDIT]

        def render() -> str:
            note_seen(site, account.number, new)
            return pages.html(request, "bank/receive.html", {"account": account, "arrived": new}, block="live")

        return Scene(new[0].posting_id if new else 0, render)

    return stream_scenes(request, look, seen=0)


def _code(own: AccountKey, holder_name: str, amount: str, message: str, txid: str) -> dict[str, Any]:
    """The copy-and-paste text. Raises SchemeError(field="amount" | "message" | "txid" | "holder_name")."""
    amount_centavos = check_amount(parse_brl(amount), "amount") if amount.strip() else None
    plain = brcode.BRCode(
        key=own.key.key, merchant_name=holder_name, merchant_city=CITY, amount_centavos=amount_centavos
    )
    text = _encoded(plain, "holder_name")
    if txid:
        plain = replace(plain, txid=check_txid(txid, Initiation.QRES))
        text = _encoded(plain, "txid")
    if message.strip():
        text = _encoded(replace(plain, information=message.strip()), "message")
    return {"code": text, "amount_centavos": amount_centavos, "message_max": brcode.information_length_max(own.key.key)}


def _encoded(code: brcode.BRCode, field: str) -> str:
    """The text of a code in which nothing but this field can be wrong. Raises SchemeError(field)."""
    try:
        return brcode.encode(code)
    except SchemeError as error:
        raise SchemeError(field, error.rule) from None
