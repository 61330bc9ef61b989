"""The rows of a flow on PostgreSQL: a row is its own outbox, its history is a column of it.

A flow describes its table; every statement follows from that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from sqlalchemy import Connection, text

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, of_field, update_statement
from bank_sim.application.views import RowFilter
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX
from bank_sim.domain.flows.flow import WITHHELD, FlowRow, RowId
from pix.postgres.bulk import fetch_bulk, postpone_bulk
from pix.postgres.engine import is_storable
from pix.postgres.exports import ExportedTable
from pix.scheme.exports import EXPORTED_BY_BANK, ExportKey, ExportPage
from pix.scheme.flows import Step
from pix.scheme.messages import Party
from pix.scheme.postings import Direction

Row = TypeVar("Row", bound=FlowRow)

_UNDECIDED: Final = "status IN ('pending', 'accepted', 'rejected')"
_PINNING: Final = "status IN ('pending', 'accepted')"
"""Money may still come to the account."""


class HasParties(Protocol):
    """A row that names the parties of a transfer."""

    @property
    def payer(self) -> Party: ...

    @property
    def payee(self) -> Party | None: ...


def party_columns(side: str) -> list[Column[Any]]:
    """The five columns of the row's `payer` or `payee`."""

    def value_of(attribute: str) -> Any:
        def value(row: HasParties) -> str | None:
            party = row.payer if side == "payer" else row.payee
            return None if party is None else getattr(party, attribute)

        return value

    attributes = ("ispb", "branch", "account_number", "name", "tax_id_masked")
    return [Column(f"{side}_{attribute}", "text", value_of(attribute)) for attribute in attributes]


def history_json(history: Sequence[Step[Any, Any]]) -> str:
    """Without the side, which is the row's."""
    steps = []
    for step in history:
        line = {"at_ms": step.at_ms, "author": step.author, "trigger": step.trigger, "status": step.status}
        if step.reason is not None:
            line["reason"] = step.reason
        if step.ignored:
            line["ignored"] = step.ignored
        steps.append(line)
    return json.dumps(steps)


@dataclass(frozen=True)
class RowTable(Generic[Row]):
    """The table of a flow's rows. Each also has the columns `status`, `account_number`, `requested_at_ms` and so on."""

    name: str
    key: str
    """The column, and the field, of the first part of a row's id; `direction` is that of the second."""
    about: str
    """The column of the end-to-end id of the transfer that a row is about."""
    fixed: Sequence[Column[Row]]
    """Columns that never change."""
    changing: Sequence[Column[Row]]
    row_of: Callable[[Sequence[Any]], Row]
    """Takes key, direction, the fixed and the changing columns."""

    @property
    def ids(self) -> list[Column[Row]]:
        """The primary key."""
        return [of_field(self.key, "text"), of_field("direction", "text")]

    @property
    def columns(self) -> list[Column[Row]]:
        """All of them, as `row_of` takes them."""
        return [*self.ids, *self.fixed, *self.changing]


class _Statements:
    """The statements of a table."""

    def __init__(self, flow: str, table: RowTable[Any]) -> None:
        self.added, self.saved = table.columns, [*table.ids, *table.changing]
        key, columns = table.key, names(self.added)
        skipping = "ORDER BY resend_at_ms LIMIT %(size)s FOR UPDATE SKIP LOCKED"
        self.add = insert_statement(table.name, self.added)
        self.save = update_statement(table.name, table.ids, table.changing)
        self.select = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - names are constants of this package
        self.find = f"{self.select} WHERE {key} = %(key)s AND direction = %(direction)s"
        self.find_many = (
            f"{self.select} WHERE ({key}, direction) IN "  # noqa: S608 - names are constants of this package
            "(SELECT * FROM unnest(%(keys)s::text[], %(directions)s::text[]))"
        )
        self.find_about = (
            f"{self.select} WHERE {table.about} = ANY(%(abouts)s::text[]) AND direction = %(direction)s "
            f"ORDER BY requested_at_ms, {key}"
        )
        self.lock = f"{self.find_many} ORDER BY {key}, direction FOR UPDATE OF {table.name}"
        self.lock_due = f"{self.select} WHERE resend_at_ms <= %(now_ms)s {skipping}"
        self.lock_out_of_reach = (
            f"{self.select} WHERE resend_at_ms > %(horizon_ms)s AND "
            f"(resend_count <> {WITHHELD} OR resend_at_ms > %(answer_horizon_ms)s) {skipping}"
        )
        self.lock_waiting = (
            f"{self.select} WHERE resend_at_ms > %(now_ms)s AND resend_at_ms < %(before_ms)s "
            f"AND resend_count <> {WITHHELD} ORDER BY resend_at_ms DESC LIMIT %(size)s FOR UPDATE SKIP LOCKED"
        )
        self.find_by_idempotency_keys = (
            # OFFSET 0 makes it a look-up for each key, as at the hub for the request ids of Pix keys.
            "SELECT found.* FROM unnest("  # noqa: S608 - names are constants
            "%(numbers)s::text[], %(keys)s::text[]) AS asked(number, idempotency_key) "
            f"CROSS JOIN LATERAL ({self.select} WHERE {table.name}.account_number = asked.number "
            f"AND {table.name}.idempotency_key = asked.idempotency_key AND {table.name}.idempotency_key <> '' OFFSET 0"
            ") AS found"
        )
        self.spent = (
            f"SELECT account_number, sum(amount_centavos) FROM {table.name} "  # noqa: S608 - names are constants
            "WHERE account_number = ANY(%(numbers)s::text[]) AND requested_at_ms >= %(from_ms)s "
            "AND requested_at_ms < %(to_ms)s AND direction = 'outgoing' AND status <> 'failed' GROUP BY account_number"
        )
        self.has_undecided = text(
            f"SELECT EXISTS (SELECT 1 FROM {table.name} "  # noqa: S608 - names are constants of this package
            f"WHERE account_number = :number AND {_PINNING})"
        )
        self.open_ids = text(
            f"SELECT {key} || ' ' || direction FROM {table.name} "  # noqa: S608 - names are constants
            "WHERE resend_at_ms IS NOT NULL ORDER BY resend_at_ms LIMIT :size"
        )
        self.exported = ExportedTable(table.name, (key, "direction"), EXPORTED_BY_BANK[flow])
        self.count_undecided = text(f"SELECT count(*) FROM {table.name} WHERE {_UNDECIDED}")  # noqa: S608 - constants
        self.count = text(
            "SELECT direction, status, sum(rows)::bigint FROM row_tallies "  # noqa: S608 - names are constants
            f"WHERE table_name = '{table.name}' GROUP BY direction, status HAVING sum(rows) <> 0"
        )


class PostgresRows(Generic[Row]):
    """See `bank_sim.application.ports.RowRepository`."""

    def __init__(self, connection: Connection, table: RowTable[Row], statements: _Statements) -> None:
        self._connection = connection
        self._table = table
        self._statements = statements

    def lock(self, ids: Collection[RowId]) -> dict[RowId, Row]:
        return self._find_many(self._statements.lock, ids)

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Row]:
        rows = fetch_bulk(self._connection, self._statements.lock_due, {"now_ms": real_now_ms, "size": size})
        if len(rows) < size:
            horizons = {
                "horizon_ms": real_now_ms + wait_ms_max,
                "answer_horizon_ms": real_now_ms + max(ANSWER_DELAY_MS_MAX, wait_ms_max),
                "size": size - len(rows),
            }
            rows += fetch_bulk(self._connection, self._statements.lock_out_of_reach, horizons)
        return [self._table.row_of(row) for row in rows]

    def lock_waiting(self, real_now_ms: int, before_ms: int, size: int) -> list[Row]:
        values = {"now_ms": real_now_ms, "before_ms": before_ms, "size": size}
        rows = fetch_bulk(self._connection, self._statements.lock_waiting, values)
        return [self._table.row_of(row) for row in rows]

    def add(self, rows: Sequence[Row]) -> None:
        if rows:
            # In the order of the ids, so that two replicas with the same new rows do not wait for each other.
            in_order = sorted(rows, key=lambda row: row.row_id)
            postpone_bulk(self._connection, self._statements.add, arrays(self._statements.added, in_order))

    def save(self, rows: Sequence[Row]) -> None:
        if rows:
            postpone_bulk(self._connection, self._statements.save, arrays(self._statements.saved, rows))

    def find(self, key: str, direction: Direction) -> Row | None:
        rows = fetch_bulk(self._connection, self._statements.find, {"key": key, "direction": direction.value})
        return self._table.row_of(rows[0]) if rows else None

    def find_many(self, ids: Collection[RowId]) -> dict[RowId, Row]:
        return self._find_many(self._statements.find_many, ids)

    def find_about(self, end_to_end_ids: Collection[str], direction: Direction) -> list[Row]:
        if not end_to_end_ids:
            return []
        values = {"abouts": list(end_to_end_ids), "direction": direction.value}
        return [self._table.row_of(row) for row in fetch_bulk(self._connection, self._statements.find_about, values)]

    def find_by_idempotency_keys(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        if not keys:
            return {}
        rows = fetch_bulk(
            self._connection,
            self._statements.find_by_idempotency_keys,
            {"numbers": [number for number, _ in keys], "keys": [key for _, key in keys]},
        )
        found = [self._table.row_of(row) for row in rows]
        return {(row.account_number, row.idempotency_key): row for row in found}

    def spent(self, account_numbers: Collection[str], from_ms: int, to_ms: int) -> dict[str, int]:
        values = {"numbers": list(account_numbers), "from_ms": from_ms, "to_ms": to_ms}
        rows = fetch_bulk(self._connection, self._statements.spent, values)
        return {number: int(centavos) for number, centavos in rows}

    def open_ids(self, size: int) -> list[str]:
        return [row[0] for row in self._connection.execute(self._statements.open_ids, {"size": size})]

    def has_undecided(self, account_number: str) -> bool:
        exists: bool = self._connection.execute(self._statements.has_undecided, {"number": account_number}).scalar_one()
        return exists

    def list(self, narrow: RowFilter) -> list[Row]:
        if not is_storable(narrow.about):
            return []
        conditions = ["true"]
        values: dict[str, Any] = {"size": narrow.size}
        if narrow.direction is not None:
            conditions.append("direction = :direction")
            values["direction"] = narrow.direction.value
        if narrow.status is not None:
            conditions.append("status = :status")
            values["status"] = narrow.status.value
        if narrow.account_number:
            conditions.append("account_number = :account_number")
            values["account_number"] = narrow.account_number
        if narrow.undecided:
            conditions.append(_UNDECIDED)
        if narrow.about:
            conditions.append(f"{self._table.about} = :about")
            values["about"] = narrow.about
        order, key = "DESC" if narrow.newest_first else "ASC", self._table.key
        if narrow.after is not None:
            conditions.append(
                f"(requested_at_ms, {key}, direction) {'<' if narrow.newest_first else '>'} "
                "(:after_ms, :after_id, :after_direction)"
            )
            values["after_ms"], values["after_id"], values["after_direction"] = narrow.after
        rows = self._connection.execute(
            text(
                f"{self._statements.select} WHERE {' AND '.join(conditions)} "
                f"ORDER BY requested_at_ms {order}, {key} {order}, direction {order} LIMIT :size"
            ),
            values,
        )
        return [self._table.row_of(row) for row in rows]

    def count(self) -> Mapping[tuple[Direction, str], int]:
        rows = self._connection.execute(self._statements.count)
        return {(Direction(direction), status): count for direction, status, count in rows}

    def count_undecided(self) -> int:
        undecided: int = self._connection.execute(self._statements.count_undecided).scalar_one()
        return undecided

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        return self._statements.exported.read(self._connection, after, size)

    def _find_many(self, statement: str, ids: Collection[RowId]) -> dict[RowId, Row]:
        if not ids:
            return {}
        ordered = sorted(ids)
        values = {"keys": [key for key, _ in ordered], "directions": [direction for _, direction in ordered]}
        found = map(self._table.row_of, fetch_bulk(self._connection, statement, values))
        return {row.row_id: row for row in found}


def repositories(tables: Mapping[str, RowTable[Any]]) -> Callable[[Connection], Mapping[str, PostgresRows[Any]]]:
    """Makes the repositories of a transaction, by the name of the flow."""
    statements = {flow: _Statements(flow, table) for flow, table in tables.items()}

    def make(connection: Connection) -> Mapping[str, PostgresRows[Any]]:
        return {flow: PostgresRows(connection, table, statements[flow]) for flow, table in tables.items()}

    return make
