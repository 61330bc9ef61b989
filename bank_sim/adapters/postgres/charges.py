"""Charges, locations and batches on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, text

from bank_sim.adapters.postgres.charge_documents import content_fields, content_json
from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.application.charges.ports import ChargeFilter, LocationFilter
from bank_sim.domain.charges.model import Charge, ChargeId, ChargeKind, ChargePlace, ChargeStatus, Location
from pix.postgres.bulk import execute_bulk, fetch_bulk, postpone_bulk

_ID: Final[list[Column[Charge]]] = [
    Column("tax_id", "text", lambda charge: charge.tax_id),
    Column("txid", "text", lambda charge: charge.txid),
]
_FIXED: Final[list[Column[Charge]]] = [
    Column("kind", "text", lambda charge: charge.kind.value),
    Column("created_at_ms", "bigint", lambda charge: charge.created_at_ms),
    Column("batch_id", "text", lambda charge: charge.batch_id),
]
_MERCHANTS: Final[list[Column[Charge]]] = [
    Column("account_number", "text", lambda charge: charge.account_number),
    Column("revision", "integer", lambda charge: charge.revision),
    Column("debtor_tax_id", "text", lambda charge: charge.debtor.tax_id if charge.debtor else ""),
    Column("content", "jsonb", content_json),
]
_STATE: Final[list[Column[Charge]]] = [
    Column("status", "text", lambda charge: charge.status.value),
    Column("reserved_by", "text", lambda charge: charge.reserved_by),
    Column("paid_by", "text", lambda charge: charge.paid_by),
    Column("location_id", "bigint", lambda charge: charge.location_id),
]
_ALL: Final = [*_ID, *_FIXED, *_MERCHANTS, *_STATE]

_ADD: Final = insert_statement("charges", _ALL)
_SAVE: Final = update_statement("charges", _ID, _STATE)
_SAVE_CHANGE: Final = update_statement("charges", _ID, [*_MERCHANTS, *_STATE])
_KEEP_REVISION: Final = (
    "INSERT INTO charge_revisions (tax_id, txid, revision, content) "
    "SELECT tax_id, txid, c.revision, content FROM charges AS c "
    "JOIN unnest(%(tax_id)s::text[], %(txid)s::text[], %(revision)s::integer[]) AS v (tax_id, txid, revision) "
    "USING (tax_id, txid) WHERE c.revision < v.revision"
)
_SELECT: Final = f"SELECT {names(_ALL)} FROM charges"  # noqa: S608 - names are constants of this module
_OF_CHARGES: Final = ", ".join(f"charges.{column.name}" for column in _ALL)
_FIND: Final = f"{_SELECT} WHERE tax_id = %(tax_id)s AND txid = %(txid)s"
_LOCK: Final = (
    f"{_SELECT} WHERE (tax_id, txid) IN "  # noqa: S608 - as above
    "(SELECT * FROM unnest(%(tax_ids)s::text[], %(txids)s::text[])) ORDER BY tax_id, txid FOR UPDATE"
)
_OF_TRANSFERS: Final = (
    f"SELECT a.number, {_OF_CHARGES} "  # noqa: S608 - as above
    "FROM unnest(%(numbers)s::text[], %(txids)s::text[]) AS v (number, txid) "
    "JOIN accounts AS a ON a.number = v.number "
    "JOIN charges ON charges.tax_id = a.tax_id AND charges.txid = v.txid "
    "ORDER BY charges.tax_id, charges.txid"
)
_LOCK_OF_TRANSFERS: Final = f"{_OF_TRANSFERS} FOR UPDATE OF charges"
_LOCK_OPEN_OF_CLOSED: Final = (
    # From the accounts to their charges: most charges that wait are of accounts that are not closed.
    f"{_SELECT} WHERE (tax_id, txid) IN (SELECT c.tax_id, c.txid FROM accounts AS a CROSS JOIN LATERAL "  # noqa: S608 - as above
    "(SELECT tax_id, txid FROM charges WHERE account_number = a.number AND status = 'ATIVA' LIMIT %(size)s) AS c "
    "WHERE a.status = 'closed' LIMIT %(size)s) AND status = 'ATIVA' AND reserved_by = '' "
    "ORDER BY tax_id, txid FOR UPDATE SKIP LOCKED"
)
_FIND_REVISION: Final = (
    "SELECT content FROM charge_revisions WHERE tax_id = %(tax_id)s AND txid = %(txid)s AND revision = %(revision)s"
)
_PAYMENTS: Final = (
    "SELECT v.tax_id, v.txid, t.end_to_end_id FROM unnest(%(tax_ids)s::text[], %(txids)s::text[]) AS v (tax_id, txid) "
    "JOIN accounts AS a ON a.tax_id = v.tax_id "
    "JOIN transfers AS t ON t.account_number = a.number AND t.txid = v.txid "
    "WHERE t.initiation = 'QRDN' AND t.direction = 'incoming' AND t.status = 'confirmed' "
    "ORDER BY t.decided_at_ms, t.end_to_end_id"
)


def _charge_of(row: Sequence[Any]) -> Charge:
    (
        tax_id, txid,
        kind, created_at_ms, batch_id,
        account_number, revision, _, document,
        status, reserved_by, paid_by, location_id,
    ) = row  # fmt: skip
    return Charge(
        tax_id=tax_id,
        txid=txid,
        kind=ChargeKind(kind),
        account_number=account_number,
        created_at_ms=created_at_ms,
        status=ChargeStatus(status),
        revision=revision,
        location_id=location_id,
        batch_id=batch_id,
        reserved_by=reserved_by,
        paid_by=paid_by,
        **content_fields(document),
    )


class PostgresCharges:
    """See `bank_sim.application.charges.ports.ChargeRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, charges: Sequence[Charge]) -> None:
        if charges:
            in_order = sorted(charges, key=lambda charge: charge.charge_id)
            postpone_bulk(self._connection, _ADD, arrays(_ALL, in_order))

    def lock(self, ids: Collection[ChargeId]) -> dict[ChargeId, Charge]:
        if not ids:
            return {}
        ordered = sorted(ids)
        values = {"tax_ids": [tax_id for tax_id, _ in ordered], "txids": [txid for _, txid in ordered]}
        found = [_charge_of(row) for row in fetch_bulk(self._connection, _LOCK, values)]
        return {charge.charge_id: charge for charge in found}

    def lock_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        return self._of_transfers(_LOCK_OF_TRANSFERS, places)

    def find_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        return self._of_transfers(_OF_TRANSFERS, places)

    def _of_transfers(self, statement: str, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        if not places:
            return {}
        ordered = sorted(places)
        values = {"numbers": [number for number, _ in ordered], "txids": [txid for _, txid in ordered]}
        found = [(row[0], _charge_of(row[1:])) for row in fetch_bulk(self._connection, statement, values)]
        return {(number, charge.txid): charge for number, charge in found}

    def lock_open_of_closed_accounts(self, size: int) -> list[Charge]:
        return [_charge_of(row) for row in fetch_bulk(self._connection, _LOCK_OPEN_OF_CLOSED, {"size": size})]

    def save(self, charges: Sequence[Charge], *, changed_by_merchant: bool = False) -> None:
        if not charges:
            return
        if changed_by_merchant:
            keys = [*_ID, Column[Charge]("revision", "integer", lambda charge: charge.revision)]
            execute_bulk(self._connection, _KEEP_REVISION, arrays(keys, charges))
            postpone_bulk(self._connection, _SAVE_CHANGE, arrays([*_ID, *_MERCHANTS, *_STATE], charges))
        else:
            postpone_bulk(self._connection, _SAVE, arrays([*_ID, *_STATE], charges))

    def find(self, charge_id: ChargeId) -> Charge | None:
        rows = fetch_bulk(self._connection, _FIND, {"tax_id": charge_id[0], "txid": charge_id[1]})
        return _charge_of(rows[0]) if rows else None

    def find_revision(self, charge_id: ChargeId, revision: int) -> Charge | None:
        charge = self.find(charge_id)
        if charge is None or charge.revision == revision:
            return charge
        values = {"tax_id": charge_id[0], "txid": charge_id[1], "revision": revision}
        rows = fetch_bulk(self._connection, _FIND_REVISION, values)
        return replace(charge, revision=revision, **content_fields(rows[0][0])) if rows else None

    def find_by_location(self, token: str) -> tuple[Location, Charge | None] | None:
        found = self._connection.execute(text(f"{_SELECT_LOCATIONS} WHERE token = :token"), {"token": token}).first()
        if found is None:
            return None
        location = _location_of(found)
        return location, self.find((location.tax_id, location.txid)) if location.txid else None

    def list(self, narrow: ChargeFilter, skip: int, size: int) -> list[Charge]:
        conditions, values = _conditions_of(narrow)
        order = "created_at_ms DESC, txid DESC" if narrow.newest_first else "created_at_ms, txid"
        statement = f"{_SELECT} WHERE {conditions} ORDER BY {order} OFFSET :skip LIMIT :size"
        rows = self._connection.execute(text(statement), {**values, "skip": skip, "size": size})
        return [_charge_of(row) for row in rows]

    def count(self, narrow: ChargeFilter) -> int:
        conditions, values = _conditions_of(narrow)
        statement = f"SELECT count(*) FROM charges WHERE {conditions}"  # noqa: S608 - conditions are constants
        count: int = self._connection.execute(text(statement), values).scalar_one()
        return count

    def payment_ids(self, ids: Collection[ChargeId]) -> dict[ChargeId, tuple[str, ...]]:
        values = {"tax_ids": [tax_id for tax_id, _ in ids], "txids": [txid for _, txid in ids]}
        found: dict[ChargeId, tuple[str, ...]] = {}
        for tax_id, txid, end_to_end_id in fetch_bulk(self._connection, _PAYMENTS, values) if ids else ():
            found[tax_id, txid] = (*found.get((tax_id, txid), ()), end_to_end_id)
        return found


def _conditions_of(narrow: ChargeFilter) -> tuple[str, dict[str, Any]]:
    """A condition of constants, and the values of its parameters."""
    conditions = ["tax_id = :tax_id", "created_at_ms BETWEEN :from_ms AND :to_ms"]
    values: dict[str, Any] = {"tax_id": narrow.tax_id, "from_ms": narrow.from_ms, "to_ms": narrow.to_ms}
    if narrow.kind is not None:
        conditions.append("kind = :kind")
        values["kind"] = narrow.kind.value
    if narrow.debtor_tax_id:
        conditions.append("debtor_tax_id = :debtor")
        values["debtor"] = narrow.debtor_tax_id
    if narrow.has_location is not None:
        conditions.append(f"location_id IS {'NOT NULL' if narrow.has_location else 'NULL'}")
    if narrow.status is not None:
        conditions.append("status = :status")
        values["status"] = narrow.status.value
    if narrow.batch_id:
        conditions.append("batch_id = :batch_id")
        values["batch_id"] = narrow.batch_id
    return " AND ".join(conditions), values


_ADD_LOCATION: Final = (
    "INSERT INTO locations (tax_id, kind, token, created_at_ms) VALUES (:tax_id, :kind, :token, :created_at_ms) "
    "RETURNING location_id"
)
_SELECT_LOCATIONS: Final = (
    "SELECT l.location_id, l.tax_id, l.kind, l.token, l.created_at_ms, coalesce(c.txid, '') "
    "FROM locations AS l LEFT JOIN charges AS c USING (location_id)"
)


def _location_of(row: Sequence[Any]) -> Location:
    location_id, tax_id, kind, token, created_at_ms, txid = row
    return Location(location_id, tax_id, ChargeKind(kind), token, created_at_ms, txid)


class PostgresLocations:
    """See `bank_sim.application.charges.ports.LocationRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, tax_id: str, kind: ChargeKind, token: str, created_at_ms: int) -> Location:
        values = {"tax_id": tax_id, "kind": kind.value, "token": token, "created_at_ms": created_at_ms}
        location_id: int = self._connection.execute(text(_ADD_LOCATION), values).scalar_one()
        return Location(location_id, tax_id, kind, token, created_at_ms)

    def find(self, tax_id: str, location_id: int) -> Location | None:
        return self.find_many(tax_id, [location_id]).get(location_id)

    def find_many(self, tax_id: str, location_ids: Collection[int]) -> dict[int, Location]:
        if not location_ids:
            return {}
        statement = f"{_SELECT_LOCATIONS} WHERE l.tax_id = %(tax_id)s AND location_id = ANY(%(ids)s::bigint[])"
        rows = fetch_bulk(self._connection, statement, {"tax_id": tax_id, "ids": list(location_ids)})
        return {row[0]: _location_of(row) for row in rows}

    def list(self, narrow: LocationFilter, skip: int, size: int) -> list[Location]:
        conditions, values = _location_conditions_of(narrow)
        statement = (
            f"{_SELECT_LOCATIONS} WHERE {conditions} ORDER BY l.created_at_ms, location_id OFFSET :skip LIMIT :size"
        )
        rows = self._connection.execute(text(statement), {**values, "skip": skip, "size": size})
        return [_location_of(row) for row in rows]

    def count(self, narrow: LocationFilter) -> int:
        conditions, values = _location_conditions_of(narrow)
        statement = (
            "SELECT count(*) FROM locations AS l LEFT JOIN charges AS c USING (location_id) "  # noqa: S608 - constants
            f"WHERE {conditions}"
        )
        count: int = self._connection.execute(text(statement), values).scalar_one()
        return count


def _location_conditions_of(narrow: LocationFilter) -> tuple[str, dict[str, Any]]:
    """A condition of constants, and the values of its parameters."""
    conditions = ["l.tax_id = :tax_id", "l.created_at_ms BETWEEN :from_ms AND :to_ms"]
    values: dict[str, Any] = {"tax_id": narrow.tax_id, "from_ms": narrow.from_ms, "to_ms": narrow.to_ms}
    if narrow.has_charge is not None:
        conditions.append(f"c.txid IS {'NOT NULL' if narrow.has_charge else 'NULL'}")
    if narrow.kind is not None:
        conditions.append("l.kind = :kind")
        values["kind"] = narrow.kind.value
    return " AND ".join(conditions), values
