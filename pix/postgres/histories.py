"""The histories of rows on PostgreSQL, for retention; see `pix.participant.retention.Histories`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from pix.postgres.engine import is_storable, transaction
from pix.scheme.retention import HistoryBatch, Place


@dataclass(frozen=True, slots=True)
class HistoryTable:
    """A flow's table, as far as its histories go."""

    name: str
    key: Sequence[str]
    began: str
    """The column by which an index has the rows in the order of time, with the key behind it."""
    finished: str
    """The condition that a row, called `t`, was finished before `:before_ms` and nothing is open about it."""
    steps: str
    """The history as JSON."""
    empty: str
    """A history without steps."""

    @property
    def _keys(self) -> str:
        return ", ".join(self.key)

    def window(self, connection: Connection, before_ms: int, after: Sequence[Any] | None, size: int) -> list[Any]:
        """Time and key of at most `size` rows behind a place."""
        values: dict[str, Any] = {"before_ms": before_ms, "size": size}
        behind = ""
        if after is not None:
            names = [f"after_{number}" for number in range(len(after))]
            values |= dict(zip(names, after, strict=True))
            behind = f"AND ({self.began}, {self._keys}) > ({', '.join(f':{name}' for name in names)})"
        query = (
            f"SELECT {self.began}, {self._keys} FROM {self.name} WHERE {self.began} < :before_ms {behind} "  # noqa: S608 - constants
            f"ORDER BY {self.began}, {self._keys} LIMIT :size"
        )
        return list(connection.execute(text(query), values))

    def lock_finished(self, connection: Connection, before_ms: int, rows: Sequence[Any]) -> list[Any]:
        """A line of JSON and the key of those that may be archived; skips what others hold."""
        parts = ", ".join(f"'{name}', t.{name}" for name in (*self.key, "status", "reason"))
        query = (
            f"SELECT json_build_object({parts}, 'history', {self.steps})::text, "  # noqa: S608 - constants
            f"{', '.join(f't.{name}' for name in self.key)} FROM {self.name} AS t WHERE {self._among()} "
            f"AND t.archived_at_ms IS NULL AND t.resend_at_ms IS NULL AND {self.finished} "
            f"ORDER BY {', '.join(f't.{name}' for name in self.key)} FOR UPDATE OF t SKIP LOCKED"
        )
        values = {"before_ms": before_ms, **self._arrays([row[1:] for row in rows])}
        return list(connection.execute(text(query), values))

    def drop(self, connection: Connection, keys: Sequence[Any], at_ms: int) -> None:
        query = f"UPDATE {self.name} AS t SET history = {self.empty}, archived_at_ms = :at_ms WHERE {self._among()}"  # noqa: S608 - constants
        connection.execute(text(query), {"at_ms": at_ms, **self._arrays(keys)})

    def archived_at_ms(self, connection: Connection, row_id: Sequence[str]) -> int | None:
        conditions = " AND ".join(f"{name} = :{name}" for name in self.key)
        query = f"SELECT archived_at_ms FROM {self.name} WHERE {conditions}"  # noqa: S608 - constants
        at_ms: int | None = connection.execute(text(query), dict(zip(self.key, row_id, strict=True))).scalar()
        return at_ms

    def _among(self) -> str:
        arrays = ", ".join(f"CAST(:{name}s AS text[])" for name in self.key)
        return f"({', '.join(f't.{name}' for name in self.key)}) IN (SELECT * FROM unnest({arrays}))"  # noqa: S608 - constants

    def _arrays(self, keys: Sequence[Any]) -> dict[str, list[str]]:
        return {f"{name}s": [key[place] for key in keys] for place, name in enumerate(self.key)}


class PostgresHistories:
    def __init__(self, engine: Engine, tables: Mapping[str, HistoryTable]) -> None:
        """`tables` by the name of the flow."""
        self._engine = engine
        self._tables = tables

    @property
    def flows(self) -> Sequence[str]:
        return list(self._tables)

    @contextmanager
    def batch(self, flow: str, before_ms: int, after: Place | None, size: int) -> Iterator[HistoryBatch]:
        table = self._tables[flow]
        with transaction(self._engine) as connection:
            rows = table.window(connection, before_ms, after, size)
            found = table.lock_finished(connection, before_ms, rows) if rows else []
            keys = [line[1:] for line in found]
            yield HistoryBatch(
                lines=tuple(line[0] for line in found),
                last=tuple(rows[-1]) if len(rows) == size else None,
                drop=lambda at_ms: table.drop(connection, keys, at_ms),
            )

    def archived_at_ms(self, flow: str, *row_id: str) -> int | None:
        if not all(map(is_storable, row_id)):
            return None
        with transaction(self._engine) as connection:
            return self._tables[flow].archived_at_ms(connection, row_id)
