"""All rows of a search, for a file: a read at a time, and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from hub.application.ports import Found

ROWS_PER_READ: Final = 500
EXPORTED_MAX: Final = 100_000
"""Rows of a file; the first of the list."""

Row = TypeVar("Row")
Position = TypeVar("Position")


def every_row(
    search: Callable[[Position | None], Found[Row, Position]], position_of: Callable[[Row], Position]
) -> Iterator[Row]:
    """The rows in the order of the search, at most `EXPORTED_MAX`.

    `search` finds at most `ROWS_PER_READ` rows behind a position; None is the beginning.
    """
    position: Position | None = None
    count = 0
    while count < EXPORTED_MAX:
        found = search(position)
        yield from found.rows[: EXPORTED_MAX - count]
        count += len(found.rows)
        position = position_of(found.rows[-1]) if len(found.rows) == ROWS_PER_READ else found.cut_at
        if position is None:
            return
