"""Limits by day and by night: their borders, and how they change."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_sim.domain.errors import LimitExceeded
from bank_sim.domain.limits import (
    RAISE_DELAY_MS,
    Limit,
    LimitKind,
    LimitPolicy,
    Period,
    changed_limit,
    check_limit,
    check_payment,
    span_of,
)
from pix.scheme.days import TIME_ZONE
from pix.scheme.errors import SchemeError
from pix.scheme.people import HolderKind
from tests.support.clock import NOON_MS, at_time_ms

DAY = date(2026, 11, 22)
NIGHT = Limit(LimitKind.NIGHT_PERIOD, 1_000_00)
LIMITS = {
    LimitKind.DAY_TRANSFER: 500_00,
    LimitKind.DAY_PERIOD: 800_00,
    LimitKind.NIGHT_TRANSFER: None,
    LimitKind.NIGHT_PERIOD: 1_000_00,
}


@pytest.mark.parametrize(
    ("at", "period", "start", "end"),
    [
        ((22, time(5, 59, 59)), Period.NIGHT, (21, 20), (22, 6)),
        ((22, time(6)), Period.DAY, (22, 6), (22, 20)),
        ((22, time(19, 59, 59)), Period.DAY, (22, 6), (22, 20)),
        ((22, time(20)), Period.NIGHT, (22, 20), (23, 6)),
        ((22, time(23, 59, 59)), Period.NIGHT, (22, 20), (23, 6)),
        ((23, time(0)), Period.NIGHT, (22, 20), (23, 6)),
    ],
)
def test_the_borders_of_day_and_night(
    at: tuple[int, time], period: Period, start: tuple[int, int], end: tuple[int, int]
) -> None:
    span = span_of(at_time_ms(DAY.replace(day=at[0]), at[1]))
    ends = [at_time_ms(DAY.replace(day=day), time(hour)) for day, hour in (start, end)]
    assert (span.period, span.start_ms, span.end_ms) == (period, *ends)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001 - São Paulo's, just below
def test_every_instant_is_in_one_span_that_the_next_follows(at: datetime) -> None:
    at_ms = int(at.replace(tzinfo=TIME_ZONE).timestamp() * 1000)
    span = span_of(at_ms)
    assert span.start_ms <= at_ms < span.end_ms
    following = span_of(span.end_ms)
    assert following.start_ms == span.end_ms and following.period is not span.period
    assert span_of(span.start_ms) == span_of(span.end_ms - 1) == span


@pytest.mark.parametrize(
    ("period", "amount_centavos", "spent_centavos", "rule"),
    [
        (Period.DAY, 500_00, 300_00, ""),
        (Period.DAY, 500_01, 0, "Your limit per Pix between 06:00 and 20:00 is R$ 500,00."),
        (Period.DAY, 1, 800_00, "between 06:00 and 20:00 is R$ 800,00, of which R$ 0,00 is left."),
        (Period.NIGHT, 1_000_00, 0, ""),
        (Period.NIGHT, 200_01, 800_00, "between 20:00 and 06:00 is R$ 1.000,00, of which R$ 200,00 is left."),
    ],
)
def test_a_payment_over_a_limit_says_which_and_what_is_left(
    period: Period, amount_centavos: int, spent_centavos: int, rule: str
) -> None:
    if not rule:
        check_payment(LIMITS, period, amount_centavos, spent_centavos)
        return
    with pytest.raises(LimitExceeded) as refusal:
        check_payment(LIMITS, period, amount_centavos, spent_centavos)
    assert refusal.value.field == "amount_centavos"
    assert rule in refusal.value.rule


def test_a_lower_limit_counts_at_once_and_a_higher_one_after_24_hours() -> None:
    lowered = changed_limit(NIGHT, 300_00, NOON_MS, RAISE_DELAY_MS)
    assert lowered == Limit(LimitKind.NIGHT_PERIOD, 300_00)
    raised = changed_limit(lowered, 2_000_00, NOON_MS, RAISE_DELAY_MS)
    assert raised.at(NOON_MS + RAISE_DELAY_MS - 1) == 300_00
    assert raised.at(NOON_MS + RAISE_DELAY_MS) == 2_000_00
    assert raised.pending_at(NOON_MS + RAISE_DELAY_MS) == Limit(LimitKind.NIGHT_PERIOD, 2_000_00)


def test_the_same_raise_keeps_its_time_and_another_change_replaces_it() -> None:
    raised = changed_limit(NIGHT, 2_000_00, NOON_MS, RAISE_DELAY_MS)
    later_ms = NOON_MS + 3_600_000
    assert changed_limit(raised, 2_000_00, later_ms, RAISE_DELAY_MS) == raised
    assert changed_limit(raised, 3_000_00, later_ms, RAISE_DELAY_MS).raise_at_ms == later_ms + RAISE_DELAY_MS
    assert changed_limit(raised, 1_000_00, later_ms, RAISE_DELAY_MS) == NIGHT


def test_no_limit_is_the_highest() -> None:
    removed = changed_limit(NIGHT, None, NOON_MS, RAISE_DELAY_MS)
    assert (removed.at(NOON_MS), removed.at(NOON_MS + RAISE_DELAY_MS)) == (1_000_00, None)
    assert changed_limit(Limit(LimitKind.NIGHT_PERIOD, None), 5, NOON_MS, RAISE_DELAY_MS).amount_centavos == 5


@pytest.mark.parametrize(("amount_centavos", "default_centavos"), [(-1, None), (10**12, None), (None, 1_000_00)])
def test_a_limit_against_a_rule_names_the_field(amount_centavos: int | None, default_centavos: int | None) -> None:
    with pytest.raises(SchemeError) as refusal:
        check_limit(amount_centavos, default_centavos)
    assert refusal.value.field == "amount_centavos"


def test_a_company_has_no_limits_by_default() -> None:
    policy = LimitPolicy({LimitKind.NIGHT_PERIOD: 1_000_00})
    assert policy.default(HolderKind.PERSON, LimitKind.NIGHT_PERIOD) == 1_000_00
    assert policy.default(HolderKind.COMPANY, LimitKind.NIGHT_PERIOD) is None
    assert not policy.may_limit(HolderKind.COMPANY, ())
