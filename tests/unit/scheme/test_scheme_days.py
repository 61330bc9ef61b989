"""Days begin at midnight in São Paulo, whatever the machine's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.days import LOCAL_MS_MAX, LOCAL_MS_MIN, day_of, instant_ms, start_of_day_ms


def utc_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-01T02:59:59", date(2026, 2, 28)),
        ("2026-03-01T03:00:00", date(2026, 3, 1)),
        # Summer time, which São Paulo had until 2019.
        ("2018-12-24T01:59:59", date(2018, 12, 23)),
        ("2018-12-24T02:00:00", date(2018, 12, 24)),
    ],
)
def test_a_day_begins_at_midnight_in_sao_paulo(at: str, day: date) -> None:
    assert day_of(utc_ms(at)) == day


def test_a_time_of_day_is_read_on_sao_paulos_clock() -> None:
    assert instant_ms(datetime(2027, 1, 31, 20, 0)) == utc_ms("2027-01-31T23:00:00")  # noqa: DTZ001 - São Paulo's
    assert start_of_day_ms(date(2027, 1, 31)) == utc_ms("2027-01-31T03:00:00")


@given(st.integers(LOCAL_MS_MIN + 100 * 86_400_000, LOCAL_MS_MAX))
def test_an_instant_is_in_the_day_that_began_last(at_ms: int) -> None:
    day = day_of(at_ms)
    assert start_of_day_ms(day) <= at_ms and day_of(start_of_day_ms(day)) == day
