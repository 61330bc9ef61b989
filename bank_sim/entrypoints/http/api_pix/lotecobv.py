"""`/lotecobv`: batches of charges with a due date."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from bank_sim.application.charges.batches import BATCHES_PER_LIST_MAX, DESCRIPTION_LENGTH_MAX
from bank_sim.application.charges.ports import BatchFilter
from bank_sim.domain.charges.batches import BATCH_ITEMS_MAX, ItemOrder, Refusal
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from bank_sim.entrypoints.http.api_pix.access import ApiOf, Merchant, merchant
from bank_sim.entrypoints.http.api_pix.documents.answers import batch_document
from bank_sim.entrypoints.http.api_pix.documents.reading import CobVBody, CobVChange
from bank_sim.entrypoints.http.api_pix.documents.refusals import refusals_of
from bank_sim.entrypoints.http.api_pix.errors import violation_of
from bank_sim.entrypoints.http.api_pix.paging import Paging, PagingOf, PeriodOf, paging_document
from pix.scheme.initiation import is_dynamic_txid

RESOURCE = "lotecobv"

router = APIRouter(prefix="/lotecobv")

Reader = Annotated[Merchant, Depends(merchant("lotecobv.read"))]
Writer = Annotated[Merchant, Depends(merchant("lotecobv.write"))]
NewBatchId = Annotated[str, Path(alias="id", pattern="^[0-9]{1,18}$")]
BatchId = Annotated[str, Path(alias="id", max_length=100)]

_WHOLE: Final = TypeAdapter(CobVBody)
_CHANGE: Final = TypeAdapter(CobVChange)


class _Batch(BaseModel):
    """Its charges are read one by one: a wrong one is denied, and the others are made."""

    model_config = ConfigDict(extra="ignore")

    cobsv: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]

    @field_validator("cobsv")
    @classmethod
    def _check_txids(cls, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        txids = [item.get("txid") for item in items]
        if not all(isinstance(txid, str) and is_dynamic_txid(txid) for txid in txids):
            raise ValueError("Cada cobrança do lote precisa de um txid de 26 a 35 letras e dígitos.")
        if len(set(txids)) < len(txids):
            raise ValueError("O lote traz o mesmo txid mais de uma vez.")
        return items


class LoteBody(_Batch):
    """PUT of a lotecobv."""

    descricao: Annotated[str, Field(min_length=1, max_length=DESCRIPTION_LENGTH_MAX)]

    def orders(self, account_number: str) -> tuple[ItemOrder, ...]:
        return tuple(_read(item, account_number, is_whole=True) for item in self.cobsv)


class LoteChange(_Batch):
    """PATCH of a lotecobv."""

    descricao: Annotated[str, Field(min_length=1, max_length=DESCRIPTION_LENGTH_MAX)] | None = None

    def orders(self, account_number: str) -> tuple[ItemOrder, ...]:
        return tuple(_read(item, account_number, is_whole=False) for item in self.cobsv)


@router.put("/{id}", status_code=202)
def put_batch(api: ApiOf, asking: Writer, batch_id: NewBatchId, body: LoteBody) -> Response:
    """Takes a batch, or an order for every charge of one that exists."""
    with refusals_of(RESOURCE):
        api.bank.charges.batches.put(
            asking.account_number, batch_id, body.descricao, body.orders(asking.account_number)
        )
    return Response(status_code=202)


@router.patch("/{id}", status_code=202)
def patch_batch(api: ApiOf, asking: Writer, batch_id: BatchId, body: LoteChange) -> Response:
    """Takes changes of some charges of a batch."""
    with refusals_of(RESOURCE):
        api.bank.charges.batches.patch(
            asking.account_number, batch_id, body.descricao, body.orders(asking.account_number)
        )
    return Response(status_code=202)


@router.get("/{id}")
def get_batch(api: ApiOf, asking: Reader, batch_id: BatchId) -> dict[str, Any]:
    """One batch, with what became of each of its charges."""
    with refusals_of(RESOURCE):
        return batch_document(api.bank.charges.batches.find(asking.tax_id, batch_id))


@router.get("")
def list_batches(api: ApiOf, asking: Reader, period: PeriodOf, page: PagingOf) -> dict[str, Any]:
    """The batches that were created in a period, oldest first."""
    narrow = BatchFilter(asking.tax_id, period.from_ms, period.to_ms)
    # A batch is large, so a page has fewer of them than of other things.
    page = Paging(page.page, min(page.size, BATCHES_PER_LIST_MAX))
    found, total = api.bank.charges.batches.list(narrow, page.skip, page.size)
    return {"parametros": paging_document(period, page, total), "lotes": [batch_document(batch) for batch in found]}


def _read(item: dict[str, Any], account_number: str, *, is_whole: bool) -> ItemOrder:
    txid = str(item["txid"])
    wanted: ChargeOrder | ChargeChange
    try:
        if is_whole:
            wanted = _WHOLE.validate_python(item).order(account_number, txid)
        else:
            wanted = _CHANGE.validate_python(item).change()
    except ValidationError as error:
        return ItemOrder(txid, refusals=tuple(_refusal(fault) for fault in error.errors(include_url=False)))
    return ItemOrder(txid, wanted)


def _refusal(fault: Any) -> Refusal:
    violation = violation_of({**fault, "loc": ("body", *fault["loc"])}, "cobv")
    return Refusal(violation.property, violation.reason, violation.value)
