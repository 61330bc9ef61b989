"""`/cobv`: charges with a due date."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

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
from bank_sim.entrypoints.http.api_pix.documents.reading import CobVBody, CobVChange
from bank_sim.entrypoints.http.api_pix.documents.refusals import refusals_of
from bank_sim.entrypoints.http.api_pix.paging import PagingOf, PeriodOf, TaxIdOf

RESOURCE = "cobv"

router = APIRouter(prefix="/cobv")

Reader = Annotated[Merchant, Depends(merchant("cobv.read"))]
Writer = Annotated[Merchant, Depends(merchant("cobv.write"))]


@router.put("/{txid}", status_code=201)
def put_charge(api: ApiOf, asking: Writer, txid: NewTxid, body: CobVBody) -> dict[str, Any]:
    """Creates a charge, or replaces an active one."""
    with refusals_of(RESOURCE):
        created = api.bank.charges.create(body.order(asking.account_number, txid))
    return writer_of(api).document(*created)


@router.patch("/{txid}")
def patch_charge(api: ApiOf, asking: Writer, txid: Txid, body: CobVChange) -> dict[str, Any]:
    """Changes an active charge, or removes it."""
    with refusals_of(RESOURCE):
        changed = api.bank.charges.change(asking.tax_id, txid, ChargeKind.DUE_DATE, body.change())
    return writer_of(api).document(*changed)


@router.get("/{txid}")
def get_charge(api: ApiOf, asking: Reader, txid: Txid, revision: Revision = None) -> dict[str, Any]:
    """One charge with the Pix that paid it."""
    return find(api, asking, ChargeKind.DUE_DATE, txid, revision)


@router.get("")
def list_charges(
    api: ApiOf,
    asking: Reader,
    period: PeriodOf,
    debtor: TaxIdOf,
    page: PagingOf,
    has_location: HasLocation = None,
    status: Status = None,
    batch: Annotated[int | None, Query(alias="loteCobVId", ge=0, lt=10**18)] = None,
) -> dict[str, Any]:
    """The charges that were created in a period, oldest first."""
    narrow = ChargeFilter(
        tax_id=asking.tax_id,
        kind=ChargeKind.DUE_DATE,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        debtor_tax_id=debtor,
        has_location=has_location,
        status=status,
        batch_id="" if batch is None else str(batch),
    )
    return list_of(api, narrow, period, page)
