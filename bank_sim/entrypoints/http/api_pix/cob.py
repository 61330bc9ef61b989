"""`/cob`: immediate charges."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from bank_sim.application.charges.ports import ChargeFilter
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.entrypoints.http.api_pix.access import ApiOf, Merchant, merchant
from bank_sim.entrypoints.http.api_pix.charges import (
    HasLocation,
    NewTxid,
    Revision,
    Status,
    Txid,
    find,
    list_of,
    writer_of,
)
from bank_sim.entrypoints.http.api_pix.documents.reading import CobBody, CobChange
from bank_sim.entrypoints.http.api_pix.documents.refusals import refusals_of
from bank_sim.entrypoints.http.api_pix.paging import PagingOf, PeriodOf, TaxIdOf

RESOURCE = "cob"

router = APIRouter(prefix="/cob")

Reader = Annotated[Merchant, Depends(merchant("cob.read"))]
Writer = Annotated[Merchant, Depends(merchant("cob.write"))]


@router.put("/{txid}", status_code=201)
def put_charge(api: ApiOf, asking: Writer, txid: NewTxid, body: CobBody) -> dict[str, Any]:
    """Creates a charge, or replaces an active one."""
    return _create(api, asking, body, txid)


@router.post("", status_code=201)
def post_charge(api: ApiOf, asking: Writer, body: CobBody) -> dict[str, Any]:
    """Creates a charge with a txid of the bank."""
    return _create(api, asking, body, "")


@router.patch("/{txid}")
def patch_charge(api: ApiOf, asking: Writer, txid: Txid, body: CobChange) -> dict[str, Any]:
    """Changes an active charge, or removes it."""
    with refusals_of(RESOURCE):
        changed = api.bank.charges.change(asking.tax_id, txid, ChargeKind.IMMEDIATE, body.change())
    return writer_of(api).document(*changed)


@router.get("/{txid}")
def get_charge(api: ApiOf, asking: Reader, txid: Txid, revision: Revision = None) -> dict[str, Any]:
    """One charge with the Pix that paid it."""
    return find(api, asking, ChargeKind.IMMEDIATE, txid, revision)


@router.get("")
def list_charges(
    api: ApiOf,
    asking: Reader,
    period: PeriodOf,
    debtor: TaxIdOf,
    page: PagingOf,
    has_location: HasLocation = None,
    status: Status = None,
) -> dict[str, Any]:
    """The charges that were created in a period, oldest first."""
    narrow = ChargeFilter(
        tax_id=asking.tax_id,
        kind=ChargeKind.IMMEDIATE,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        debtor_tax_id=debtor,
        has_location=has_location,
        status=status,
    )
    return list_of(api, narrow, period, page)


def _create(api: ApiOf, asking: Merchant, body: CobBody, txid: str) -> dict[str, Any]:
    with refusals_of(RESOURCE):
        created = api.bank.charges.create(body.order(asking.account_number, txid))
    return writer_of(api).document(*created)
