"""What has arrived while the customer was away, and what came in and went out by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from bank_sim.application.customer_app.devices import NEWS_COUNTED_AMONG
from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.statement_lines import statement_lines
from bank_sim.application.views import StatementDirection, StatementFilter, StatementLine
from pix.runtime.clock import SchemeClock
from pix.scheme.days import day_of, start_of_day_ms
from pix.scheme.postings import PostingKind

NEWS_SHOWN_MAX: Final = 5
MONTHS: Final = 6
POSTINGS_SUMMED_MAX: Final = 5_000
"""Months are summed over so many of the newest postings, so that a busy account costs no more than that."""


@dataclass(frozen=True, slots=True)
class News:
    """The unread payments to an account: how many there are, and the newest of them as lines."""

    count: int
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """What came into an account and went out of it in a month, in centavos. A refund lessens what went out."""

    first_day: date
    in_centavos: int
    out_centavos: int


@dataclass(frozen=True, slots=True)
class Months:
    """Oldest first, the present month last. `is_cut`: there are more postings than are summed."""

    months: tuple[Month, ...]
    is_cut: bool


class ReadNews:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, account_number: str) -> News:
        incoming = StatementFilter(direction=StatementDirection.IN)
        with self._units() as unit:
            behind = unit.read_marks.find(account_number)
            new = unit.postings.credits_behind(account_number, behind, NEWS_COUNTED_AMONG)
            if not new:
                return News(0, ())
            lines = statement_lines(unit, account_number, incoming, None, 2 * NEWS_SHOWN_MAX)
        unread = [line for line in lines if line.posting_id > behind and line.kind is PostingKind.CREDIT]
        return News(len(new), tuple(unread[:NEWS_SHOWN_MAX]))

    def mark(self, *, account_number: str, posting_id: int) -> None:
        """All up to this posting is read."""
        with self._units() as unit:
            unit.read_marks.put(account_number, posting_id)
            unit.commit()


class SumMonths:
    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock

    def __call__(self, account_number: str) -> Months:
        """The present month and those before it, in São Paulo's calendar."""
        firsts = _firsts_of_months(day_of(self._scheme_clock.now_ms()), MONTHS)
        edges = [start_of_day_ms(first) for first in firsts]
        with self._units() as unit:
            sums, count = unit.postings.sums_by_time(account_number, edges, POSTINGS_SUMMED_MAX)
        months = [Month(first, came, went) for first, (came, went) in zip(firsts, sums, strict=True)]
        return Months(tuple(months), is_cut=count >= POSTINGS_SUMMED_MAX)


def _firsts_of_months(today: date, count: int) -> Sequence[date]:
    """The first days of the last `count` months, oldest first."""
    month = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(month - count + 1, month + 1)]
