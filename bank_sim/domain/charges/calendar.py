"""Working days of Brazil, as charges with a due date count them.

Source: Resolução CMN 4.880 of 2020. Saturdays, Sundays and national holidays are no working days, nor are Carnival
Monday and Tuesday, Good Friday and Corpus Christi. Holidays of states and municipalities are left out: a payment is
counted the same wherever its payer lives (`codMun` is checked, and changes nothing).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2100
"""The years whose holidays are known. A day outside of them is a working day unless it is at a weekend."""

_OPTIONAL_HOLIDAYS: Final = frozenset({"Carnaval", "Corpus Christi"})
"""Of the days that decrees leave to employers, those on which banks are closed."""

_SATURDAY: Final = 5
_ONE_DAY: Final = timedelta(days=1)


def is_working_day(day: date) -> bool:
    return day.weekday() < _SATURDAY and day not in _holidays(day.year)


def next_working_day(day: date) -> date:
    """The day itself when it is a working day, else the first one after it."""
    while not is_working_day(day):
        day += _ONE_DAY
    return day


def working_days(after: date, until: date) -> int:
    """How many working days there are after a day, up to and including another one; 0 when that is not later."""
    return _working_days_to(until) - _working_days_to(after) if until > after else 0


def _working_days_to(day: date) -> int:
    """Counted from the first day of the calendar; this day included."""
    weeks, rest = divmod(day.toordinal(), 7)
    # The ordinal 1 is a Monday.
    weekdays = weeks * _SATURDAY + min(rest, _SATURDAY)
    return weekdays - bisect_right(_weekday_holidays(), day)


@lru_cache(maxsize=YEAR_MAX - YEAR_MIN + 1)
def _holidays(year: int) -> frozenset[date]:
    if not YEAR_MIN <= year <= YEAR_MAX:
        return frozenset()
    # Its import takes 18 MB and a tenth of a second, which banks without such charges need not.
    from holidays import OPTIONAL, PUBLIC
    from holidays.countries.brazil import Brazil

    found = Brazil(years=year, expand=False, categories=(PUBLIC, OPTIONAL), language="pt_BR")
    public = Brazil(years=year, expand=False, categories=(PUBLIC,), language="pt_BR")
    return frozenset(day for day in found if day in public or not _OPTIONAL_HOLIDAYS.isdisjoint(found.get_list(day)))


@lru_cache(maxsize=1)
def _weekday_holidays() -> tuple[date, ...]:
    return tuple(
        sorted(day for year in range(YEAR_MIN, YEAR_MAX + 1) for day in _holidays(year) if day.weekday() < _SATURDAY)
    )
