"""Many rows in one statement: arrays in, `unnest` inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: its PostgreSQL type, and how a value of the domain fills it."""

    name: str
    kind: str
    value: Callable[[Row], Any]


def of_field(name: str, kind: str, field: str = "") -> Column[Any]:
    """A column that is filled by a field of the row, or by a field of its field (`payer.name`)."""
    return Column(name, kind, attrgetter(field or name))


def names(columns: Iterable[Column[Row]]) -> str:
    return ", ".join(column.name for column in columns)


def insert_statement(table: str, columns: Sequence[Column[Row]], on_conflict: str = "") -> str:
    """Inserts many rows, in the order in which they are given."""
    return (
        f"INSERT INTO {table} ({names(columns)}) "  # noqa: S608 - names are constants of this package
        f"SELECT {names(columns)} FROM unnest({_arrays(columns)}) "
        f"WITH ORDINALITY AS v({names(columns)}, place) ORDER BY place {on_conflict}"
    )


def update_statement(table: str, keys: Sequence[Column[Row]], columns: Sequence[Column[Row]]) -> str:
    """Updates many rows, each found by its keys."""
    every = [*keys, *columns]
    changes = ", ".join(f"{column.name} = v.{column.name}" for column in columns)
    return (
        f"UPDATE {table} AS t SET {changes} "  # noqa: S608 - names are constants of this package
        f"FROM unnest({_arrays(every)}) AS v({names(every)}) "
        f"WHERE {' AND '.join(f't.{key.name} = v.{key.name}' for key in keys)}"
    )


def arrays(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The parameters of the two statements above."""
    return {column.name: list(map(column.value, rows)) for column in columns}


def _arrays(columns: Sequence[Column[Row]]) -> str:
    return ", ".join(f"%({column.name})s::{column.kind}[]" for column in columns)
