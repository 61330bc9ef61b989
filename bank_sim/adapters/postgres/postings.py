"""The books on PostgreSQL: append-only, and triggers keep their sums in tallies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, of_field
from bank_sim.adapters.postgres.flows import TABLES
from bank_sim.application.views import (
    BooksSummary,
    BooksSums,
    StatementDirection,
    StatementFilter,
)
from bank_sim.domain.books import (
    CAPITAL,
    CASH,
    CLEARING,
    CUSTOMER_PREFIX,
    KINDS_IN,
    KINDS_OF_CUSTOMERS,
    KINDS_OUT,
    SETTLEMENT,
    Posting,
    customer_ledger,
)
from pix.postgres.bulk import fetch_bulk, postpone_bulk
from pix.postgres.engine import allow_maintenance, is_storable
from pix.postgres.exports import ExportedTable
from pix.postgres.unit_of_work import PostgresRepository
from pix.scheme.exports import EXPORTED_POSTINGS, ExportKey, ExportPage
from pix.scheme.postings import POSTINGS_DUE, Direction, PostingKind

OFFENDERS_MAX: Final = 100
"""A summary names at most this many accounts or transfers that do not hold."""

_COLUMNS: Final[list[Column[Posting]]] = [
    of_field("kind", "text"),
    of_field("debit_account", "text"),
    of_field("credit_account", "text"),
    of_field("amount_centavos", "bigint"),
    of_field("posted_at_ms", "bigint"),
    of_field("end_to_end_id", "text"),
    of_field("direction", "text"),
    of_field("operation_id", "text"),
    of_field("account_number", "text"),
    of_field("balance_after_centavos", "bigint"),
]
_ADD: Final = insert_statement("postings", _COLUMNS)
_KNOWN_OPERATIONS: Final = "SELECT operation_id FROM postings WHERE operation_id = ANY(%(ids)s::text[])"

_OPERATIONS: Final = ExportedTable("postings", ("operation_id",), EXPORTED_POSTINGS, "operation_id IS NOT NULL")
_OF_ROWS: Final = ExportedTable(
    "postings", ("end_to_end_id", "direction", "kind"), EXPORTED_POSTINGS, "end_to_end_id IS NOT NULL"
)
_FUNDED: Final = """
    SELECT coalesce(sum(CASE credit_account WHEN :capital THEN amount_centavos ELSE -amount_centavos END), 0)::bigint
    FROM postings WHERE kind = 'settlement_funding'
"""

_LIST: Final = f"SELECT posting_id, {names(_COLUMNS)} FROM postings"  # noqa: S608 - names are constants of this module
_NEWEST_FIRST: Final = "ORDER BY posted_at_ms DESC, posting_id DESC"
_TIME_OF_POSTING: Final = "(SELECT posted_at_ms FROM postings WHERE posting_id = :before)"
_SHOWN_KINDS: Final = {
    StatementDirection.ALL: tuple(KINDS_OF_CUSTOMERS),
    StatementDirection.IN: tuple(KINDS_IN),
    StatementDirection.OUT: tuple(KINDS_OUT),
    StatementDirection.REFUNDS: (PostingKind.REFUND,),
}
# One statement, hence one snapshot: under load, sums that were taken one after the other would never agree.
_ROWS: Final = " UNION ALL ".join(
    f"SELECT {table.key} AS id, direction, status, amount_centavos FROM {table.name}"  # noqa: S608 - names are constants
    for table in TABLES.values()
)
_SUMMARY: Final = f"""
    WITH entries AS (
        SELECT debit_account AS ledger, -amount_centavos AS credited FROM postings
        UNION ALL SELECT credit_account, amount_centavos FROM postings
    ), sums AS (
        SELECT ledger, sum(credited)::bigint AS credited FROM entries GROUP BY ledger
    ), booked AS (
        SELECT end_to_end_id, direction, string_agg(kind, ',' ORDER BY kind) AS kinds,
            min(amount_centavos) AS least, max(amount_centavos) AS most
        FROM postings WHERE end_to_end_id IS NOT NULL GROUP BY end_to_end_id, direction
    ), demanded AS (
        SELECT id, direction, amount_centavos,
            (SELECT due.kinds FROM unnest(CAST(:due_states AS text[]), CAST(:due_kinds AS text[])) AS due(state, kinds)
                WHERE due.state = direction || ' ' || status) AS kinds
        FROM ({_ROWS}) AS rows
    ), odd_accounts AS (
        SELECT a.number FROM accounts AS a LEFT JOIN sums AS s ON s.ledger = :customer_prefix || a.number
        WHERE a.balance_centavos <> coalesce(s.credited, 0) ORDER BY a.number LIMIT :offenders
    ), odd_rows AS (
        SELECT coalesce(d.id, b.end_to_end_id) AS id
        FROM demanded AS d FULL JOIN booked AS b
            ON b.end_to_end_id = d.id AND b.direction = d.direction
        WHERE :compare_rows AND (
            d.kinds IS DISTINCT FROM b.kinds
            OR b.least <> d.amount_centavos OR b.most <> d.amount_centavos
        )
        ORDER BY 1 LIMIT :offenders
    ), negative AS (
        SELECT number FROM accounts WHERE balance_centavos < 0 ORDER BY number LIMIT :offenders
    )
    SELECT
        (SELECT coalesce(sum(balance_centavos), 0)::bigint FROM accounts),
        (SELECT coalesce(sum(credited), 0)::bigint FROM sums WHERE starts_with(ledger, :customer_prefix)),
        (SELECT coalesce(sum(credited), 0)::bigint FROM sums WHERE ledger = :clearing),
        (SELECT coalesce(-sum(credited), 0)::bigint FROM sums WHERE ledger = :settlement),
        (SELECT coalesce(-sum(credited), 0)::bigint FROM sums WHERE ledger = :cash),
        (SELECT coalesce(sum(credited), 0)::bigint FROM sums WHERE ledger = :capital),
        (SELECT coalesce(sum(CASE kind WHEN 'deposit' THEN amount_centavos ELSE -amount_centavos END), 0)::bigint
            FROM postings WHERE kind IN ('deposit', 'withdrawal')),
        (SELECT count(*) FROM postings),
        ARRAY(SELECT number FROM negative),
        ARRAY(SELECT number FROM odd_accounts),
        ARRAY(SELECT id FROM odd_rows)
"""  # noqa: S608 - names are constants
_SUMS: Final = """
    WITH entries AS (
        SELECT debit_ledger AS ledger, -amount_centavos AS credited FROM posting_tallies
        UNION ALL SELECT credit_ledger, amount_centavos FROM posting_tallies
    )
    SELECT
        (SELECT coalesce(sum(balance_centavos), 0)::bigint FROM account_tallies),
        coalesce(sum(credited) FILTER (WHERE ledger = :customer), 0)::bigint,
        coalesce(sum(credited) FILTER (WHERE ledger = :clearing), 0)::bigint,
        coalesce(-sum(credited) FILTER (WHERE ledger = :settlement), 0)::bigint,
        coalesce(-sum(credited) FILTER (WHERE ledger = :cash), 0)::bigint,
        coalesce(sum(credited) FILTER (WHERE ledger = :capital), 0)::bigint,
        (SELECT coalesce(sum(CASE kind WHEN 'deposit' THEN amount_centavos ELSE -amount_centavos END), 0)::bigint
            FROM posting_tallies WHERE kind IN ('deposit', 'withdrawal')),
        (SELECT coalesce(sum(postings), 0)::bigint FROM posting_tallies)
    FROM entries
"""
_CREDITS_BEHIND: Final = """
    SELECT posting_id FROM (
        SELECT posting_id, kind FROM postings WHERE account_number = :account_number AND posting_id > :posting_id
        ORDER BY posting_id DESC LIMIT :among
    ) AS newest WHERE kind = 'credit' ORDER BY posting_id DESC
"""
_SUMS_BY_TIME: Final = """
    SELECT width_bucket(posted_at_ms, CAST(:edges_ms AS bigint[])) AS place,
        sum(CASE WHEN debit_account <> :ledger AND kind <> 'refund' THEN amount_centavos ELSE 0 END)::bigint,
        sum(CASE WHEN debit_account = :ledger THEN amount_centavos WHEN kind = 'refund' THEN -amount_centavos ELSE 0 END
        )::bigint,
        count(*)
    FROM (
        SELECT posted_at_ms, debit_account, kind, amount_centavos FROM postings
        WHERE account_number = :account_number ORDER BY posting_id DESC LIMIT :among
    ) AS newest GROUP BY place
"""
_DUE: Final = {
    f"{direction} {status}": ",".join(sorted(due)) for (direction, status), due in POSTINGS_DUE.items() if due
}
_SYSTEM_LEDGERS: Final = {"clearing": CLEARING, "settlement": SETTLEMENT, "cash": CASH, "capital": CAPITAL}
_LEDGERS: Final = {"customer": CUSTOMER_PREFIX.removesuffix(":"), **_SYSTEM_LEDGERS}
"""In the tallies customers are one ledger."""
_PARAMETERS: Final = {
    "due_states": list(_DUE),
    "due_kinds": list(_DUE.values()),
    "customer_prefix": CUSTOMER_PREFIX,
    **_SYSTEM_LEDGERS,
}


def _posting_of(row: Sequence[Any]) -> Posting:
    _, kind, debit, credit, amount, posted_at_ms, end_to_end_id, direction, operation_id, number, after = row
    return Posting(
        kind=PostingKind(kind),
        debit_account=debit,
        credit_account=credit,
        amount_centavos=amount,
        posted_at_ms=posted_at_ms,
        end_to_end_id=end_to_end_id,
        direction=None if direction is None else Direction(direction),
        operation_id=operation_id,
        account_number=number,
        balance_after_centavos=after,
    )


class PostgresPostings(PostgresRepository):
    def add(self, postings: Sequence[Posting]) -> None:
        if postings:
            postpone_bulk(self._connection, _ADD, arrays(_COLUMNS, postings))

    def known_operations(self, operation_ids: Collection[str]) -> set[str]:
        rows = fetch_bulk(self._connection, _KNOWN_OPERATIONS, {"ids": list(operation_ids)})
        return {row[0] for row in rows}

    def statement(
        self, account_number: str, narrow: StatementFilter, before_posting_id: int | None, size: int
    ) -> list[tuple[int, Posting]]:
        values: dict[str, Any] = {"account_number": account_number, "size": size}
        conditions = ["account_number = :account_number"]
        if not narrow.has_order_of_time:
            if before_posting_id is not None:
                conditions.append("posting_id < :before")
                values["before"] = before_posting_id
            query = f"{_LIST} WHERE {' AND '.join(conditions)} ORDER BY posting_id DESC LIMIT :size"
            return [(row[0], _posting_of(row)) for row in self._execute(query, **values)]
        conditions.append("kind = shown.kind_shown")
        values["kinds"] = [kind.value for kind in _SHOWN_KINDS[narrow.direction]]
        if narrow.from_ms is not None:
            conditions.append("posted_at_ms >= :from_ms")
            values["from_ms"] = narrow.from_ms
        if narrow.to_ms is not None:
            conditions.append("posted_at_ms < :to_ms")
            values["to_ms"] = narrow.to_ms
        if before_posting_id is not None:
            conditions.append(f"(posted_at_ms, posting_id) < ({_TIME_OF_POSTING}, :before)")
            values["before"] = before_posting_id
        # Each kind reads no further in the index than the page is long, however rare it is.
        of_kind = f"{_LIST} WHERE {' AND '.join(conditions)} {_NEWEST_FIRST} LIMIT :size"
        rows = self._execute(
            "SELECT of_kind.* FROM unnest(CAST(:kinds AS text[])) AS shown(kind_shown) "  # noqa: S608 - constants
            f"CROSS JOIN LATERAL ({of_kind}) AS of_kind {_NEWEST_FIRST} LIMIT :size",
            **values,
        )
        return [(row[0], _posting_of(row)) for row in rows]

    def credits_behind(self, account_number: str, posting_id: int, among: int) -> list[int]:
        rows = self._execute(_CREDITS_BEHIND, account_number=account_number, posting_id=posting_id, among=among)
        return [row[0] for row in rows]

    def sums_by_time(
        self, account_number: str, edges_ms: Sequence[int], among: int
    ) -> tuple[list[tuple[int, int]], int]:
        rows = self._execute(
            _SUMS_BY_TIME,
            account_number=account_number,
            ledger=customer_ledger(account_number),
            edges_ms=list(edges_ms),
            among=among,
        ).all()
        # Place 0 is before the first edge.
        sums = {place: (came, went) for place, came, went, _ in rows}
        return [sums.get(place, (0, 0)) for place in range(1, len(edges_ms) + 1)], sum(row[3] for row in rows)

    def sums(self) -> BooksSums:
        return BooksSums(*self._execute(_SUMS, **_LEDGERS).one())

    def summary(self, *, compare_rows: bool = True) -> BooksSummary:
        # It reads every posting, which takes longer than any other question once there are millions.
        allow_maintenance(self._connection)
        row = self._execute(_SUMMARY, **_PARAMETERS, offenders=OFFENDERS_MAX, compare_rows=compare_rows).one()
        values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
        return BooksSummary(*values)

    def of_transfer(self, end_to_end_id: str) -> list[tuple[int, Posting]]:
        if not is_storable(end_to_end_id):
            return []
        rows = self._execute(
            f"{_LIST} WHERE end_to_end_id = :end_to_end_id ORDER BY posting_id", end_to_end_id=end_to_end_id
        )
        return [(row[0], _posting_of(row)) for row in rows]

    def list(self, before_posting_id: int | None, size: int) -> list[tuple[int, Posting]]:
        rows = self._execute(
            f"{_LIST} WHERE CAST(:before AS bigint) IS NULL OR posting_id < :before "
            "ORDER BY posting_id DESC LIMIT :size",
            before=before_posting_id,
            size=size,
        )
        return [(row[0], _posting_of(row)) for row in rows]

    def export_operations(self, after: ExportKey | None, size: int) -> ExportPage:
        return _OPERATIONS.read(self._connection, after, size)

    def export_of_rows(self, after: ExportKey | None, size: int) -> ExportPage:
        return _OF_ROWS.read(self._connection, after, size)

    def last_id(self) -> int:
        newest: int = self._execute("SELECT coalesce(max(posting_id), 0) FROM postings").scalar_one()
        return newest

    def funded_centavos(self) -> int:
        centavos: int = self._execute(_FUNDED, capital=CAPITAL).scalar_one()
        return centavos
