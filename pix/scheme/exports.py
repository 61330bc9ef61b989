"""Whole tables for programs: JSON lines, the first with the names of the columns, then an array for each row.

Pages follow one another by the table's key, so neither a participant nor its reader has more than a page in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pix.scheme.values import value_object

EXPORT_PAGE_SIZE: Final = 5_000
"""Rows of a page: a few hundred kilobytes."""
NO_ROWS: Final = ""

_AT_HUB: Final = (
    "status",
    "reason",
    "amount_centavos",
    "payer_ispb",
    "payer_account_number",
    "payee_ispb",
    "payee_account_number",
    "closed_at_ms",
)
EXPORTED_BY_HUB: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "transfer": ("end_to_end_id", *_AT_HUB),
        "return": ("return_id", *_AT_HUB, "original_end_to_end_id"),
    }
)
"""The columns of the hub's exports, by the name of the flow; the first one is the key.

It is what the hub has decided, without texts, Pix keys and histories.
"""
_AT_BANK: Final = (
    "direction",
    "status",
    "reason",
    "amount_centavos",
    "payer_ispb",
    "payer_account_number",
    "payee_ispb",
    "payee_account_number",
    "resend_at_ms",
)
EXPORTED_BY_BANK: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"transfer": ("end_to_end_id", *_AT_BANK), "return": ("return_id", *_AT_BANK)}
)
"""The columns of a bank's exports, by the name of the flow; the first two are the key."""
EXPORTED_POSTINGS: Final = (
    "posting_id",
    "kind",
    "debit_account",
    "credit_account",
    "amount_centavos",
    "end_to_end_id",
    "direction",
    "operation_id",
)
"""The columns of a bank's export of its postings."""

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
