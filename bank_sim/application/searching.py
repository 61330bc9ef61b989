"""What a person looks for in a list: words without accents and case, an amount, or a part of an id.

A search reads the list in the order in which it is shown and compares in Python, because no extension of PostgreSQL
that folds accents is sure to be there. It stops after so many rows, and hands back where to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.scheme.searching import fold

SEARCHED_MAX: Final = 10_000
"""No more rows are compared for a page."""
ROWS_PER_READ: Final = 500
ID_PART_LENGTH_MIN: Final = 6
"""A shorter text is not looked for in ids, because "50" is in most of them by chance."""

Row = TypeVar("Row")
Position = TypeVar("Position")


@dataclass(frozen=True, slots=True)
class Wanted:
    text: str
    words: str
    amount_centavos: int | None

    @staticmethod
    def of(text: str) -> Wanted:
        """An amount is one that `parse_brl` reads, with or without a sign: "12,34", "50", "R$ 50"."""
        text = text.strip()
        try:
            amount_centavos = parse_brl(text.lstrip("+-\N{MINUS SIGN} "))
        except SchemeError:
            return Wanted(text, fold(text), None)
        return Wanted(text, fold(text), amount_centavos)

    def is_in(self, texts: Sequence[str], end_to_end_id: str, amount_centavos: int, txid: str = "") -> bool:
        """Whether a row with these texts, these ids and this amount (of either sign) is one."""
        return (
            (txid != "" and self.text.lower() == txid.lower())
            or any(self.words in fold(text) for text in texts)
            or (len(self.text) >= ID_PART_LENGTH_MIN and self.text.lower() in f"{end_to_end_id} {txid}".lower())
            or (self.amount_centavos is not None and self.amount_centavos == abs(amount_centavos))
        )


def search(
    read: Callable[[Position | None, int], Sequence[Row]],
    place_of: Callable[[Row], Position],
    is_wanted: Callable[[Row], bool],
    after: Position | None,
    size: int,
) -> tuple[list[Row], Position | None, bool]:
    """At most `size` wanted rows behind `after`, the place behind which to go on, and whether the search was cut short.

    `read` gives so many rows behind a place. Without more to find the place is None.
    """
    found: list[Row] = []
    for _ in range(0, SEARCHED_MAX, ROWS_PER_READ):
        rows = read(after, ROWS_PER_READ)
        for row in filter(is_wanted, rows):
            if len(found) == size:
                return found, place_of(found[-1]), False
            found.append(row)
        if len(rows) < ROWS_PER_READ:
            return found, None, False
        after = place_of(rows[-1])
    return found, after, True
