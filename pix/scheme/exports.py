"""Whole tables for programs: JSON lines, the first with the names of the columns, then an array for each row.

Pages follow one another by the table's key, so neither a participant nor its reader has more than a page in memory.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from pix.scheme.values import value_object

EXPORT_PAGE_SIZE: Final = 5_000
"""Rows of a page: a few hundred kilobytes."""
NO_ROWS: Final = ""

ExportKey = tuple[str, ...]
"""The values of a table's key, by which an export is ordered, byte by byte."""


@value_object
class ExportPage:
    """Rows that follow one another."""

    lines: str
    """A JSON array on each line, also the last one ends with a line feed; empty when there is no row."""
    last: ExportKey | None
    """The key of the last row, behind which the next page begins; None when there is none behind it."""


def export_page(lines: str, size: int, key_places: Sequence[int]) -> ExportPage:
    """The page of these lines, which were read for at most `size`; the key stands at these places of a row."""
    if not lines:
        return ExportPage(NO_ROWS, None)
    whole = lines if lines.endswith("\n") else f"{lines}\n"
    if whole.count("\n") < size:
        return ExportPage(whole, None)
    last = json.loads(whole[whole.rfind("\n", 0, -1) + 1 :])
    return ExportPage(whole, tuple(last[place] or "" for place in key_places))


def export_line(row: Any, columns: Sequence[str]) -> str:
    """The line of a row whose fields have the names of the columns; `payer_…` and `payee_…` are fields of the party."""
    return json.dumps([_value_of(row, column) for column in columns], ensure_ascii=False)


def _value_of(row: Any, column: str) -> Any:
    side, _, field = column.partition("_")
    if side in ("payer", "payee"):
        party = getattr(row, side)
        return None if party is None else getattr(party, field)
    return getattr(row, column)
