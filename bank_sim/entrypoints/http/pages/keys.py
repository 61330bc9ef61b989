"""A customer's keys: the list, registering one, and removing one with a question in between."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Query, Request, Response

from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountBlocked, AccountClosed, HubUnavailable, KeyNotFound
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey, keys_per_account_max, parse_stored_key
from pix.scheme.people import HolderKind
from pix.web.formats import pix_key, tax_id
from pix.web.htmx import see_other
from pix.web.languages import translate
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = page_router()


@router.get("/keys")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    return _page(request, site, pages, account, {"kind": "", "key": ""}, Faults(), 200)


@router.post("/keys")
def register(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: Annotated[KeyKind, Form()],
    key: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Registers a key at the hub; one's own CPF or CNPJ needs no typing, and a random key is the hub's to make."""
    text = {KeyKind.CPF: account.tax_id, KeyKind.CNPJ: account.tax_id, KeyKind.EVP: ""}.get(kind, key)
    try:
        registered = site.bank.register_key(account_number=account.number, kind=kind, key=text)
    except SchemeError as error:
        at_key = error.field == "key" and kind in (KeyKind.PHONE, KeyKind.EMAIL)
        faults = Faults({"key" if at_key else "form": sentence_of(error, language_of(request))})
        status = 503 if isinstance(error, HubUnavailable) else 422
        return _page(request, site, pages, account, {"kind": kind, "key": key}, faults, status)
    say_once(request, translatable("Key %(key)s registered."), key=pix_key(registered.key.key, kind))
    return see_other(request, "/keys")


@router.get("/keys/remove")
def ask_to_remove(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: KeyKind,
    key: Annotated[str, Query(max_length=200)],
) -> Response:
    own = _own_key(site, account, kind, key)
    return pages.page(request, "bank/key_remove.html", {"account": account, "section": "/keys", "key": own})


@router.post("/keys/remove")
def remove(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    kind: Annotated[KeyKind, Form()],
    key: Annotated[str, Form(max_length=200)],
) -> Response:
    own = parse_stored_key(key, kind)
    try:
        site.bank.remove_key(account_number=account.number, key=own)
    except KeyNotFound:
        return see_other(request, "/keys")
    except (HubUnavailable, AccountBlocked, AccountClosed) as error:
        faults = Faults(form=sentence_of(error, language_of(request)))
        here = f"/keys/remove?{urlencode({'kind': own.kind.value, 'key': own.key})}"
        context = {"account": account, "section": "/keys", "here": here, "key": own, "faults": faults}
        return pages.page(request, "bank/key_remove.html", context, status=503)
    say_once(request, translatable("Key %(key)s removed."), key=pix_key(own.key, kind))
    return see_other(request, "/keys")


def _own_key(site: Site, account: Account, kind: KeyKind, text: str) -> PixKey:
    wanted = parse_stored_key(text, kind)
    for own in site.bank.queries.keys_of(account.number):
        if own.key == wanted:
            return own.key
    raise KeyNotFound


def _page(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    values: dict[str, str],
    faults: Faults,
    status: int,
) -> Response:
    keys = site.bank.queries.keys_of(account.number)
    language = language_of(request)
    tax_kind = KeyKind.CPF if account.holder_kind is HolderKind.PERSON else KeyKind.CNPJ
    own_kinds = [
        (KeyKind.EVP, translate(language, "Generated for you, shares no personal data")),
        (tax_kind, tax_id(account.tax_id)),
        (KeyKind.PHONE, "(11) 98765-4321"),
        (KeyKind.EMAIL, translate(language, "you@example.com")),
    ]
    has_tax_key = any(own.key.kind is tax_kind for own in keys)
    context = {
        "account": account,
        "section": "/keys",
        "keys": keys,
        "keys_max": keys_per_account_max(account.holder_kind),
        "own_kinds": [pair for pair in own_kinds if not (has_tax_key and pair[0] is tax_kind)],
        "values": values,
        "faults": faults,
    }
    return pages.page(request, "bank/keys.html", context, status=status)
