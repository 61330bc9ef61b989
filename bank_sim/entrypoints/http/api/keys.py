"""Keys of accounts, and who is paid by a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from bank_sim.entrypoints.http.api.documents import AccountKey, AccountKeys, Payee, RegisterKeyRequest
from bank_sim.entrypoints.http.api.routing import AccountNumber, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.keys import KeyKind, parse_stored_key

router = api_router("keys")

KeyText = Annotated[str, Path(max_length=400, description="The key in stored form.")]


@router.get("/accounts/{number}/keys")
def list_keys(site: SiteOf, number: AccountNumber) -> AccountKeys:
    """The account's keys."""
    return AccountKeys(keys=[AccountKey.of(entry) for entry in site.bank.queries.keys_of(number)])


@router.post("/accounts/{number}/keys", status_code=201)
def register_key(site: SiteOf, number: AccountNumber, body: RegisterKeyRequest) -> AccountKey:
    """Registers a key at the hub. A repetition changes nothing, but each call with EVP creates another random key."""
    return AccountKey.of(site.bank.register_key(account_number=number, kind=body.kind, key=body.key))


@router.delete("/accounts/{number}/keys/{kind}/{key:path}", status_code=204, response_class=Response)
def remove_key(site: SiteOf, number: AccountNumber, kind: KeyKind, key: KeyText) -> Response:
    """Removes a key at the hub and at this bank."""
    site.bank.remove_key(account_number=number, key=parse_stored_key(key, kind))
    return Response(status_code=204)


@router.get("/payees/{kind}/{key:path}")
def find_payee(site: SiteOf, kind: KeyKind, key: KeyText) -> Payee:
    """The owner of a key, from the hub: name, bank and masked tax id."""
    return Payee.of(site.bank.find_payee(key=parse_stored_key(key, kind)))
