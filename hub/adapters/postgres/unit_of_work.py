"""The hub's unit of work on PostgreSQL. A batch of any size costs a few statements: arrays in, `unnest` inside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from hub.adapters.flow_stores import STORES
from hub.adapters.postgres.clock_jump import PostgresClockJump
from hub.adapters.postgres.folding import folded
from hub.adapters.postgres.tallies import PostgresTallies, choose_slot
from hub.adapters.postgres.trail import PostgresTrail
from hub.adapters.postgres.transfers import PostgresTransfers
from hub.application.ports import Found, KeyFilter, SettlementConflict
from hub.domain.bank import Bank, BankSecret
from hub.domain.directory import Account, KeyChange, KeyEntry, KeyEvent
from hub.domain.errors import BankAlreadyAdded
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.liveness import HEARTBEAT_AGE_MS_MAX, BankInstance
from hub.domain.settlement import AccountChange, Funding, SettlementAccount
from pix.participant.clock.postgres import PostgresClock
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.bulk import execute_bulk, fetch_bulk, number_array, postpone_bulk, text_array, word_array
from pix.postgres.engine import is_storable
from pix.postgres.unit_of_work import PostgresRepository, PostgresTransaction
from pix.scheme.features import known_features
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind

LAST_CHARACTER: Final = chr(sys.maxunicode)
"""Sorts behind every character that a key has."""
MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"


BANK_COLUMNS: Final = "ispb, code, name, color, url, version, active, joined_at_ms, features, payload_host"
_ALL_BANKS: Final = f"SELECT {BANK_COLUMNS} FROM banks"  # noqa: S608 - names are constants of this module
_ALL_SECRETS: Final = "SELECT ispb, secret_sha256, signing_key, added_at_ms FROM bank_secrets ORDER BY added_at_ms DESC"


def bank_of(row: Sequence[Any]) -> Bank:
    """The bank of a row with these columns."""
    values = (*row[:-2], known_features(row[-2]), row[-1])
    return Bank(*values)


class PostgresBanks(PostgresRepository):
    def all(self) -> dict[str, Bank]:
        rows = fetch_bulk(self._connection, _ALL_BANKS, {})
        return {row[0]: bank_of(row) for row in rows}

    def secrets(self) -> dict[str, list[BankSecret]]:
        rows = fetch_bulk(self._connection, _ALL_SECRETS, {})
        secrets: dict[str, list[BankSecret]] = {}
        for ispb, secret_sha256, signing_key, added_at_ms in rows:
            secrets.setdefault(ispb, []).append(BankSecret(ispb, bytes(secret_sha256), bytes(signing_key), added_at_ms))
        return secrets

    def add(self, bank: Bank) -> None:
        try:
            self._execute(
                f"INSERT INTO banks ({BANK_COLUMNS}) "  # noqa: S608 - names are constants of this module
                "VALUES (:ispb, :code, :name, :color, :url, :version, :active, :joined_at_ms, :features, "
                ":payload_host)",
                **_bank_values(bank),
            )
        except IntegrityError:
            raise BankAlreadyAdded("code", f"another bank has the code {bank.code}") from None

    def update(self, bank: Bank) -> None:
        self._execute(
            "UPDATE banks SET name = :name, color = :color, url = :url, version = :version, "
            "joined_at_ms = :joined_at_ms, features = :features, payload_host = :payload_host WHERE ispb = :ispb",
            **_bank_values(bank),
        )

    def set_active(self, ispb: str, *, active: bool) -> None:
        self._execute("UPDATE banks SET active = :active WHERE ispb = :ispb", active=active, ispb=ispb)

    def add_secret(self, secret: BankSecret) -> None:
        self._execute(
            "INSERT INTO bank_secrets VALUES (:ispb, :secret_sha256, :wire_key, :added_at_ms) "
            "ON CONFLICT (ispb, secret_sha256) DO UPDATE SET added_at_ms = excluded.added_at_ms",
            **asdict(secret),
        )

    def retire_secrets(self, ispb: str, keep: int) -> None:
        self._execute(
            "DELETE FROM bank_secrets WHERE ispb = :ispb AND secret_sha256 NOT IN ("
            "SELECT secret_sha256 FROM bank_secrets WHERE ispb = :ispb ORDER BY added_at_ms DESC LIMIT :keep)",
            ispb=ispb,
            keep=keep,
        )


def _bank_values(bank: Bank) -> dict[str, Any]:
    return {
        "ispb": bank.ispb,
        "code": bank.code,
        "name": bank.name,
        "color": bank.color,
        "url": bank.url,
        "version": bank.version,
        "active": bank.active,
        "joined_at_ms": bank.joined_at_ms,
        "features": sorted(bank.features),
        "payload_host": bank.payload_host,
    }


_FUNDINGS: Final = "SELECT funding_id, ispb, amount_centavos, funded_at_ms FROM settlement_fundings"
_ACCOUNTS_TABLE: Final = "settlement_accounts"
_ALL_ACCOUNTS: Final = "SELECT ispb, balance_centavos, reserved_centavos FROM settlement_accounts ORDER BY ispb"
# Two statements in one round trip. The first takes the locks in one order, so that no two replicas wait for each other;
# the second adds to what the accounts hold once they are ours.
_ADD_TO_ACCOUNTS: Final = (
    "SELECT FROM settlement_accounts WHERE ispb = ANY(%(ispbs)s::text[]) ORDER BY ispb FOR UPDATE; "
    "UPDATE settlement_accounts AS a "
    "SET balance_centavos = a.balance_centavos + v.balance, reserved_centavos = a.reserved_centavos + v.reserve "
    "FROM unnest(%(ispbs)s::text[], %(balances)s::bigint[], %(reserves)s::bigint[]) AS v(ispb, balance, reserve) "
    "WHERE a.ispb = v.ispb"
)


class PostgresHeartbeats(PostgresRepository):
    def put(self, instance: BankInstance) -> None:
        self._execute(
            "INSERT INTO bank_instances AS known "
            "VALUES (:ispb, :instance, :version, :lag, :last_seen_at_ms, :left_at_ms) "
            "ON CONFLICT (ispb, instance) DO UPDATE SET version = excluded.version, lag = excluded.lag, "
            "last_seen_at_ms = excluded.last_seen_at_ms, left_at_ms = excluded.left_at_ms "
            "WHERE known.last_seen_at_ms NOT BETWEEN excluded.last_seen_at_ms + 1 "
            "AND excluded.last_seen_at_ms + :unheard_ms_max",
            **asdict(instance),
            unheard_ms_max=HEARTBEAT_AGE_MS_MAX,
        )

    def forget(self, last_seen_before_ms: int, last_seen_after_ms: int) -> None:
        # Skips what another transaction holds: that process speaks at this very moment.
        self._execute(
            "DELETE FROM bank_instances WHERE (ispb, instance) IN (SELECT ispb, instance FROM bank_instances "
            "WHERE last_seen_at_ms NOT BETWEEN :before_ms AND :after_ms FOR UPDATE SKIP LOCKED)",
            before_ms=last_seen_before_ms,
            after_ms=last_seen_after_ms,
        )

    def all(self) -> list[BankInstance]:
        rows = self._execute("SELECT ispb, instance, version, lag, last_seen_at_ms, left_at_ms FROM bank_instances")
        return [BankInstance(*row) for row in rows]


class PostgresSettlement(PostgresRepository):
    def lock(self, ispbs: Collection[str]) -> dict[str, SettlementAccount]:
        rows = self._execute(
            "SELECT ispb, balance_centavos, reserved_centavos FROM settlement_accounts "
            "WHERE ispb = ANY(CAST(:ispbs AS text[])) ORDER BY ispb FOR UPDATE",
            ispbs=sorted(ispbs),
        )
        return {row[0]: SettlementAccount(*row) for row in rows}

    def save(self, accounts: Sequence[SettlementAccount]) -> None:
        if not accounts:
            return
        self._execute(
            "UPDATE settlement_accounts AS a SET balance_centavos = v.balance, reserved_centavos = v.reserved "
            "FROM unnest(CAST(:ispbs AS text[]), CAST(:balances AS bigint[]), CAST(:reserves AS bigint[])) "
            "AS v(ispb, balance, reserved) WHERE a.ispb = v.ispb",
            ispbs=[account.ispb for account in accounts],
            balances=[account.balance_centavos for account in accounts],
            reserves=[account.reserved_centavos for account in accounts],
        )

    def add(self, changes: Sequence[AccountChange]) -> None:
        if not changes:
            return
        values = {
            "ispbs": text_array([change.ispb for change in changes]),
            "balances": number_array([change.balance_centavos for change in changes]),
            "reserves": number_array([change.reserved_centavos for change in changes]),
        }
        postpone_bulk(self._connection, _ADD_TO_ACCOUNTS, values)

    def open(self, ispb: str) -> None:
        self._execute("INSERT INTO settlement_accounts VALUES (:ispb, 0, 0)", ispb=ispb)

    def all(self) -> dict[str, SettlementAccount]:
        rows = fetch_bulk(self._connection, _ALL_ACCOUNTS, {})
        return {row[0]: SettlementAccount(*row) for row in rows}

    def add_funding(self, funding: Funding) -> bool:
        added: int = self._execute(
            "INSERT INTO settlement_fundings VALUES (:funding_id, :ispb, :amount_centavos, :funded_at_ms) "
            "ON CONFLICT DO NOTHING",
            **asdict(funding),
        ).rowcount
        return added == 1

    def find_funding(self, funding_id: str) -> Funding | None:
        row = self._execute(f"{_FUNDINGS} WHERE funding_id = :funding_id", funding_id=funding_id).one_or_none()
        return None if row is None else Funding(*row)

    def fundings(self, ispb: str) -> list[Funding]:
        rows = self._execute(f"{_FUNDINGS} WHERE ispb = :ispb ORDER BY funded_at_ms, funding_id", ispb=ispb)
        return [Funding(*row) for row in rows]

    def largest_fundings(self) -> dict[str, int]:
        rows = self._execute(
            "SELECT ispb, max(amount_centavos) FROM settlement_fundings WHERE amount_centavos > 0 GROUP BY ispb"
        )
        return {row[0]: row[1] for row in rows}


KEY_COLUMNS: Final = (
    "kind, key, ispb, branch, account_number, holder_name, holder_kind, tax_id_masked, registered_at_ms, request_id"
)


_FIND_KEYS: Final = (
    # Of the kinds that a text is a key of: the index begins with the text, and few texts are keys of two kinds.
    f"SELECT {KEY_COLUMNS} FROM pix_keys WHERE key = ANY(%(keys)s::text[])"  # noqa: S608 - constants of this module
)
_NOTE_KEY: Final = "INSERT INTO key_events (key, kind, ispb, change, at_ms) SELECT key, kind, ispb, "
_ADD_KEYS: Final = (
    # In the order of the keys, so that two replicas with the same new keys wait for each other in one direction only.
    f"WITH added AS (INSERT INTO pix_keys ({KEY_COLUMNS}) "  # noqa: S608 - names are constants of this module
    f"SELECT {KEY_COLUMNS} FROM unnest(%(kinds)s::text[], %(keys)s::text[], %(ispbs)s::text[], %(branches)s::text[], "
    "%(account_numbers)s::text[], %(holder_names)s::text[], %(holder_kinds)s::text[], %(tax_ids_masked)s::text[], "
    f"%(registered_at_ms)s::bigint[], %(request_ids)s::text[]) AS new({KEY_COLUMNS}) ORDER BY key, kind "
    f"ON CONFLICT DO NOTHING RETURNING *) {_NOTE_KEY} 'registered', registered_at_ms FROM added"
)
_FIND_KEYS_BY_REQUESTS: Final = (
    # OFFSET 0 makes it a look-up for each request. A join may read the whole partial index: where the statistics were
    # taken before the first key with a request id, PostgreSQL believes that it is empty.
    "SELECT found.* FROM unnest("  # noqa: S608 - names are constants of this module
    "%(ispbs)s::text[], %(request_ids)s::text[]) AS asked(ispb, request_id) "
    f"CROSS JOIN LATERAL (SELECT {KEY_COLUMNS} FROM pix_keys "
    "WHERE pix_keys.ispb = asked.ispb AND pix_keys.request_id = asked.request_id AND pix_keys.request_id <> '' OFFSET 0"
    ") AS found"
)
_LOCK_ACCOUNTS: Final = (
    # Two statements in one round trip: the second must see what others have committed before the locks were ours.
    "SELECT count(pg_advisory_xact_lock(lock)) FROM (SELECT DISTINCT hashtextextended(account, 0) AS lock "
    "FROM unnest(%(locks)s::text[]) AS account ORDER BY lock) AS locks; "
    "SELECT ispb, branch, account_number, (SELECT count(*) FROM pix_keys WHERE pix_keys.ispb = account.ispb "
    "AND pix_keys.branch = account.branch AND pix_keys.account_number = account.account_number) "
    "FROM unnest(%(ispbs)s::text[], %(branches)s::text[], %(account_numbers)s::text[]) "
    "AS account(ispb, branch, account_number)"
)
_REMOVE_KEY: Final = (
    "WITH removed AS (DELETE FROM pix_keys WHERE key = %(key)s AND kind = %(kind)s AND ispb = %(ispb)s "  # noqa: S608 - constants
    "AND (%(branch)s::text IS NULL OR (branch, account_number) = (%(branch)s::text, %(account_number)s::text)) "
    "RETURNING *) "
    f"{_NOTE_KEY} 'removed', %(now_ms)s FROM removed"
)


def entry_of(row: Sequence[Any]) -> KeyEntry:
    kind, key, ispb, branch, account_number, holder_name, holder_kind, *rest = row
    return KeyEntry(
        PixKey(KeyKind(kind), key), ispb, branch, account_number, holder_name, HolderKind(holder_kind), *rest
    )


class PostgresKeys(PostgresRepository):
    def find_many(self, keys: Collection[PixKey]) -> dict[PixKey, KeyEntry]:
        if not keys:
            return {}
        rows = fetch_bulk(self._connection, _FIND_KEYS, {"keys": text_array([key.key for key in keys])})
        entries = {entry.key: entry for entry in map(entry_of, rows)}
        return {key: entries[key] for key in keys if key in entries}

    def find_by_requests(self, requests: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], KeyEntry]:
        if not requests:
            return {}
        asked = {
            "ispbs": word_array([ispb for ispb, _ in requests]),
            "request_ids": text_array([request_id for _, request_id in requests]),
        }
        entries = [entry_of(row) for row in fetch_bulk(self._connection, _FIND_KEYS_BY_REQUESTS, asked)]
        return {(entry.ispb, entry.request_id): entry for entry in entries}

    def lock_accounts(self, accounts: Collection[Account]) -> Mapping[Account, int]:
        values = {
            "locks": text_array(["/".join(account) for account in accounts]),
            "ispbs": word_array([ispb for ispb, _, _ in accounts]),
            "branches": text_array([branch for _, branch, _ in accounts]),
            "account_numbers": text_array([number for _, _, number in accounts]),
        }
        rows = fetch_bulk(self._connection, _LOCK_ACCOUNTS, values)
        return {(ispb, branch, number): int(count) for ispb, branch, number, count in rows}

    def add(self, entries: Sequence[KeyEntry]) -> int:
        if not entries:
            return 0
        columns = {
            "kinds": word_array([entry.key.kind.value for entry in entries]),
            "keys": text_array([entry.key.key for entry in entries]),
            "ispbs": word_array([entry.ispb for entry in entries]),
            "branches": text_array([entry.branch for entry in entries]),
            "account_numbers": text_array([entry.account_number for entry in entries]),
            "holder_names": text_array([entry.holder_name for entry in entries]),
            "holder_kinds": word_array([entry.holder_kind.value for entry in entries]),
            "tax_ids_masked": text_array([entry.tax_id_masked for entry in entries]),
            "registered_at_ms": number_array([entry.registered_at_ms for entry in entries]),
            "request_ids": text_array([entry.request_id for entry in entries]),
        }
        return execute_bulk(self._connection, _ADD_KEYS, columns)

    def remove(self, key: PixKey, ispb: str, now_ms: int, account: tuple[str, str] | None = None) -> bool:
        branch, account_number = account or (None, None)
        values: dict[str, Any] = {"key": key.key, "kind": key.kind.value, "ispb": ispb, "now_ms": now_ms}
        values |= {"branch": branch, "account_number": account_number}
        return execute_bulk(self._connection, _REMOVE_KEY, values) == 1

    def history(self, key: PixKey) -> list[KeyEvent]:
        if not is_storable(key.key):
            return []
        rows = self._execute(
            "SELECT ispb, change, at_ms FROM key_events WHERE key = :key AND kind = :kind ORDER BY key_event_id",
            key=key.key,
            kind=key.kind.value,
        )
        return [KeyEvent(key, ispb, KeyChange(change), at_ms) for ispb, change, at_ms in rows]

    def search(self, narrow: KeyFilter) -> Found[KeyEntry, tuple[str, str]]:
        if not all(map(is_storable, (*narrow.beginnings, narrow.ispb, narrow.holder_part))):
            return Found([], None)
        examined = ["true"]
        values: dict[str, Any] = {"size": narrow.size, "examined_max": narrow.examined_max}
        if narrow.after is not None:
            examined.append("(key, kind) > (:after_key, :after_kind)")
            values["after_key"], values["after_kind"] = narrow.after
        wanted = ["true"]
        if narrow.kind is not None:
            wanted.append("kind = :kind")
            values["kind"] = narrow.kind.value
        if narrow.ispb:
            wanted.append("ispb = :ispb")
            values["ispb"] = narrow.ispb
        if narrow.holder_part:
            wanted.append(f"position(:holder_part in {folded('holder_name')}) > 0")
            values["holder_part"] = narrow.holder_part
        window = f"FROM pix_keys WHERE {' AND '.join(examined)} ORDER BY key, kind"
        if narrow.beginnings:
            # A range of the index for each, read no further than needed; one OR over them might read the whole index.
            ranges = []
            for number, beginning in enumerate(narrow.beginnings):
                in_range = f"key >= :beginning_{number} AND key < :behind_{number}"
                ranges.append(
                    f"(SELECT * FROM pix_keys WHERE {' AND '.join([*examined, in_range])} "  # noqa: S608 - constants
                    "ORDER BY key, kind LIMIT :examined_max)"
                )
                values |= {f"beginning_{number}": beginning, f"behind_{number}": beginning + LAST_CHARACTER}
            window = f"FROM ({' UNION ALL '.join(ranges)}) AS keys ORDER BY key, kind"
        rows = self._execute(
            f"SELECT {KEY_COLUMNS} FROM (SELECT * {window} LIMIT :examined_max) AS examined "  # noqa: S608 - constants
            f"WHERE {' AND '.join(wanted)} ORDER BY key, kind LIMIT :size",
            **values,
        )
        entries = [entry_of(row) for row in rows]
        last = None
        if len(entries) < narrow.size:
            last = self._execute(f"SELECT key, kind {window} OFFSET :examined_max - 1 LIMIT 1", **values).one_or_none()
        return Found(entries, None if last is None else (last[0], last[1]))

    def list_of_bank(
        self, ispb: str, branch: str, account_number: str, after: tuple[int, str] | None, size: int
    ) -> list[KeyEntry]:
        if not (is_storable(branch) and is_storable(account_number)):
            return []
        # As in the index `pix_keys_of_bank`, which no other query may take (migration 0017).
        conditions = ["ispb || '' = :ispb", "(registered_at_ms, key) > (:after_ms, :after_key)"]
        values: dict[str, Any] = {"ispb": ispb, "size": size, "after_ms": -1, "after_key": ""}
        if after is not None:
            values["after_ms"], values["after_key"] = after
        if branch or account_number:
            conditions.append("branch = :branch AND account_number = :account_number")
            values |= {"branch": branch, "account_number": account_number}
        rows = self._execute(
            f"SELECT {KEY_COLUMNS} FROM pix_keys WHERE {' AND '.join(conditions)} "  # noqa: S608 - constants
            "ORDER BY registered_at_ms, key LIMIT :size",
            **values,
        )
        return [entry_of(row) for row in rows]

    def count_by_kind(self) -> Mapping[tuple[str, KeyKind], int]:
        rows = self._execute(
            "SELECT ispb, kind, sum(keys)::bigint FROM key_tallies GROUP BY ispb, kind HAVING sum(keys) <> 0"
        )
        return {(ispb, KeyKind(kind)): count for ispb, kind, count in rows}


class PostgresUnitOfWork(PostgresTransaction):
    def __init__(self, engine: Engine, make_rows: Mapping[str, Callable[[Connection], Any]], tally_slot: int) -> None:
        super().__init__(engine)
        self._make_rows = make_rows
        self._tally_slot = tally_slot

    def _open(self) -> None:
        self.rows = {flow: make(self._connection) for flow, make in self._make_rows.items()}
        self.transfers: PostgresTransfers = self.rows[TRANSFER]
        self.tallies = PostgresTallies(self._connection, self._tally_slot)
        self.banks = PostgresBanks(self._connection)
        self.heartbeats = PostgresHeartbeats(self._connection)
        self.settlement = PostgresSettlement(self._connection)
        self.keys = PostgresKeys(self._connection)
        self.clock = PostgresClock(self._connection)
        self.clock_jump = PostgresClockJump(self._connection)
        self.dead_letters = PostgresDeadLetters(self._connection)
        self.trail = PostgresTrail(self._connection)

    def _raise_for(self, violation: Any, sentence: str) -> None:
        if isinstance(violation, psycopg2.errors.CheckViolation) and violation.diag.table_name == _ACCOUNTS_TABLE:
            raise SettlementConflict(sentence) from violation

    def commit(self) -> None:
        super().commit()
        for rows in self.rows.values():
            rows.committed()


class PostgresUnitsOfWork:
    def __init__(self, engine: Engine, tally_slot: int | None = None) -> None:
        """`tally_slot` is this process's; None: any."""
        self._engine = engine
        self._make_rows = {flow: store.in_postgres() for flow, store in STORES.items()}
        self._tally_slot = choose_slot() if tally_slot is None else tally_slot

    def __call__(self) -> PostgresUnitOfWork:
        return PostgresUnitOfWork(self._engine, self._make_rows, self._tally_slot)
