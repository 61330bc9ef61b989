"""The endpoints by which an examiner makes the bank act."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Response

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.errors import KeyNotFound
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.entrypoints.http.contract.documents import (
    AccountDocument,
    KeyDocument,
    KeyOrder,
    OpenAccountOrder,
    ReturnOrder,
    StatusOrder,
    TransferDocument,
    TransferOrder,
)
from bank_sim.entrypoints.http.contract.routing import contract_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.keys import parse_stored_key
from pix.scheme.postings import Direction

PIN: Final = "1234"
"""Of every account that is opened here: an examiner signs in nowhere."""

router = contract_router()

Number = Annotated[str, Path(max_length=20)]


@router.post("/accounts", status_code=201)
def open_account(site: SiteOf, body: OpenAccountOrder) -> AccountDocument:
    """Opens an account, and books the opening balance as a deposit."""
    account = site.bank.open_account(
        name=body.owner_name,
        tax_id=body.owner_document,
        opening_deposit_centavos=body.opening_balance_centavos,
        pin=PIN,
    )
    return AccountDocument.of(account)


@router.put("/accounts/{number}/status")
def change_status(site: SiteOf, number: Number, body: StatusOrder) -> AccountDocument:
    """Blocks, opens or closes an account."""
    match body.status:
        case "open":
            account = site.bank.unblock_account(account_number=number)
        case "blocked":
            account = site.bank.block_account(account_number=number)
        case "closed":
            account = site.bank.queries.find_account(number)
            if account.status is AccountStatus.BLOCKED:
                site.bank.unblock_account(account_number=number)
            account = site.bank.close_account(account_number=number)
    return AccountDocument.of(account)


@router.post("/keys", status_code=201)
def register_key(site: SiteOf, body: KeyOrder) -> KeyDocument:
    """Registers a key at the hub."""
    registered = site.bank.register_key(account_number=body.account, kind=body.kind, key=body.value)
    return KeyDocument(kind=registered.key.kind, value=registered.key.key)


@router.delete("/keys/{value:path}", status_code=204, response_class=Response)
def remove_key(site: SiteOf, value: Annotated[str, Path(max_length=400)]) -> Response:
    """Removes a key of this bank at the hub."""
    key = parse_stored_key(value)
    owner = site.bank.queries.owner_of_key(key)
    if owner is None:
        raise KeyNotFound
    site.bank.remove_key(account_number=owner, key=key)
    return Response(status_code=204)


@router.post("/transfers", status_code=201)
def request_transfer(site: SiteOf, body: TransferOrder, response: Response) -> TransferDocument:
    """Looks the key up, debits, and asks the hub. A repeated order needs no look-up: 200 with its transfer."""
    key = parse_stored_key(body.key)
    earlier = site.bank.queries.find_transfer_of_order(body.account, body.idempotency_key)
    shown = _shown(earlier)
    if earlier is None:
        payee = site.bank.find_payee(key=key)
        shown = (payee.tax_id_masked, payee.name, payee.bank_name)
    transfer = site.bank.request_transfer(
        account_number=body.account,
        payee_key=key,
        amount_centavos=body.amount_centavos,
        description=body.description,
        idempotency_key=body.idempotency_key,
        payee_tax_id_masked=shown[0],
        payee_name=shown[1],
        payee_bank_name=shown[2],
    )
    if earlier is not None:
        response.status_code = 200
    return TransferDocument.of(transfer)


def _shown(transfer: Transfer | None) -> tuple[str, str, str]:
    if transfer is None:
        return "", "", ""
    return transfer.payee_tax_id_masked, transfer.payee_name, transfer.payee_bank_name


@router.post("/returns", status_code=201)
def request_return(site: SiteOf, body: ReturnOrder, response: Response) -> TransferDocument:
    """Gives money of a received payment back."""
    original = site.bank.queries.find_transfer(body.transfer_id, Direction.INCOMING)
    earlier = site.bank.returns.queries.find_of_order(original.account_number, body.idempotency_key)
    made = site.bank.returns.request(
        account_number=original.account_number,
        original_end_to_end_id=body.transfer_id,
        amount_centavos=body.amount_centavos,
        description="",
        idempotency_key=body.idempotency_key,
        reason=body.reason,
    )
    if earlier is not None:
        response.status_code = 200
    return TransferDocument.of(made)
