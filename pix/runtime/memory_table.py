"""A table in memory with transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class MemoryTable(Generic[Key, Value]):
    """Rows by key. One transaction at a time sees its own changes at once."""

    def __init__(self) -> None:
        self._rows: dict[Key, Value] = {}
        self._undo: dict[Key, Value | None] = {}

    def get(self, key: Key) -> Value | None:
        return self._rows.get(key)

    def put(self, key: Key, value: Value) -> None:
        self._undo.setdefault(key, self._rows.get(key))
        self._rows[key] = value

    def drop(self, key: Key) -> None:
        self._undo.setdefault(key, self._rows[key])
        del self._rows[key]

    def values(self) -> Iterator[Value]:
        """Oldest first."""
        return iter(self._rows.values())

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Oldest first."""
        return iter(self._rows.items())

    def commit(self) -> None:
        self._undo.clear()

    def rollback(self) -> None:
        for key, value in self._undo.items():
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value
        self._undo.clear()
