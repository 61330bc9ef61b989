"""`/loc`: locations, where the payloads of charges are fetched."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from bank_sim.application.charges.ports import LocationFilter
from bank_sim.domain.charges.errors import LocationNotFound
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.entrypoints.http.api_pix.access import ApiOf, Merchant, merchant
from bank_sim.entrypoints.http.api_pix.charges import writer_of
from bank_sim.entrypoints.http.api_pix.documents.reading import LocBody
from bank_sim.entrypoints.http.api_pix.documents.refusals import refusals_of
from bank_sim.entrypoints.http.api_pix.paging import PagingOf, PeriodOf, paging_document

RESOURCE = "payloadlocation"
DIGITS_MAX: Final = 18

router = APIRouter(prefix="/loc")

Reader = Annotated[Merchant, Depends(merchant("payloadlocation.read"))]
Writer = Annotated[Merchant, Depends(merchant("payloadlocation.write"))]
LocationId = Annotated[str, Path(alias="id", max_length=100)]


@router.post("", status_code=201)
def post_location(api: ApiOf, asking: Writer, body: LocBody, response: Response) -> dict[str, Any]:
    """Creates a location, which serves no charge yet."""
    with refusals_of(RESOURCE):
        location = api.bank.charges.locations.create(asking.account_number, body.kind)
    document = writer_of(api).location(location)
    response.headers["Location"] = document["location"]
    return document


@router.get("")
def list_locations(
    api: ApiOf,
    asking: Reader,
    period: PeriodOf,
    page: PagingOf,
    has_charge: Annotated[bool | None, Query(alias="txIdPresente")] = None,
    kind: Annotated[ChargeKind | None, Query(alias="tipoCob")] = None,
) -> dict[str, Any]:
    """The locations that were created in a period, oldest first."""
    narrow = LocationFilter(asking.tax_id, period.from_ms, period.to_ms, has_charge, kind)
    found, total = api.bank.charges.locations.list(narrow, page.skip, page.size)
    writer = writer_of(api)
    filters = {"txIdPresente": has_charge, "tipoCob": None if kind is None else kind.value}
    return {
        "parametros": paging_document(period, page, total, **filters),
        "loc": [writer.location(location) for location in found],
    }


@router.get("/{id}")
def get_location(api: ApiOf, asking: Reader, location_id: LocationId) -> dict[str, Any]:
    """One location."""
    with refusals_of(RESOURCE):
        location = api.bank.charges.locations.find(asking.tax_id, _number(location_id))
    return writer_of(api).location(location)


@router.delete("/{id}/txid")
def unbind(api: ApiOf, asking: Writer, location_id: LocationId) -> dict[str, Any]:
    """Takes a location from its charge."""
    with refusals_of(RESOURCE):
        location = api.bank.charges.locations.unbind(asking.tax_id, _number(location_id))
    return writer_of(api).location(location)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS_MAX:
        raise LocationNotFound
    return int(text)
