"""The arithmetic of the virtual clock: it never goes back, whatever clocks and operators do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.clock import RATE_MAX, REAL_TIME, VirtualTime, time_of_text
from pix.scheme.errors import SchemeError

NOON_MS = 1_795_348_800_000
DAY_MS = 86_400_000


def test_without_a_revision_it_is_real_time() -> None:
    assert REAL_TIME.is_real and REAL_TIME.at(NOON_MS) == NOON_MS


def test_it_goes_on_from_where_it_was_moved_to() -> None:
    moved = REAL_TIME.moved(NOON_MS, NOON_MS + 3 * DAY_MS)
    assert moved.revision == 1 and not moved.is_real
    assert moved.at(NOON_MS + 500) == NOON_MS + 3 * DAY_MS + 500


def test_a_rate_begins_at_the_moment_at_which_it_is_chosen() -> None:
    moved = REAL_TIME.moved(NOON_MS, NOON_MS + DAY_MS)
    fast = moved.with_rate(NOON_MS + 1_000, 60)
    assert fast.at(NOON_MS + 1_000) == moved.at(NOON_MS + 1_000)
    assert fast.at(NOON_MS + 2_000) == NOON_MS + DAY_MS + 1_000 + 60_000


@pytest.mark.parametrize("rate", [0, -1, RATE_MAX + 1])
def test_a_rate_is_1_to_60(rate: int) -> None:
    with pytest.raises(SchemeError, match="rate"):
        REAL_TIME.with_rate(NOON_MS, rate)


def test_it_is_not_moved_back_nor_beyond_the_calendar() -> None:
    for to_ms in (NOON_MS - 1, 10**15):
        with pytest.raises(SchemeError, match="to"):
            REAL_TIME.moved(NOON_MS, to_ms)


times = st.builds(
    VirtualTime, st.integers(0, 9), st.integers(NOON_MS, NOON_MS + DAY_MS), st.integers(1, 400 * DAY_MS),
    st.integers(1, RATE_MAX),
)  # fmt: skip


@given(times, st.integers(0, DAY_MS), st.integers(-DAY_MS, DAY_MS), st.integers(0, DAY_MS), st.integers(1, RATE_MAX))
def test_it_never_goes_back_from_one_revision_to_the_next(
    time: VirtualTime, later_ms: int, step_ms: int, ahead_ms: int, rate: int
) -> None:
    real_ms = time.anchor_ms + later_ms
    moved = time.moved(real_ms, time.at(real_ms) + ahead_ms).with_rate(real_ms, rate)
    assert moved.revision == time.revision + 2
    # Also while the machine's clock is set back, or is that of another machine.
    assert moved.at(real_ms + step_ms) >= time.at(real_ms)


@given(times)
def test_its_text_is_read_again(time: VirtualTime) -> None:
    assert time_of_text(time.as_text()) == time


@pytest.mark.parametrize("text", ["", "1:2:3", "1:2:3:4:5", "x:1:1:1", "1:1:1:61", "-1:1:1:1", "1:-5:1:1", "1:1:--1:1"])
def test_a_text_that_is_no_revision_is_refused(text: str) -> None:
    with pytest.raises(SchemeError):
        time_of_text(text)
