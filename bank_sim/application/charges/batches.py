"""Batches of charges with a due date: taken in one transaction, each charge decided on in a following one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bank_sim.application.charges.change_charge import ChangeCharge
from bank_sim.application.charges.create_charge import CreateCharge
from bank_sim.application.charges.making import SKIP_MAX, payee_of
from bank_sim.application.charges.ports import BatchFilter
from bank_sim.application.ports import RowExists, UnitOfWork, UnitsOfWork
from bank_sim.domain.charges.batches import (
    Batch,
    BatchItem,
    ItemOrder,
    ItemStatus,
    check_items,
    denied,
    item_of,
    made,
    revised,
)
from bank_sim.domain.charges.errors import BatchHasCharge, BatchNotFound
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.charges.orders import ChargeOrder
from pix.runtime.clock import SchemeClock
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.texts import check_line

DESCRIPTION_LENGTH_MAX: Final = 140
BATCHES_PER_LIST_MAX: Final = 100
BATCHES_PER_RUN_MAX: Final = 20
ITEMS_PER_DECISION: Final = 50
"""A transaction of bounded size."""
ATTEMPTS_MAX: Final = 3

_BATCH_ID: Final = re.compile(r"[0-9]{1,18}")


class Batches:
    """What a merchant does with batches. A charge that is denied does not keep the others from being made."""

    def __init__(
        self, units: UnitsOfWork, scheme_clock: SchemeClock, create: CreateCharge, change: ChangeCharge
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._create = create
        self._change = change

    def put(self, account_number: str, batch_id: str, description: str, items: Sequence[ItemOrder]) -> Batch:
        """The batch as taken; its charges are decided on a moment later.

        With the id of a batch that exists, each of its charges is ordered anew. Raises SchemeError(field="batch_id" |
        "description" | "items" | "txid"), AccountNotFound, AccountBlocked, AccountClosed, BatchHasCharge for a new
        batch with a txid that is taken, BatchOfOtherCharges.
        """
        orders = _checked(items)
        text = check_line(description, "description", 1, DESCRIPTION_LENGTH_MAX)
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self._units() as unit:
                    batch = self._put(unit, account_number, check_batch_id(batch_id), text, orders)
                    unit.commit()
                break
            except RowExists:
                # Another request has made the batch, or one of its txids: read again.
                if attempt == ATTEMPTS_MAX:
                    raise
        self._decide_soon(batch)
        return batch

    def patch(self, account_number: str, batch_id: str, description: str | None, items: Sequence[ItemOrder]) -> Batch:
        """The same for some charges of a batch that exists. Raises as `put`, and BatchNotFound."""
        orders = _checked(items) if items else ()
        text = None if description is None else check_line(description, "description", 1, DESCRIPTION_LENGTH_MAX)
        with self._units() as unit:
            account = payee_of(unit, account_number)
            before = unit.batches.lock(account.tax_id, _known_id(batch_id))
            if before is None:
                raise BatchNotFound
            batch, changed = revised(before, orders, text, is_whole=False)
            unit.batches.save(batch, changed)
            unit.commit()
        self._decide_soon(batch)
        return batch

    def find(self, tax_id: str, batch_id: str) -> Batch:
        """Raises BatchNotFound."""
        with self._units() as unit:
            batch = unit.batches.find(tax_id, _known_id(batch_id))
        if batch is None:
            raise BatchNotFound
        return batch

    def list(self, narrow: BatchFilter, skip: int, size: int) -> tuple[list[Batch], int]:
        """A merchant's batches, oldest first, and how many there are in all; at most `BATCHES_PER_LIST_MAX` at once."""
        with self._units() as unit:
            found = unit.batches.list(narrow, min(skip, SKIP_MAX), min(size, BATCHES_PER_LIST_MAX))
            return found, unit.batches.count(narrow)

    def decide_open(self) -> int:
        """Decides on what a crash has left undecided; returns how many batches it saw. Raises DatabaseUnavailable."""
        with self._units() as unit:
            found = unit.batches.open_batches(BATCHES_PER_RUN_MAX)
        for tax_id, batch_id in found:
            self._decide(tax_id, batch_id)
        return len(found)

    def _put(
        self, unit: UnitOfWork, account_number: str, batch_id: str, description: str, orders: tuple[ItemOrder, ...]
    ) -> Batch:
        account = payee_of(unit, account_number)
        before = unit.batches.lock(account.tax_id, batch_id)
        if before is not None:
            batch, changed = revised(before, orders, description, is_whole=True)
            unit.batches.save(batch, changed)
            return batch
        txids = [order.txid for order in orders]
        taken = {txid for _, txid in unit.charges.lock([(account.tax_id, txid) for txid in txids])}
        taken |= unit.batches.find_items(account.tax_id, txids).keys()
        if taken:
            raise BatchHasCharge(min(taken))
        batch = Batch(
            tax_id=account.tax_id,
            batch_id=batch_id,
            account_number=account.number,
            description=description,
            created_at_ms=self._scheme_clock.now_ms(),
            items=tuple(item_of(order) for order in orders),
        )
        unit.batches.add(batch)
        return batch

    def _decide_soon(self, batch: Batch) -> None:
        try:
            self._decide(batch.tax_id, batch.batch_id)
        except (DatabaseUnavailable, RowExists):
            # The batch is taken whatever becomes of this; `decide_open` goes on with what is left.
            return

    def _decide(self, tax_id: str, batch_id: str) -> None:
        """In transactions of bounded size, until nothing is left."""
        while True:
            with self._units() as unit:
                batch = unit.batches.lock(tax_id, batch_id)
                items = () if batch is None else batch.items
                due = [item for item in items if item.status is ItemStatus.PROCESSING][:ITEMS_PER_DECISION]
                if batch is None or not due:
                    return
                # In the order of their ids, as charges are locked.
                decided = [self._decided(unit, batch, item) for item in sorted(due, key=lambda item: item.txid)]
                unit.batches.save(batch, decided)
                unit.commit()

    def _decided(self, unit: UnitOfWork, batch: Batch, item: BatchItem) -> BatchItem:
        try:
            if isinstance(item.wanted, ChargeOrder):
                charge, _ = self._create.within(unit, item.wanted, batch.batch_id)
            else:
                assert item.wanted is not None, "an item in processing is wanted"
                charge = self._change.within(unit, batch.tax_id, item.txid, ChargeKind.DUE_DATE, item.wanted)
        except SchemeError as error:
            return denied(item, error)
        return made(item, charge.created_at_ms)


def check_batch_id(batch_id: str) -> str:
    """The merchant's number for a batch, without zeros before it.

    The API has it as text in the path and as a 64-bit number in its answers. Raises SchemeError(field="batch_id").
    """
    if _BATCH_ID.fullmatch(batch_id) is None:
        raise SchemeError("batch_id", "The ID of a batch is a number of up to 18 digits.")
    return str(int(batch_id))


def _known_id(batch_id: str) -> str:
    """Raises BatchNotFound for an id that no batch can have."""
    try:
        return check_batch_id(batch_id)
    except SchemeError:
        raise BatchNotFound from None


def _checked(items: Sequence[ItemOrder]) -> tuple[ItemOrder, ...]:
    orders = tuple(items)
    check_items(orders)
    for order in orders:
        check_txid(order.txid, Initiation.QRDN)
    return orders
