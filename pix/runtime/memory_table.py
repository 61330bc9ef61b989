"""A table in memory with a transaction: changes are seen at once by who makes them, and gone if not committed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class MemoryTable(Generic[Key, Value]):
    """Rows by key; one transaction at a time."""

    def __init__(self) -> None:
        self._rows: dict[Key, Value] = {}
        self._undo: dict[Key, Value | None] = {}

    def get(self, key: Key) -> Value | None:
        """A row, or None."""
        return self._rows.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Adds or replaces a row."""
        self._undo.setdefault(key, self._rows.get(key))
        self._rows[key] = value

    def drop(self, key: Key) -> None:
        """Removes a row that is there."""
        self._undo.setdefault(key, self._rows[key])
        del self._rows[key]

    def values(self) -> Iterator[Value]:
        """Every row, oldest first."""
        return iter(self._rows.values())

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Every key with its row, oldest first."""
        return iter(self._rows.items())

    def commit(self) -> None:
        """What was changed since the last commit stays."""
        self._undo.clear()

    def rollback(self) -> None:
        """What was changed since the last commit is undone."""
        for key, value in self._undo.items():
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value
        self._undo.clear()
