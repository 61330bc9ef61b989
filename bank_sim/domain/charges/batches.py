"""Batches of charges with a due date (`lotecobv`): taken at once, each charge made or denied a moment later."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from bank_sim.domain.charges.errors import BatchOfOtherCharges
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

BATCH_ITEMS_MAX: Final = 500
REFUSALS_PER_ITEM_MAX: Final = 20


class ItemStatus(StrEnum):
    """What has become of one charge of a batch."""

    PROCESSING = "EM_PROCESSAMENTO"
    MADE = "CRIADA"
    DENIED = "NEGADA"


@value_object
class Refusal:
    """Why a charge of a batch is denied."""

    field: str
    rule: str
    value: str = ""
    kind: str = ""
    """The name of the error's class; empty for one that the reader of the request has found."""


@value_object
class ItemOrder:
    """What a request wants of one charge of a batch. `wanted` None: the reader has refused it already."""

    txid: str
    wanted: ChargeOrder | ChargeChange | None = None
    refusals: tuple[Refusal, ...] = ()


@value_object
class BatchItem:
    """One charge of a batch."""

    txid: str
    status: ItemStatus
    wanted: ChargeOrder | ChargeChange | None = None
    """While it is processed."""
    refusals: tuple[Refusal, ...] = ()
    """Why it was denied."""
    made_at_ms: int | None = None
    """When its charge was created."""


@value_object
class Batch:
    """A batch. `tax_id` and `batch_id` identify it."""

    tax_id: str
    batch_id: str
    """The merchant's number for it: up to 18 digits."""
    account_number: str
    description: str
    created_at_ms: int
    items: tuple[BatchItem, ...] = ()


def item_of(order: ItemOrder, before: BatchItem | None = None) -> BatchItem:
    """The item that an order makes, or that it makes of one that exists."""
    made_at_ms = None if before is None else before.made_at_ms
    if order.wanted is None:
        return BatchItem(
            order.txid, ItemStatus.DENIED, refusals=order.refusals[:REFUSALS_PER_ITEM_MAX], made_at_ms=made_at_ms
        )
    return BatchItem(order.txid, ItemStatus.PROCESSING, order.wanted, made_at_ms=made_at_ms)


def check_items(orders: tuple[ItemOrder, ...]) -> None:
    """Raises SchemeError(field="items") for none, for too many, and for a txid that comes twice."""
    if not 0 < len(orders) <= BATCH_ITEMS_MAX:
        raise SchemeError("items", f"A batch has 1 to {BATCH_ITEMS_MAX} charges.")
    if len({order.txid for order in orders}) < len(orders):
        raise SchemeError("items", "A txid comes twice in the batch.")


def revised(
    batch: Batch, orders: tuple[ItemOrder, ...], description: str | None, *, is_whole: bool
) -> tuple[Batch, tuple[BatchItem, ...]]:
    """The batch after another request, and the items that it changes.

    `is_whole`: the request names every charge of the batch (PUT); otherwise some (PATCH). Raises BatchOfOtherCharges.
    """
    before = {item.txid: item for item in batch.items}
    named = {order.txid for order in orders}
    if not named <= before.keys() or (is_whole and named != before.keys()):
        raise BatchOfOtherCharges
    changed = {order.txid: item_of(order, before[order.txid]) for order in orders}
    items = tuple(changed.get(item.txid, item) for item in batch.items)
    text = batch.description if description is None else description
    return replace(batch, description=text, items=items), tuple(changed.values())


def made(item: BatchItem, created_at_ms: int) -> BatchItem:
    """The item once its charge is made or changed."""
    return BatchItem(item.txid, ItemStatus.MADE, made_at_ms=created_at_ms)


def denied(item: BatchItem, error: SchemeError) -> BatchItem:
    """The item once its charge is denied; a charge that exists stays as it is."""
    refusal = Refusal(error.field, error.rule, kind=type(error).__name__)
    return BatchItem(item.txid, ItemStatus.DENIED, refusals=(refusal,), made_at_ms=item.made_at_ms)
