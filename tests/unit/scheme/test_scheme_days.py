"""Days begin at midnight in São Paulo."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.days import at_time_ms, day_of

DAYS = st.dates(date(2020, 1, 1), date(2200, 1, 1))


@given(DAYS)
def test_a_day_lasts_from_its_midnight_to_the_next(day: date) -> None:
    start_ms = at_time_ms(day)
    assert day_of(start_ms) == day
    assert day_of(start_ms - 1) < day


def test_midnight_is_three_hours_behind_utc() -> None:
    assert at_time_ms(date(2026, 11, 22)) == int(datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp() * 1000)
    assert at_time_ms(date(2026, 11, 22), time(18)) == int(datetime(2026, 11, 22, 21, tzinfo=UTC).timestamp() * 1000)
    assert day_of(int(datetime(2026, 11, 23, 2, 59, tzinfo=UTC).timestamp() * 1000)) == date(2026, 11, 22)
