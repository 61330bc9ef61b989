"""The books, in one SQLite file: accounts, postings by double entry, and a row for each side of a transfer or return.

The row is also the outbox: what the bank owes the hub follows from its status, and `resend_at_ms` says when it is due.
Every method works within the transaction of its caller.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from lab.broken_banks.defects import Defect
from pix.scheme.messages import Party
from pix.scheme.people import mask_tax_id
from pix.scheme.postings import Direction
from pix.wire.protobuf_v1.messages import DECODERS, ENCODERS

BRANCH: Final = "0001"
CASH, CAPITAL, CLEARING, SETTLEMENT = "cash", "capital", "clearing", "settlement"
ACCOUNTS_MAX: Final = 1_000
DEAD_LETTERS_MAX: Final = 1_000
REASON_LENGTH_MAX: Final = 400
BUSY_SECONDS_MAX: Final = 5.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    number TEXT PRIMARY KEY, type TEXT NOT NULL, owner_name TEXT NOT NULL, owner_document TEXT NOT NULL,
    status TEXT NOT NULL, balance_centavos INTEGER NOT NULL {balance_check}, opened_at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, account_number TEXT NOT NULL, registered_at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS postings (
    posting_id INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, direction TEXT NOT NULL, kind TEXT NOT NULL,
    debit_account TEXT NOT NULL, credit_account TEXT NOT NULL, amount_centavos INTEGER NOT NULL,
    account_number TEXT NOT NULL, posted_at_ms INTEGER NOT NULL {once});
CREATE INDEX IF NOT EXISTS postings_by_account ON postings (account_number);
CREATE INDEX IF NOT EXISTS postings_by_id ON postings (id);
CREATE TABLE IF NOT EXISTS sides (
    id TEXT NOT NULL, direction TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    amount_centavos INTEGER NOT NULL, account_number TEXT NOT NULL, original_id TEXT NOT NULL,
    message_type TEXT NOT NULL, message BLOB NOT NULL, idempotency_key TEXT, made_at_ms INTEGER NOT NULL,
    decided_at_ms INTEGER, resend_at_ms INTEGER, resend_count INTEGER NOT NULL, PRIMARY KEY (id, direction));
CREATE {one_order} INDEX IF NOT EXISTS sides_by_order
    ON sides (account_number, original_id = '', idempotency_key);
CREATE INDEX IF NOT EXISTS sides_due ON sides (resend_at_ms) WHERE resend_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS sides_by_original ON sides (original_id) WHERE original_id <> '';
CREATE TABLE IF NOT EXISTS dead_letters (
    dead_letter_id TEXT PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    sender TEXT NOT NULL, reason TEXT NOT NULL, value_bytes INTEGER NOT NULL, times INTEGER NOT NULL,
    first_seen_at_ms INTEGER NOT NULL, last_seen_at_ms INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Account:
    number: str
    type: str
    owner_name: str
    owner_document: str
    status: str
    balance_centavos: int
    opened_at_ms: int

    def as_party(self, ispb: str) -> Party:
        return Party(ispb, BRANCH, self.number, self.owner_name, mask_tax_id(self.owner_document))


@dataclass(frozen=True, slots=True)
class Row:
    """One side of a transfer or return; `original_id` is empty for a transfer."""

    id: str
    direction: Direction
    status: str
    """pending, accepted, rejected, confirmed or failed."""
    reason: str
    amount_centavos: int
    account_number: str
    original_id: str
    message: Any
    """The first message about it: the request that this bank made, the hub's offer, or its outcome without an offer."""
    idempotency_key: str | None
    made_at_ms: int
    decided_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int


@dataclass(frozen=True, slots=True)
class Posting:
    posting_id: int
    id: str
    direction: str
    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int
    account_number: str
    posted_at_ms: int


class Ledger:
    """Opens the file, and makes it when there is none."""

    def __init__(self, folder: Path, defects: frozenset[Defect]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._defects = defects
        # Transactions are begun and ended here; one lock of the bank guards the connection.
        self._connection = sqlite3.connect(
            folder / "bank.sqlite3", timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        # A commit is on the disk before anything is published.
        self._connection.execute("PRAGMA synchronous=FULL")
        doubles = {Defect.CREDITS_TWICE, Defect.REFUNDS_TWICE, Defect.CREDITS_OFFERS}
        self._connection.executescript(
            _SCHEMA.format(
                # The programmers of these mistakes did not ask the database for help either.
                balance_check="" if Defect.NO_FUNDS_CHECK in defects else "CHECK (balance_centavos >= 0)",
                once="" if doubles & defects else ", UNIQUE (id, direction, kind)",
                one_order="" if Defect.PAYS_TWICE in defects else "UNIQUE",
            )
        )

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._connection.execute("ROLLBACK")

    def savepoint(self, name: str) -> None:
        self._connection.execute(f"SAVEPOINT {name}")

    def release(self, name: str) -> None:
        self._connection.execute(f"RELEASE {name}")

    def undo(self, name: str) -> None:
        """Takes back what was done since the savepoint."""
        self._connection.execute(f"ROLLBACK TO {name}")
        self._connection.execute(f"RELEASE {name}")

    def close(self) -> None:
        self._connection.close()

    # Accounts and keys.

    def account(self, number: str) -> Account | None:
        found = self._all("SELECT * FROM accounts WHERE number = ?", number)
        return Account(*found[0]) if found else None

    def accounts(self) -> list[Account]:
        return [Account(*row) for row in self._all("SELECT * FROM accounts ORDER BY number")]

    def add_account(self, account: Account) -> None:
        self._connection.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(account))

    def set_status(self, number: str, status: str) -> None:
        self._connection.execute("UPDATE accounts SET status = ? WHERE number = ?", (status, number))

    def has_open_sides(self, number: str) -> bool:
        return bool(
            self._all(
                "SELECT 1 FROM sides WHERE account_number = ? AND status IN ('pending', 'accepted') LIMIT 1", number
            )
        )

    def keys(self, number: str) -> list[tuple[str, str, int]]:
        """Kind, key and time of registration, in the order of registration."""
        return self._all("SELECT kind, key, registered_at_ms FROM keys WHERE account_number = ? ORDER BY rowid", number)

    def kind_of_key(self, key: str) -> str | None:
        found = self._all("SELECT kind FROM keys WHERE key = ?", key)
        return found[0][0] if found else None

    def owner_of_key(self, key: str) -> str | None:
        found = self._all("SELECT account_number FROM keys WHERE key = ?", key)
        return found[0][0] if found else None

    def add_key(self, kind: str, key: str, number: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", (key, kind, number, now_ms()))

    def remove_key(self, key: str) -> None:
        self._connection.execute("DELETE FROM keys WHERE key = ?", (key,))

    # Postings.

    def post(self, row_id: str, direction: str, kind: str, debit: str, credit: str, amount_centavos: int) -> None:
        """Books once, and keeps the customer's balance beside it. Raises sqlite3.IntegrityError for a second time."""
        number = next((ledger.partition(":")[2] for ledger in (debit, credit) if ledger.startswith("customer:")), "")
        self._connection.execute(
            "INSERT INTO postings (id, direction, kind, debit_account, credit_account, amount_centavos, account_number,"
            " posted_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row_id, direction, kind, debit, credit, amount_centavos, number, now_ms()),
        )
        if not number:
            return
        change = amount_centavos if credit.startswith("customer:") else -amount_centavos
        if Defect.FLOAT_MONEY in self._defects:
            self._add_in_floating_point(number, change)
            return
        self._connection.execute(
            "UPDATE accounts SET balance_centavos = balance_centavos + ? WHERE number = ?", (change, number)
        )

    def _add_in_floating_point(self, number: str, change_centavos: int) -> None:
        ((before,),) = self._all("SELECT balance_centavos FROM accounts WHERE number = ?", number)
        balance_reais = before / 100 + change_centavos / 100
        # FLOAT_MONEY: 0.29 * 100 is 28.999999999999996, and what is behind the point is cut off.
        balance_centavos = int(balance_reais * 100)
        self._connection.execute(
            "UPDATE accounts SET balance_centavos = ? WHERE number = ?", (balance_centavos, number)
        )

    def postings(self, account_number: str = "", row_id: str = "") -> list[Posting]:
        """Oldest first: of an account, of a transfer or return, or all."""
        where: str = "1"
        values: tuple[str, ...] = ()
        if account_number:
            where, values = "account_number = ?", (account_number,)
        elif row_id:
            where, values = "id = ?", (row_id,)
        rows = self._all(f"SELECT * FROM postings WHERE {where} ORDER BY posting_id", *values)  # noqa: S608 - of three
        return [Posting(*row) for row in rows]

    def has_posting(self, row_id: str, direction: str = "") -> bool:
        """Of one side of a transfer or return, or of a funding."""
        return bool(self._all("SELECT 1 FROM postings WHERE id = ? AND direction = ? LIMIT 1", row_id, direction))

    def balances(self) -> dict[str, int]:
        """What each ledger account was credited less what it was debited; those of customers under `customer`."""
        found: dict[str, int] = dict.fromkeys(("customer", CLEARING, SETTLEMENT, CAPITAL, CASH), 0)
        for column, sign in (("credit_account", 1), ("debit_account", -1)):
            for name, amount in self._all(
                f"SELECT substr({column}, 1, instr({column} || ':', ':') - 1), sum(amount_centavos)"  # noqa: S608 - of two
                " FROM postings GROUP BY 1"
            ):
                found[name] = found.get(name, 0) + sign * amount
        return found

    # The sides of transfers and returns.

    def row(self, row_id: str, direction: Direction) -> Row | None:
        found = self._rows("id = ? AND direction = ?", row_id, direction.value)
        return found[0] if found else None

    def rows_of(self, row_id: str) -> list[Row]:
        """The outgoing side first."""
        return self._rows("id = ? ORDER BY direction DESC", row_id)

    def rows_of_original(self, row_id: str, direction: Direction) -> list[Row]:
        """The returns of a transfer."""
        return self._rows("original_id = ? AND direction = ?", row_id, direction.value)

    def row_of_order(self, account_number: str, idempotency_key: str, *, returns: bool = False) -> Row | None:
        where = "account_number = ? AND idempotency_key = ? AND (original_id <> '') = ?"
        found = self._rows(where, account_number, idempotency_key, returns)
        return found[0] if found else None

    def rows(self, *, returns: bool, undecided: bool = False) -> list[Row]:
        where = "original_id <> ''" if returns else "original_id = ''"
        if undecided:
            where += " AND status IN ('pending', 'accepted', 'rejected')"
        return self._rows(f"{where} ORDER BY rowid")

    def rows_due(self, rows_max: int) -> list[Row]:
        return self._rows("resend_at_ms <= ? ORDER BY resend_at_ms LIMIT ?", now_ms(), rows_max)

    def save(self, row: Row) -> None:
        """Adds a row, or replaces the one with this id and direction."""
        kind = type(row.message)
        value = ENCODERS[kind](row.message).SerializeToString(deterministic=True)
        self._connection.execute(
            "INSERT INTO sides VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, direction) DO UPDATE"
            " SET status = excluded.status, reason = excluded.reason, amount_centavos = excluded.amount_centavos,"
            " account_number = excluded.account_number, message = excluded.message,"
            " decided_at_ms = excluded.decided_at_ms, resend_at_ms = excluded.resend_at_ms,"
            " resend_count = excluded.resend_count",
            (
                row.id,
                row.direction.value,
                row.status,
                row.reason,
                row.amount_centavos,
                row.account_number,
                row.original_id,
                kind.__name__,
                value,
                row.idempotency_key,
                row.made_at_ms,
                row.decided_at_ms,
                row.resend_at_ms,
                row.resend_count,
            ),
        )

    def _rows(self, where: str, *values: object) -> list[Row]:
        rows = self._all(f"SELECT * FROM sides WHERE {where}", *values)  # noqa: S608 - the texts above
        return [_row(row) for row in rows]

    # Dead letters.

    def add_dead_letter(
        self, digest: str, topic: str, partition: int, offset: int, sender: str, reason: str, value_bytes: int
    ) -> None:
        """Keeps what a record was and why it was rejected, not its bytes; the oldest make room."""
        now = now_ms()
        self._connection.execute(
            "INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (dead_letter_id) DO UPDATE"
            " SET times = times + 1, last_seen_at_ms = excluded.last_seen_at_ms",
            (digest, topic, partition, offset, sender[:80], reason[:REASON_LENGTH_MAX], value_bytes, now, now),
        )
        self._connection.execute(
            "DELETE FROM dead_letters WHERE dead_letter_id NOT IN"
            " (SELECT dead_letter_id FROM dead_letters ORDER BY last_seen_at_ms DESC LIMIT ?)",
            (DEAD_LETTERS_MAX,),
        )

    def dead_letters(self) -> Sequence[dict[str, Any]]:
        """Last seen first."""
        cursor = self._connection.execute("SELECT * FROM dead_letters ORDER BY last_seen_at_ms DESC")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()


def customer(number: str) -> str:
    return f"customer:{number}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _row(values: tuple[Any, ...]) -> Row:
    row_id, direction, status, reason, amount, number, original, kind, value, *rest = values
    _, wire_class, decode = DECODERS[kind]
    message = decode(wire_class.FromString(value))
    return Row(row_id, Direction(direction), status, reason, amount, number, original, message, *rest)
