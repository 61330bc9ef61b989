"""Batches of charges on PostgreSQL: a row for each batch, and one for each of its charges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from bank_sim.adapters.postgres.charge_documents import refusals_json, refusals_of, wanted_json, wanted_of
from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.application.charges.ports import BatchFilter
from bank_sim.domain.charges.batches import Batch, BatchItem, ItemStatus
from pix.postgres.bulk import execute_bulk, fetch_bulk

_Place = tuple[Batch, int, BatchItem]
"""A batch, the place of an item in it, and the item."""

_ITEM_ID: Final[list[Column[_Place]]] = [
    Column("tax_id", "text", lambda place: place[0].tax_id),
    Column("txid", "text", lambda place: place[2].txid),
]
_ITEM_FIXED: Final[list[Column[_Place]]] = [
    Column("batch_id", "text", lambda place: place[0].batch_id),
    Column("item_number", "integer", lambda place: place[1]),
]
_ITEM_STATE: Final[list[Column[_Place]]] = [
    Column("status", "text", lambda place: place[2].status.value),
    Column("wanted", "jsonb", lambda place: wanted_json(place[2].wanted)),
    Column("refusals", "jsonb", lambda place: refusals_json(place[2].refusals)),
    Column("made_at_ms", "bigint", lambda place: place[2].made_at_ms),
]
_READ: Final = names([_ITEM_ID[1], *_ITEM_STATE])

_ADD: Final = (
    "INSERT INTO batches (tax_id, batch_id, account_number, description, created_at_ms) "
    "VALUES (%(tax_id)s, %(batch_id)s, %(account_number)s, %(description)s, %(created_at_ms)s)"
)
_ADD_ITEMS: Final = insert_statement("batch_items", [*_ITEM_ID, *_ITEM_FIXED, *_ITEM_STATE])
_SAVE: Final = "UPDATE batches SET description = %(description)s WHERE tax_id = %(tax_id)s AND batch_id = %(batch_id)s"
_SAVE_ITEMS: Final = update_statement("batch_items", _ITEM_ID, _ITEM_STATE)
_SELECT: Final = "SELECT tax_id, batch_id, account_number, description, created_at_ms FROM batches"
_FIND: Final = f"{_SELECT} WHERE tax_id = %(tax_id)s AND batch_id = %(batch_id)s"
_ITEMS: Final = (
    f"SELECT batch_id, {_READ} FROM batch_items "  # noqa: S608 - names are constants of this module
    "WHERE tax_id = %(tax_id)s AND batch_id = ANY(%(batch_ids)s::text[]) ORDER BY batch_id, item_number"
)
_FIND_ITEMS: Final = f"SELECT {_READ} FROM batch_items WHERE tax_id = %(tax_id)s AND txid = ANY(%(txids)s::text[])"  # noqa: S608 - as above
_OPEN: Final = text(
    "SELECT tax_id, batch_id FROM batch_items WHERE status = 'EM_PROCESSAMENTO' "
    "GROUP BY tax_id, batch_id ORDER BY tax_id, batch_id LIMIT :size"
)
_CONDITIONS: Final = "tax_id = :tax_id AND created_at_ms BETWEEN :from_ms AND :to_ms"


def _item_of(row: Sequence[Any]) -> BatchItem:
    txid, status, wanted, refusals, made_at_ms = row
    return BatchItem(txid, ItemStatus(status), wanted_of(wanted), refusals_of(refusals), made_at_ms)


class PostgresBatches:
    """See `bank_sim.application.charges.ports.BatchRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, batch: Batch) -> None:
        values = {
            "tax_id": batch.tax_id,
            "batch_id": batch.batch_id,
            "account_number": batch.account_number,
            "description": batch.description,
            "created_at_ms": batch.created_at_ms,
        }
        execute_bulk(self._connection, _ADD, values)
        places = sorted(_places(batch), key=lambda place: place[2].txid)
        execute_bulk(self._connection, _ADD_ITEMS, arrays([*_ITEM_ID, *_ITEM_FIXED, *_ITEM_STATE], places))

    def lock(self, tax_id: str, batch_id: str) -> Batch | None:
        return self._one(f"{_FIND} FOR UPDATE", tax_id, batch_id)

    def save(self, batch: Batch, items: Sequence[BatchItem]) -> None:
        values = {"tax_id": batch.tax_id, "batch_id": batch.batch_id, "description": batch.description}
        execute_bulk(self._connection, _SAVE, values)
        if items:
            # The number of an item does not change.
            places = [(batch, 0, item) for item in items]
            execute_bulk(self._connection, _SAVE_ITEMS, arrays([*_ITEM_ID, *_ITEM_STATE], places))

    def find(self, tax_id: str, batch_id: str) -> Batch | None:
        return self._one(_FIND, tax_id, batch_id)

    def find_items(self, tax_id: str, txids: Collection[str]) -> dict[str, BatchItem]:
        rows = fetch_bulk(self._connection, _FIND_ITEMS, {"tax_id": tax_id, "txids": list(txids)}) if txids else []
        return {row[0]: _item_of(row) for row in rows}

    def open_batches(self, size: int) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._connection.execute(_OPEN, {"size": size})]

    def list(self, narrow: BatchFilter, skip: int, size: int) -> list[Batch]:
        rows = self._connection.execute(
            text(f"{_SELECT} WHERE {_CONDITIONS} ORDER BY created_at_ms, batch_id OFFSET :skip LIMIT :size"),
            {**_values_of(narrow), "skip": skip, "size": size},
        )
        return _with_items(self._connection, narrow.tax_id, rows.all())

    def count(self, narrow: BatchFilter) -> int:
        statement = f"SELECT count(*) FROM batches WHERE {_CONDITIONS}"  # noqa: S608 - a constant of this module
        count: int = self._connection.execute(text(statement), _values_of(narrow)).scalar_one()
        return count

    def _one(self, statement: str, tax_id: str, batch_id: str) -> Batch | None:
        rows = fetch_bulk(self._connection, statement, {"tax_id": tax_id, "batch_id": batch_id})
        return next(iter(_with_items(self._connection, tax_id, rows)), None)


def _with_items(connection: Connection, tax_id: str, rows: Sequence[Any]) -> list[Batch]:
    if not rows:
        return []
    items: dict[str, list[BatchItem]] = {}
    values = {"tax_id": tax_id, "batch_ids": [row[1] for row in rows]}
    for row in fetch_bulk(connection, _ITEMS, values):
        items.setdefault(row[0], []).append(_item_of(row[1:]))
    return [
        Batch(tax_id, batch_id, account_number, description, created_at_ms, tuple(items.get(batch_id, ())))
        for tax_id, batch_id, account_number, description, created_at_ms in rows
    ]


def _places(batch: Batch) -> Iterable[_Place]:
    return ((batch, place, item) for place, item in enumerate(batch.items))


def _values_of(narrow: BatchFilter) -> dict[str, Any]:
    return {"tax_id": narrow.tax_id, "from_ms": narrow.from_ms, "to_ms": narrow.to_ms}
