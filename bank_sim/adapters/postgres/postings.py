"""The books on PostgreSQL: append-only, and every sum is over the postings themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names
from bank_sim.application.views import BooksSummary, StatementDirection, StatementFilter, StatementLine
from bank_sim.domain.books import CAPITAL, CASH, CLEARING, CUSTOMER_PREFIX, SETTLEMENT, Posting
from bank_sim.domain.flows.transfer.model import TransferStatus
from pix.postgres.bulk import fetch_bulk, postpone_bulk
from pix.postgres.engine import is_storable
from pix.scheme.initiation import Initiation
from pix.scheme.postings import POSTINGS_DUE, Direction, PostingKind

OFFENDERS_MAX: Final = 100
"""A summary names at most this many accounts or transfers that do not hold."""

_COLUMNS: Final[list[Column[Posting]]] = [
    Column("kind", "text", lambda posting: posting.kind.value),
    Column("debit_account", "text", lambda posting: posting.debit_account),
    Column("credit_account", "text", lambda posting: posting.credit_account),
    Column("amount_centavos", "bigint", lambda posting: posting.amount_centavos),
    Column("posted_at_ms", "bigint", lambda posting: posting.posted_at_ms),
    Column("end_to_end_id", "text", lambda posting: posting.end_to_end_id),
    Column("direction", "text", lambda posting: None if posting.direction is None else posting.direction.value),
    Column("operation_id", "text", lambda posting: posting.operation_id),
    Column("account_number", "text", lambda posting: posting.account_number),
    Column("balance_after_centavos", "bigint", lambda posting: posting.balance_after_centavos),
]
_ADD: Final = insert_statement("postings", _COLUMNS)
_KNOWN_OPERATIONS: Final = "SELECT operation_id FROM postings WHERE operation_id = ANY(%(ids)s::text[])"

_STATEMENT: Final = """
SELECT * FROM (
    SELECT p.posting_id, p.posted_at_ms, p.kind, coalesce(p.end_to_end_id, '') AS end_to_end_id, p.direction,
        CASE WHEN p.direction = 'incoming' THEN t.payer_name ELSE coalesce(t.payee_name, t.shown_name, '') END
            AS counterpart_name,
        CASE WHEN p.direction = 'incoming' THEN coalesce(b.name, t.payer_ispb)
            ELSE coalesce(b.name, nullif(t.shown_bank_name, ''), t.payee_ispb, '') END AS counterpart_bank,
        coalesce(t.description, '') AS description,
        CASE WHEN p.debit_account = :ledger THEN -p.amount_centavos ELSE p.amount_centavos END AS amount_centavos,
        p.balance_after_centavos, t.status AS transfer_status, t.initiation, coalesce(t.txid, '') AS txid
    FROM postings AS p
    LEFT JOIN transfers AS t ON t.end_to_end_id = p.end_to_end_id AND t.direction = p.direction
    LEFT JOIN participants AS b ON b.ispb = CASE WHEN p.direction = 'incoming' THEN t.payer_ispb ELSE t.payee_ispb END
    WHERE p.account_number = :account_number
) AS line
"""
_DIRECTION_CONDITIONS: Final = {
    StatementDirection.ALL: "true",
    StatementDirection.IN: "amount_centavos > 0 AND kind <> 'refund'",
    StatementDirection.OUT: "amount_centavos < 0",
    StatementDirection.REFUNDS: "kind = 'refund'",
}

# One statement, hence one snapshot: under load, sums that were taken one after the other would never agree.
_SUMMARY: Final = text(
    """
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
        SELECT end_to_end_id, direction, amount_centavos,
            (SELECT due.kinds FROM unnest(CAST(:due_states AS text[]), CAST(:due_kinds AS text[])) AS due(state, kinds)
                WHERE due.state = direction || ' ' || status) AS kinds
        FROM transfers
    ), odd_accounts AS (
        SELECT a.number FROM accounts AS a LEFT JOIN sums AS s ON s.ledger = :customer_prefix || a.number
        WHERE a.balance_centavos <> coalesce(s.credited, 0) ORDER BY a.number LIMIT :offenders
    ), odd_transfers AS (
        SELECT coalesce(d.end_to_end_id, b.end_to_end_id) AS id
        FROM demanded AS d FULL JOIN booked AS b
            ON b.end_to_end_id = d.end_to_end_id AND b.direction = d.direction
        WHERE d.kinds IS DISTINCT FROM b.kinds
            OR b.least <> d.amount_centavos OR b.most <> d.amount_centavos
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
        (SELECT coalesce(sum(amount_centavos), 0)::bigint FROM postings WHERE kind = 'deposit'),
        (SELECT count(*) FROM postings),
        ARRAY(SELECT number FROM negative),
        ARRAY(SELECT number FROM odd_accounts),
        ARRAY(SELECT id FROM odd_transfers)
    """
)
_DUE: Final = {
    f"{direction} {status}": ",".join(sorted(due)) for (direction, status), due in POSTINGS_DUE.items() if due
}
_PARAMETERS: Final = {
    "due_states": list(_DUE),
    "due_kinds": list(_DUE.values()),
    "customer_prefix": CUSTOMER_PREFIX,
    "clearing": CLEARING,
    "settlement": SETTLEMENT,
    "cash": CASH,
    "capital": CAPITAL,
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


class PostgresPostings:
    """See `bank_sim.application.ports.PostingRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, postings: Sequence[Posting]) -> None:
        if postings:
            postpone_bulk(self._connection, _ADD, arrays(_COLUMNS, postings))

    def known_operations(self, operation_ids: Collection[str]) -> set[str]:
        rows = fetch_bulk(self._connection, _KNOWN_OPERATIONS, {"ids": list(operation_ids)})
        return {row[0] for row in rows}

    def statement(
        self, account_number: str, narrow: StatementFilter, before_posting_id: int | None, size: int
    ) -> list[StatementLine]:
        conditions = [_DIRECTION_CONDITIONS[narrow.direction]]
        values: dict[str, Any] = {
            "account_number": account_number,
            "ledger": f"{CUSTOMER_PREFIX}{account_number}",
            "size": size,
        }
        if narrow.from_ms is not None:
            conditions.append("posted_at_ms >= :from_ms")
            values["from_ms"] = narrow.from_ms
        if narrow.to_ms is not None:
            conditions.append("posted_at_ms < :to_ms")
            values["to_ms"] = narrow.to_ms
        if before_posting_id is not None:
            conditions.append("posting_id < :before")
            values["before"] = before_posting_id
        rows = self._connection.execute(
            text(f"{_STATEMENT} WHERE {' AND '.join(conditions)} ORDER BY posting_id DESC LIMIT :size"), values
        )
        return [
            StatementLine(
                posting_id=row.posting_id,
                posted_at_ms=row.posted_at_ms,
                kind=PostingKind(row.kind),
                end_to_end_id=row.end_to_end_id,
                direction=None if row.direction is None else Direction(row.direction),
                counterpart_name=row.counterpart_name,
                counterpart_bank=row.counterpart_bank,
                description=row.description,
                amount_centavos=row.amount_centavos,
                balance_after_centavos=row.balance_after_centavos,
                transfer_status=None if row.transfer_status is None else TransferStatus(row.transfer_status),
                initiation=None if row.initiation is None else Initiation(row.initiation),
                txid=row.txid,
            )
            for row in rows
        ]

    def summary(self) -> BooksSummary:
        row = self._connection.execute(_SUMMARY, {**_PARAMETERS, "offenders": OFFENDERS_MAX}).one()
        return BooksSummary(
            customers_centavos=row[0],
            customers_posted_centavos=row[1],
            clearing_centavos=row[2],
            settlement_centavos=row[3],
            cash_centavos=row[4],
            capital_centavos=row[5],
            deposits_centavos=row[6],
            postings=row[7],
            negative_accounts=tuple(row[8]),
            unbalanced_accounts=tuple(row[9]),
            unbalanced_transfers=tuple(row[10]),
        )

    def of_transfer(self, end_to_end_id: str) -> list[tuple[int, Posting]]:
        if not is_storable(end_to_end_id):
            return []
        rows = self._connection.execute(
            text(
                f"SELECT posting_id, {names(_COLUMNS)} FROM postings "  # noqa: S608 - names are constants
                "WHERE end_to_end_id = :end_to_end_id ORDER BY posting_id"
            ),
            {"end_to_end_id": end_to_end_id},
        )
        return [(row[0], _posting_of(row)) for row in rows]

    def list(self, before_posting_id: int | None, size: int) -> list[tuple[int, Posting]]:
        rows = self._connection.execute(
            text(
                f"SELECT posting_id, {names(_COLUMNS)} FROM postings "  # noqa: S608 - names are constants
                "WHERE CAST(:before AS bigint) IS NULL OR posting_id < :before ORDER BY posting_id DESC LIMIT :size"
            ),
            {"before": before_posting_id, "size": size},
        )
        return [(row[0], _posting_of(row)) for row in rows]
