"""A sandbox snapshot is a copy of a network's books, taken and put back in well under a second.

It is a schema of each database with a copy of every table, and the positions of the sequences. To put one back is one
transaction per database, in which the tables are emptied and filled, so that services keep their connections.
The clock's row is no part of it, because only a higher revision of the clock counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import errors, sql

from lab.network.parts.errors import PartError
from pix.postgres.limits import SET_UP_LIMITS
from pix.postgres.plain_connection import connect_plainly

NAME_PATTERN: Final = re.compile("[a-z0-9][a-z0-9_-]{0,39}")
SNAPSHOTS_MAX: Final = 20
_PREFIX: Final = "snapshot_"
_LEFT_OUT: Final = ("alembic_version", "network_clock", "clock_reports", "bank_instances", "participants")
"""The schema's version, the clock, and what running processes say of themselves."""
_SEQUENCES: Final = "sequences of the snapshot"
LOCK_SECONDS_MAX: Final = 5
ATTEMPTS_MAX: Final = 5
_IN_THE_WAY: Final = (errors.DeadlockDetected, errors.LockNotAvailable)

_TABLES: Final = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname <> ALL(%s) ORDER BY 1"
)
_COLUMNS: Final = (
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position"
)


class SnapshotUnknown(PartError):
    """There is no snapshot of this name."""


def check_snapshot_name(name: str) -> str:
    """Raises `PartError`."""
    if NAME_PATTERN.fullmatch(name) is None:
        raise PartError("name: a snapshot's name has 1 to 40 of a-z, 0-9, - and _, the first a letter or digit.")
    return name


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of some databases, given by their URLs; the same names in each."""

    urls: Sequence[str]

    def names(self) -> list[str]:
        """Those that every database has."""
        found = [set(_names(url)) for url in self.urls]
        return sorted(set.intersection(*found)) if found else []

    def take(self, name: str) -> None:
        """Replaces an earlier one of this name. Raises `PartError`, also when there are too many."""
        check_snapshot_name(name)
        names = self.names()
        if name not in names and len(names) >= SNAPSHOTS_MAX:
            raise PartError(f"name: a sandbox keeps at most {SNAPSHOTS_MAX} snapshots; remove one first.")
        self._each(lambda url: _take(url, _PREFIX + name))

    def restore(self, name: str) -> None:
        """Raises `SnapshotUnknown`, `PartError`."""
        if check_snapshot_name(name) not in self.names():
            raise SnapshotUnknown(f"There is no snapshot {name}.")
        self._each(lambda url: _restore(url, _PREFIX + name))

    def remove(self, name: str) -> None:
        """Raises `SnapshotUnknown`, `PartError`."""
        if check_snapshot_name(name) not in self.names():
            raise SnapshotUnknown(f"There is no snapshot {name}.")
        self._each(lambda url: _remove(url, _PREFIX + name))

    def _each(self, work: Any) -> None:
        def patiently(url: str) -> None:
            for attempt in range(1, ATTEMPTS_MAX + 1):
                try:
                    work(url)
                except _IN_THE_WAY:
                    # Of a transaction of a service, which is tried again as well.
                    if attempt == ATTEMPTS_MAX:
                        raise
                else:
                    return

        try:
            with ThreadPoolExecutor(len(self.urls)) as pool:
                for done in [pool.submit(patiently, url) for url in self.urls]:
                    done.result()
        except psycopg2.Error as error:
            raise PartError(f"The databases' copy failed: {str(error).strip().splitlines()[0]}.") from error


@contextmanager
def _transaction(url: str) -> Iterator[Any]:
    connection = connect_plainly(url, SET_UP_LIMITS)
    try:
        connection.autocommit = False
        with connection, connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'")
            yield cursor
    finally:
        connection.close()


def _names(url: str) -> list[str]:
    with _transaction(url) as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (_PREFIX,))
        return [row[0].removeprefix(_PREFIX) for row in cursor.fetchall()]


def _tables(cursor: Any, schema: str) -> list[str]:
    cursor.execute(_TABLES, (schema, [*_LEFT_OUT, _SEQUENCES]))
    return [row[0] for row in cursor.fetchall()]


def _take(url: str, schema: str) -> None:
    place = sql.Identifier(schema)
    with _transaction(url) as cursor:
        tables = _tables(cursor, "public")
        cursor.execute(
            sql.SQL("LOCK TABLE {} IN SHARE MODE").format(
                sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
            )
        )
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(place))
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(place))
        for table in tables:
            cursor.execute(
                sql.SQL("CREATE TABLE {} AS TABLE {}").format(
                    sql.Identifier(schema, table), sql.Identifier("public", table)
                )
            )
        # `last_value` of the view is null for a sequence that has given no number yet.
        cursor.execute(
            sql.SQL(
                "CREATE TABLE {} AS SELECT sequencename, coalesce(last_value, start_value) AS position, "
                "last_value IS NOT NULL AS is_used FROM pg_sequences WHERE schemaname = 'public'"
            ).format(sql.Identifier(schema, _SEQUENCES))
        )


def _restore(url: str, schema: str) -> None:
    with _transaction(url) as cursor:
        kept = set(_tables(cursor, schema))
        tables = _tables(cursor, "public")
        # Nothing else checks or reacts while rows come back in the order of the tables' names.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            sql.SQL("TRUNCATE {} CASCADE").format(
                sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
            )
        )
        for table in tables:
            if table in kept:
                _fill(cursor, schema, table)
        # A snapshot from before a table of sums existed has none.
        cursor.execute("SELECT to_regprocedure('public.recount_tallies()') IS NOT NULL")
        if not kept.issuperset(tables) and cursor.fetchone()[0]:
            cursor.execute("SELECT recount_tallies()")
        cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, _SEQUENCES)))
        for sequence, position, is_used in cursor.fetchall():
            cursor.execute("SELECT setval(CAST(%s AS regclass), %s, %s)", (f'public."{sequence}"', position, is_used))


def _fill(cursor: Any, schema: str, table: str) -> None:
    cursor.execute(_COLUMNS, (table,))
    columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in cursor.fetchall())
    cursor.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            sql.Identifier("public", table), columns, columns, sql.Identifier(schema, table)
        )
    )


def _remove(url: str, schema: str) -> None:
    with _transaction(url) as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
