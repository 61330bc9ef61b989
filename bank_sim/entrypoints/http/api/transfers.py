"""Transfers: asking for one, and looking at this bank's sides of them."""

from __future__ import annotations

from typing import Annotated, Final, Required, TypedDict

from fastapi import Header, Path, Query, Response
from fastapi.exceptions import RequestValidationError

from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.errors import TransferNotFound
from bank_sim.domain.flows.transfer.model import NAME, TransferStatus
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from bank_sim.entrypoints.http.api.documents import (
    END_TO_END_ID_EXAMPLE,
    RequestTransferRequest,
    TransferDocument,
    TransferPage,
    TransferWithArchive,
)
from bank_sim.entrypoints.http.api.routing import PREFIX, AccountNumber, Cursor, PageSize, api_router
from bank_sim.entrypoints.http.site import Site, SiteOf
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, static_txid
from pix.scheme.keys import PixKey, parse_stored_key
from pix.scheme.messages import Party
from pix.scheme.postings import Direction
from pix.scheme.texts import check_description
from pix.web.problems import ProblemKind, ProblemTable

router = api_router("transfers")

PROBLEMS: Final[ProblemTable] = {
    TransferNotFound: ProblemKind("transfer-not-found", 404, "The transfer does not exist"),
}
"""The errors of the flow alone."""


class _PayeeOfOrder(TypedDict, total=False):
    """Whom an order pays, and by what."""

    payee_key: Required[PixKey | None]
    description: Required[str]
    payee_tax_id_masked: Required[str]
    payee_name: str
    payee_bank_name: str
    payee: Party | None
    initiation: Initiation
    txid: str


@router.post("/accounts/{number}/transfers", status_code=201)
def request_transfer(
    site: SiteOf,
    number: AccountNumber,
    body: RequestTransferRequest,
    response: Response,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=IDEMPOTENCY_KEY_LENGTH_MAX,
            description="A unique value you choose per payment. The same key again returns the same transfer.",
            examples=["b5f1c9e0-6a35-4d7c-8f0e-1d2c3b4a5968"],
        ),
    ],
) -> TransferDocument:
    """Requests a transfer. The bank debits the customer at once. The transfer is `pending` until the hub decides."""
    transfer = site.bank.request_transfer(
        account_number=number,
        amount_centavos=body.amount_centavos,
        idempotency_key=idempotency_key,
        **_payee_of(site, body, (number, idempotency_key)),
    )
    response.headers["Location"] = f"{PREFIX}/transfers/{transfer.end_to_end_id}?direction=outgoing"
    return TransferDocument.of(transfer)


def _payee_of(site: Site, body: RequestTransferRequest, order_key: tuple[str, str]) -> _PayeeOfOrder:
    if [bool(body.payee_key), bool(body.payee), bool(body.brcode)].count(True) != 1:
        rule = "Give exactly one of payee_key, payee and brcode."
        raise RequestValidationError([{"type": "value_error", "loc": ("body", "payee_key"), "msg": rule}])
    order = _PayeeOfOrder(
        payee_key=None,
        description=body.description,
        payee_tax_id_masked=body.payee_tax_id_masked,
        payee_name=body.payee_name,
        payee_bank_name=body.payee_bank_name,
        initiation=body.initiation or Initiation.DICT,
        txid=body.txid,
    )
    if body.payee_key is not None:
        order["payee_key"] = parse_stored_key(body.payee_key.key, body.payee_key.kind)
    elif body.payee is not None:
        payee = site.bank.read_typed_payee(**body.payee.model_dump())
        order["payee"] = payee.typed
        order["payee_tax_id_masked"] = payee.tax_id_masked
        order["payee_name"] = payee.name
        order["payee_bank_name"] = payee.bank_name
        order["initiation"] = body.initiation or Initiation.MANU
    else:
        code = brcode.decode(body.brcode)
        if code.location is not None:
            return order | _payee_of_dynamic(site, body, order_key)
        message = check_description(code.information or "")
        if code.amount_centavos not in (None, body.amount_centavos):
            raise SchemeError("amount_centavos", "The code sets the amount. You can't change it.")
        if message and check_description(body.description) not in ("", message):
            raise SchemeError("description", "The code sets the message. You can't change it.")
        order["payee_key"] = parse_stored_key(code.key)
        order["description"] = message or body.description
        order["initiation"] = body.initiation or Initiation.QRES
        order["txid"] = body.txid or static_txid(code.txid)
    return order


def _payee_of_dynamic(site: Site, body: RequestTransferRequest, order_key: tuple[str, str]) -> _PayeeOfOrder:
    """What the payee's bank says of the code. A repeated order finds its transfer though the charge is paid by now."""
    earlier = site.bank.queries.find_transfer_of_order(*order_key)
    is_repeated = earlier is not None and earlier.initiation is Initiation.QRDN
    try:
        code = site.bank.payable_codes.read(body.brcode)
    except SchemeError:
        if earlier is None or not is_repeated:
            raise
        return _PayeeOfOrder(
            payee_key=earlier.payee_key,
            description=body.description,
            payee_tax_id_masked=body.payee_tax_id_masked,
            initiation=Initiation.QRDN,
            txid=earlier.txid,
        )
    if not is_repeated and not code.payer_may_change_amount and code.amount_centavos != body.amount_centavos:
        raise SchemeError("amount_centavos", "The code sets the amount. You can't change it.")
    return _PayeeOfOrder(
        payee_key=code.key,
        description=body.description,
        payee_tax_id_masked=body.payee_tax_id_masked or code.payee.tax_id_masked,
        payee_name=body.payee_name or code.payee.name,
        payee_bank_name=body.payee_bank_name or code.payee.bank_name,
        initiation=Initiation.QRDN,
        txid=code.txid,
    )


@router.get("/transfers")
def list_transfers(
    site: SiteOf,
    direction: Direction | None = None,
    status: TransferStatus | None = None,
    account_number: Annotated[str, Query(max_length=20)] = "",
    undecided: bool = False,
    search: Annotated[str, Query(max_length=80)] = "",
    newest_first: bool = False,
    after: Cursor = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
) -> TransferPage:
    """This bank's sides of transfers by request time, oldest first unless `newest_first` is set."""
    page = site.bank.queries.list_transfers(
        direction=direction,
        status=status,
        account_number=account_number,
        undecided=undecided,
        search=search,
        after=after,
        size=size,
        newest_first=newest_first,
    )
    return TransferPage.of(page)


@router.get("/transfers/{end_to_end_id}")
def find_transfer(
    site: SiteOf,
    end_to_end_id: Annotated[str, Path(max_length=32, examples=[END_TO_END_ID_EXAMPLE])],
    direction: Direction = Direction.OUTGOING,
) -> TransferWithArchive:
    """One side of a transfer; a bank may have both."""
    document = TransferWithArchive.of(site.bank.queries.find_transfer(end_to_end_id, direction))
    document.archived_at_ms = site.bank.histories.archived_at_ms(NAME, end_to_end_id, direction.value)
    return document
