"""Compares what a receiver says that it has booked with the bank's books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pix.scheme.values import value_object

BOOKINGS_MAX: Final = 10_000
"""Of one report, and so of one verdict."""


class Judgement(StrEnum):
    """Of one Pix."""

    RIGHT = "right"
    """Booked once, with its amount."""
    TWICE = "twice"
    """Booked more than once."""
    MISSING = "missing"
    """In the bank's books, and not in the receiver's."""
    WRONG_AMOUNT = "wrong_amount"
    """Booked once, with another amount."""
    UNKNOWN = "unknown"
    """In the receiver's books, and not in the bank's."""


@value_object
class Booking:
    """A Pix as the receiver has booked it."""

    end_to_end_id: str
    amount_centavos: int


@value_object
class Receivable:
    """A Pix with a txid that the bank has credited."""

    end_to_end_id: str
    txid: str
    amount_centavos: int
    credited_at_ms: int


@value_object
class Line:
    """What is said of one Pix."""

    judgement: Judgement
    end_to_end_id: str
    txid: str
    """Empty for one that the bank does not know."""
    amount_centavos: int | None
    """In the bank's books."""
    booked_centavos: tuple[int, ...]
    """In the receiver's books, each time that it was booked."""


@value_object
class Verdict:
    lines: tuple[Line, ...]
    """Those of the bank's books by the time of the credit, then those that it does not know."""

    @property
    def is_right(self) -> bool:
        return all(line.judgement is Judgement.RIGHT for line in self.lines)

    def count(self, judgement: Judgement) -> int:
        return sum(line.judgement is judgement for line in self.lines)


def judge(received: Iterable[Receivable], booked: Iterable[Booking]) -> Verdict:
    """One line for each Pix that either side knows."""
    amounts: defaultdict[str, list[int]] = defaultdict(list)
    for booking in booked:
        amounts[booking.end_to_end_id].append(booking.amount_centavos)
    lines = []
    for pix in received:
        found = tuple(amounts.pop(pix.end_to_end_id, ()))
        lines.append(
            Line(_judgement(pix.amount_centavos, found), pix.end_to_end_id, pix.txid, pix.amount_centavos, found)
        )
    lines += [Line(Judgement.UNKNOWN, name, "", None, tuple(found)) for name, found in amounts.items()]
    return Verdict(tuple(lines))


def _judgement(amount_centavos: int, booked: tuple[int, ...]) -> Judgement:
    if not booked:
        return Judgement.MISSING
    if len(booked) > 1:
        return Judgement.TWICE
    return Judgement.RIGHT if booked[0] == amount_centavos else Judgement.WRONG_AMOUNT
