"""Transfers: asking for one, and looking at this bank's sides of them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Header, Path, Query, Response

from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.errors import TransferNotFound
from bank_sim.domain.flows.transfer.model import TransferStatus
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from bank_sim.entrypoints.http.api.documents import (
    END_TO_END_ID_EXAMPLE,
    RequestTransferRequest,
    TransferDocument,
    TransferPage,
)
from bank_sim.entrypoints.http.api.routing import PREFIX, AccountNumber, Cursor, PageSize, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.keys import parse_stored_key
from pix.scheme.postings import Direction
from pix.web.problems import ProblemKind, ProblemTable

router = api_router("transfers")

PROBLEMS: Final[ProblemTable] = {
    TransferNotFound: ProblemKind("transfer-not-found", 404, "The transfer does not exist"),
}
"""The errors of the flow alone."""


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
        payee_key=parse_stored_key(body.payee_key.key, body.payee_key.kind),
        amount_centavos=body.amount_centavos,
        description=body.description,
        idempotency_key=idempotency_key,
        payee_tax_id_masked=body.payee_tax_id_masked,
        payee_name=body.payee_name,
        payee_bank_name=body.payee_bank_name,
    )
    response.headers["Location"] = f"{PREFIX}/transfers/{transfer.end_to_end_id}?direction=outgoing"
    return TransferDocument.of(transfer)


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
) -> TransferDocument:
    """One side of a transfer; a bank may have both."""
    return TransferDocument.of(site.bank.queries.find_transfer(end_to_end_id, direction))
