"""The stand-in's tables, in SQLite: accounts with balances in whole reais, keys, and transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lab.course_bank.fixtures import FixtureAccount
from pix.scheme.values import value_object

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, number TEXT NOT NULL, owner_name TEXT NOT NULL, balance INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS pix_keys (
    kind TEXT NOT NULL, key TEXT NOT NULL, account_id TEXT NOT NULL, PRIMARY KEY (kind, key)
);
CREATE TABLE IF NOT EXISTS transactions (
    id TEXT PRIMARY KEY, related_id TEXT NOT NULL, account_id TEXT NOT NULL, operation TEXT NOT NULL,
    amount INTEGER NOT NULL, key TEXT NOT NULL, key_kind TEXT NOT NULL, description TEXT NOT NULL, status TEXT NOT NULL
);
"""
_TRANSACTION_COLUMNS: Final = "id, related_id, account_id, operation, amount, key, key_kind, description, status"


@value_object
class Transaction:
    id: str
    related_id: str
    """Of a credit, the id of the payer's bank; empty for a debit."""
    account_id: str
    operation: str
    """debit or credit"""
    amount: int
    """Whole reais, positive."""
    key: str
    key_kind: str
    description: str
    status: str


@value_object
class Account:
    id: str
    number: str
    owner_name: str
    balance: int
    """Whole reais. May be below zero: the bank does not look."""


class Store:
    """Thread-safe; what is inside `transaction` happens as a whole or not at all."""

    def __init__(self, file: Path | None = None) -> None:
        """Without a file in memory."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(":memory:" if file is None else file, check_same_thread=False)
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock, self._connection:
            yield

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def seed(self, accounts: Iterable[FixtureAccount], balance: int) -> None:
        """Opens the accounts that are not there yet."""
        with self.transaction():
            for account in accounts:
                self._execute(
                    "INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, ?)",
                    account.account_id,
                    account.number,
                    account.owner_name,
                    balance,
                )

    def accounts(self) -> list[Account]:
        return [Account(*row) for row in self._rows("SELECT id, number, owner_name, balance FROM accounts ORDER BY 2")]

    def account(self, account_id: str) -> Account | None:
        return next((account for account in self.accounts() if account.id == account_id), None)

    def set_balance(self, account_id: str, balance: int) -> None:
        self._execute("UPDATE accounts SET balance = ? WHERE id = ?", balance, account_id)

    def account_of_key(self, kind: str, key: str) -> str | None:
        rows = self._rows("SELECT account_id FROM pix_keys WHERE kind = ? AND key = ?", kind, key)
        return str(rows[0][0]) if rows else None

    def add_key(self, kind: str, key: str, account_id: str) -> None:
        self._execute("INSERT OR REPLACE INTO pix_keys VALUES (?, ?, ?)", kind, key, account_id)

    def keys(self) -> list[tuple[str, str, str]]:
        """Kind, key and account."""
        return [(row[0], row[1], row[2]) for row in self._rows("SELECT kind, key, account_id FROM pix_keys ORDER BY 2")]

    def add(self, transaction: Transaction) -> None:
        self._execute(
            f"INSERT INTO transactions ({_TRANSACTION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
            transaction.id,
            transaction.related_id,
            transaction.account_id,
            transaction.operation,
            transaction.amount,
            transaction.key,
            transaction.key_kind,
            transaction.description,
            transaction.status,
        )

    def set_status(self, transaction_id: str, status: str) -> None:
        self._execute("UPDATE transactions SET status = ? WHERE id = ?", status, transaction_id)

    def transactions(self) -> list[Transaction]:
        """Oldest first."""
        return [
            Transaction(*row)
            for row in self._rows(f"SELECT {_TRANSACTION_COLUMNS} FROM transactions ORDER BY rowid")  # noqa: S608 - constants
        ]

    def transaction_with(self, transaction_id: str) -> Transaction | None:
        return next((each for each in self.transactions() if each.id == transaction_id), None)

    def _execute(self, statement: str, *values: Any) -> None:
        with self._lock:
            self._connection.execute(statement, values)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
