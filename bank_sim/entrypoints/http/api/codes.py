"""Pix codes: writing a static one, and what a code asks for."""

from __future__ import annotations

from bank_sim.domain.errors import KeyNotFound
from bank_sim.entrypoints.http.api.documents import CodeDocument, ReadCodeRequest, WriteCodeRequest, WrittenCode
from bank_sim.entrypoints.http.api.routing import AccountNumber, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.keys import parse_stored_key
from pix.scheme.money import check_amount
from pix.scheme.texts import check_description

router = api_router("codes")


@router.post("/accounts/{number}/codes")
def write_code(site: SiteOf, number: AccountNumber, body: WriteCodeRequest) -> WrittenCode:
    """Writes a static Pix code for a key of the account. Nothing is stored."""
    account = site.bank.queries.find_account(number)
    key = parse_stored_key(body.key.key, body.key.kind)
    if all(own.key != key for own in site.bank.queries.keys_of(number)):
        raise KeyNotFound
    message = check_description(body.message)
    if len(message) > brcode.information_length_max(key.key):
        raise SchemeError("message", "The message is too long. Shorten it.")
    code = brcode.BRCode(
        key=key.key,
        merchant_name=account.holder_name,
        merchant_city=brcode.CITY_OF_ANY_PAYEE,
        amount_centavos=None if body.amount_centavos is None else check_amount(body.amount_centavos),
        information=message or None,
        txid=check_txid(body.txid, Initiation.QRES) or None,
    )
    return WrittenCode(brcode=brcode.encode(code))


@router.post("/codes/read")
def read_code(site: SiteOf, body: ReadCodeRequest) -> CodeDocument:
    """What a code asks for. The charge of a dynamic one is fetched from the payee's bank, and its signature checked."""
    return CodeDocument.of(site.bank.payable_codes.read(body.brcode, body.day))
