"""Accounts and their keys on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, update_statement
from bank_sim.domain.account import Account, AccountKey, AccountStatus
from bank_sim.domain.limits import Limit, LimitKind
from pix.postgres.bulk import execute_bulk, fetch_bulk, postpone_bulk
from pix.postgres.unit_of_work import PostgresRepository
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind

_ACCOUNT_COLUMNS: Final = (
    "number, holder_name, holder_kind, tax_id, status, balance_centavos, opened_at_ms, branch, limits"
)
_ADD: Final = (
    f"INSERT INTO accounts ({_ACCOUNT_COLUMNS}, pin_hash) "  # noqa: S608 - names are constants of this module
    "VALUES (:number, :holder_name, :holder_kind, :tax_id, :status, :balance_centavos, :opened_at_ms, :branch, "
    "CAST(:limits AS jsonb), :pin_hash)"
)
_SELECT: Final = f"SELECT {_ACCOUNT_COLUMNS} FROM accounts"  # noqa: S608 - names are constants of this module
_LOCK: Final = f"{_SELECT} WHERE number = ANY(%(numbers)s::text[]) ORDER BY number FOR UPDATE"
_FIND: Final = f"{_SELECT} WHERE number = %(number)s"
_LIST: Final = f"{_SELECT} WHERE number > :after ORDER BY number LIMIT :size"
# An advisory lock rather than a unique index, because accounts of before may share a tax id and keep working.
_LOCK_TAX_ID: Final = "SELECT pg_advisory_xact_lock(hashtextextended('tax_id ' || :tax_id, 0))"
_OPEN_TAX_IDS: Final = "SELECT tax_id FROM accounts WHERE tax_id = ANY(%(tax_ids)s::text[]) AND status <> 'closed'"

_NUMBER: Final = [Column[Account]("number", "text", lambda account: account.number)]
_CHANGING: Final = [
    Column[Account]("status", "text", lambda account: account.status),
    Column[Account]("balance_centavos", "bigint", lambda account: account.balance_centavos),
]
_SAVE: Final = update_statement("accounts", _NUMBER, _CHANGING)
_SAVE_LIMITS: Final = "UPDATE accounts SET limits = CAST(:limits AS jsonb) WHERE number = :number"


def _account_of(row: Sequence[Any]) -> Account:
    number, holder_name, holder_kind, tax_id, status, balance_centavos, opened_at_ms, branch, limits = row
    return Account(
        number,
        holder_name,
        HolderKind(holder_kind),
        tax_id,
        AccountStatus(status),
        balance_centavos,
        opened_at_ms,
        branch,
        _limits_of(limits) if limits else (),
    )


def _limits_of(limits: Mapping[str, Mapping[str, int | None]]) -> tuple[Limit, ...]:
    return tuple(
        Limit(LimitKind(kind), each["amount_centavos"], each.get("raise_to_centavos"), each.get("raise_at_ms"))
        for kind, each in sorted(limits.items())
    )


def _limits_json(limits: Iterable[Limit]) -> str | None:
    found = {}
    for limit in limits:
        found[limit.kind.value] = {"amount_centavos": limit.amount_centavos}
        if limit.raise_at_ms is not None:
            found[limit.kind.value] |= {
                "raise_to_centavos": limit.raise_to_centavos,
                "raise_at_ms": limit.raise_at_ms,
            }
    return json.dumps(found) if found else None


class PostgresAccounts(PostgresRepository):
    def next_serial(self) -> int:
        serial: int = self._execute("SELECT nextval('account_serials')").scalar_one()
        return serial

    def add(self, account: Account, pin_hash: str) -> None:
        values = asdict(account) | {"limits": _limits_json(account.limits)}
        self._execute(_ADD, **values, pin_hash=pin_hash)

    def claim_tax_id(self, tax_id: str) -> bool:
        self._execute(_LOCK_TAX_ID, tax_id=tax_id)
        return not self.open_tax_ids([tax_id])

    def open_tax_ids(self, tax_ids: Collection[str]) -> set[str]:
        rows = fetch_bulk(self._connection, _OPEN_TAX_IDS, {"tax_ids": list(tax_ids)})
        return {row[0] for row in rows}

    def lock(self, numbers: Collection[str]) -> dict[str, Account]:
        if not numbers:
            return {}
        rows = fetch_bulk(self._connection, _LOCK, {"numbers": sorted(numbers)})
        return {row[0]: _account_of(row) for row in rows}

    def save(self, accounts: Collection[Account]) -> None:
        if accounts:
            postpone_bulk(self._connection, _SAVE, arrays([*_NUMBER, *_CHANGING], list(accounts)))

    def save_limits(self, account: Account) -> None:
        self._execute(_SAVE_LIMITS, number=account.number, limits=_limits_json(account.limits))

    def find(self, number: str) -> Account | None:
        rows = fetch_bulk(self._connection, _FIND, {"number": number})
        return _account_of(rows[0]) if rows else None

    def pin_hash(self, number: str) -> str | None:
        found = self._execute("SELECT pin_hash FROM accounts WHERE number = :number", number=number)
        pin_hash: str | None = found.scalar_one_or_none()
        return pin_hash

    def save_pin_hash(self, number: str, pin_hash: str) -> None:
        self._execute(
            "UPDATE accounts SET pin_hash = :pin_hash WHERE number = :number", number=number, pin_hash=pin_hash
        )

    def list(self, after_number: str, size: int) -> list[Account]:
        return [_account_of(row) for row in self._execute(_LIST, after=after_number, size=size)]


_KEY_COLUMNS: Final = [
    Column[tuple[AccountKey, int]]("kind", "text", lambda noted: noted[0].key.kind.value),
    Column[tuple[AccountKey, int]]("key", "text", lambda noted: noted[0].key.key),
    Column[tuple[AccountKey, int]]("account_number", "text", lambda noted: noted[0].account_number),
    Column[tuple[AccountKey, int]]("registered_at_ms", "bigint", lambda noted: noted[0].registered_at_ms),
    Column[tuple[AccountKey, int]]("noted_at_ms", "bigint", lambda noted: noted[1]),
]
_PUT_KEYS: Final = insert_statement(
    "account_keys",
    _KEY_COLUMNS,
    "ON CONFLICT (key, kind) DO UPDATE SET account_number = excluded.account_number, "
    "registered_at_ms = excluded.registered_at_ms, noted_at_ms = excluded.noted_at_ms",
)
_THESE_KEYS: Final = "(key, kind) IN (SELECT * FROM unnest(%(keys)s::text[], %(kinds)s::text[]))"
_REMOVE_KEYS: Final = (
    f"DELETE FROM account_keys WHERE {_THESE_KEYS} "  # noqa: S608 - a constant of this module
    "AND (%(account_number)s = '' OR account_number = %(account_number)s)"
)
_OWNERS: Final = f"SELECT kind, key, account_number FROM account_keys WHERE {_THESE_KEYS}"  # noqa: S608 - a constant of this module
_SELECT_KEYS: Final = "SELECT account_number, kind, key, registered_at_ms, noted_at_ms FROM account_keys"

_OF_CLOSED_ACCOUNTS: Final = (
    f"{_SELECT_KEYS} WHERE account_number IN (SELECT number FROM accounts WHERE status = 'closed') "  # noqa: S608 - a constant
    'AND (key COLLATE "C", kind COLLATE "C") > (:key, :kind) '
    'ORDER BY key COLLATE "C", kind COLLATE "C" LIMIT :size'
)


def _key_of(row: Sequence[Any]) -> AccountKey:
    account_number, kind, key, registered_at_ms, _ = row
    return AccountKey(account_number, PixKey(KeyKind(kind), key), registered_at_ms)


def _these(keys: Collection[PixKey]) -> dict[str, Sequence[str]]:
    return {"keys": [key.key for key in keys], "kinds": [key.kind.value for key in keys]}


class PostgresKeys(PostgresRepository):
    def put(self, keys: Sequence[AccountKey], noted_at_ms: int) -> None:
        if keys:
            execute_bulk(self._connection, _PUT_KEYS, arrays(_KEY_COLUMNS, [(key, noted_at_ms) for key in keys]))

    def remove(self, keys: Collection[PixKey], account_number: str = "") -> None:
        if keys:
            execute_bulk(self._connection, _REMOVE_KEYS, {**_these(keys), "account_number": account_number})

    def of_closed_accounts(self, after: PixKey | None, size: int) -> list[AccountKey]:
        place = {"key": after.key if after else "", "kind": after.kind.value if after else ""}
        rows = self._execute(_OF_CLOSED_ACCOUNTS, **place, size=size)
        return [_key_of(row) for row in rows]

    def of_account(self, account_number: str) -> list[AccountKey]:
        rows = self._execute(
            f"{_SELECT_KEYS} WHERE account_number = :number ORDER BY registered_at_ms, key", number=account_number
        )
        return [_key_of(row) for row in rows]

    def owners(self, keys: Collection[PixKey]) -> dict[PixKey, str]:
        if not keys:
            return {}
        rows = fetch_bulk(self._connection, _OWNERS, _these(keys))
        return {PixKey(KeyKind(kind), key): account_number for kind, key, account_number in rows}

    def all(self) -> dict[AccountKey, int]:
        return {_key_of(row): row[4] for row in self._execute(_SELECT_KEYS)}
