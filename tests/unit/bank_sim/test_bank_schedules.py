"""Which days a schedule pays on, and what a try makes of it."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_sim.domain.errors import AccountBlocked, AccountClosed, InsufficientBalance, ScheduleEnded
from bank_sim.domain.flows.transfer.requests import TransferOrder
from bank_sim.domain.schedules.calendar import (
    DAYS_AHEAD_MAX,
    PAYMENTS_MAX,
    Plan,
    PlanOrder,
    Rhythm,
    make_plan,
    next_try_ms,
)
from bank_sim.domain.schedules.model import (
    ExecutionOutcome,
    Schedule,
    ScheduleEdit,
    ScheduleStatus,
    after_try,
    cancelled,
    edited,
    make_schedule,
)
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from tests.support.bank_builders import ANA
from tests.support.clock import at_time_ms

TODAY = date(2026, 11, 22)
TIMES = (time(0), time(8), time(18))
NOW_MS = at_time_ms(TODAY, time(9))
DAYS = st.dates(date(2024, 1, 1), date(2100, 1, 1))
ORDER = TransferOrder(
    account_number=ANA.number,
    payee_key=PixKey(KeyKind.EMAIL, "zelia@ipe.example"),
    amount_centavos=30_00,
    description="aluguel",
    idempotency_key="order-1",
)


def schedule(rhythm: Rhythm = Rhythm.MONTHLY, first_day: date = date(2026, 12, 31), count: int = 3) -> Schedule:
    order = PlanOrder(rhythm, first_day, None if rhythm is Rhythm.ONCE else count)
    return make_schedule("schedule-1", ORDER, order, NOW_MS, TIMES)


def paid(before: Schedule) -> Schedule:
    assert before.next_try_at_ms is not None
    after, execution = after_try(before, "E1", before.next_try_at_ms, TIMES)
    assert execution is not None and execution.outcome is ExecutionOutcome.REQUESTED
    return after


def test_monthly_on_a_day_that_a_month_lacks_is_its_last_day() -> None:
    plan = Plan(Rhythm.MONTHLY, date(2027, 12, 31), 15)
    assert [plan.day(index) for index in (1, 2, 3, 4, 14)] == [
        date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2029, 2, 28),
    ]  # fmt: skip


@given(DAYS, st.integers(0, PAYMENTS_MAX - 2))
def test_monthly_pays_once_in_each_month_on_the_day_or_the_months_last(first_day: date, index: int) -> None:
    plan = Plan(Rhythm.MONTHLY, first_day, PAYMENTS_MAX)
    day, following = plan.day(index), plan.day(index + 1)
    assert (following.year * 12 + following.month) - (day.year * 12 + day.month) == 1
    assert day.day == first_day.day or (day.day < first_day.day and (day + timedelta(days=1)).day == 1)


@given(DAYS, st.integers(0, PAYMENTS_MAX - 1))
def test_weekly_keeps_the_weekday(first_day: date, index: int) -> None:
    day = Plan(Rhythm.WEEKLY, first_day, PAYMENTS_MAX).day(index)
    assert day.weekday() == first_day.weekday() and day - first_day == timedelta(weeks=index)


@given(
    st.sampled_from((Rhythm.WEEKLY, Rhythm.MONTHLY)),
    st.dates(TODAY + timedelta(days=1), TODAY + timedelta(days=DAYS_AHEAD_MAX)),
    st.integers(1, PAYMENTS_MAX),
)
def test_a_last_day_is_as_good_as_the_number_of_payments(rhythm: Rhythm, first_day: date, count: int) -> None:
    by_count = make_plan(PlanOrder(rhythm, first_day, count), TODAY)
    assert make_plan(PlanOrder(rhythm, first_day, None, by_count.last_day), TODAY) == by_count
    assert make_plan(PlanOrder(rhythm, first_day, None, by_count.last_day + timedelta(days=6)), TODAY) == by_count


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (PlanOrder(Rhythm.ONCE, TODAY), "first_day"),
        (PlanOrder(Rhythm.ONCE, TODAY + timedelta(days=DAYS_AHEAD_MAX + 1)), "first_day"),
        (PlanOrder(Rhythm.ONCE, date(2026, 12, 1), 2), "count"),
        (PlanOrder(Rhythm.ONCE, date(2026, 12, 1), None, date(2026, 12, 2)), "last_day"),
        (PlanOrder(Rhythm.WEEKLY, date(2026, 12, 1)), "count"),
        (PlanOrder(Rhythm.WEEKLY, date(2026, 12, 1), 2, date(2026, 12, 31)), "count"),
        (PlanOrder(Rhythm.WEEKLY, date(2026, 12, 1), 0), "count"),
        (PlanOrder(Rhythm.WEEKLY, date(2026, 12, 1), PAYMENTS_MAX + 1), "count"),
        (PlanOrder(Rhythm.MONTHLY, date(2026, 12, 1), None, date(2026, 11, 30)), "last_day"),
        (PlanOrder(Rhythm.MONTHLY, date(2026, 12, 1), None, date(9999, 12, 31)), "last_day"),
    ],
)
def test_a_plan_against_a_rule_names_the_field(order: PlanOrder, field: str) -> None:
    with pytest.raises(SchemeError) as refusal:
        make_plan(order, TODAY)
    assert refusal.value.field == field


def test_a_day_is_tried_at_its_times_and_then_told_as_failed() -> None:
    waiting = schedule()
    day = date(2026, 12, 31)
    for at, again in ((time(0), time(8)), (time(8), time(18))):
        assert waiting.next_try_at_ms == at_time_ms(day, at)
        waiting, execution = after_try(waiting, InsufficientBalance(), at_time_ms(day, at), TIMES)
        assert execution is None and waiting.next_day == day
        assert waiting.next_try_at_ms == at_time_ms(day, again)
    after, execution = after_try(waiting, InsufficientBalance(), at_time_ms(day, time(18)), TIMES)
    assert execution is not None and execution.outcome is ExecutionOutcome.FAILED
    assert execution.reason == InsufficientBalance().rule and execution.due_day == day
    assert (after.failed_day, after.failed_reason) == (day, InsufficientBalance().rule)
    assert (after.next_day, after.tries) == (date(2027, 1, 31), 0)


def test_a_payment_that_is_late_is_tried_once_and_the_next_day_is_not_forgotten() -> None:
    late_ms = at_time_ms(date(2027, 1, 1), time(0, 1))
    after, execution = after_try(schedule(), AccountBlocked(), late_ms, TIMES)
    assert execution is not None and execution.outcome is ExecutionOutcome.FAILED
    assert after.next_try_at_ms == at_time_ms(date(2027, 1, 31))
    assert next_try_ms(date(2026, 12, 31), late_ms, TIMES) is None


def test_a_schedule_ends_with_its_last_payment() -> None:
    after = paid(paid(paid(schedule(count=3))))
    assert after.status is ScheduleStatus.FINISHED
    assert (after.next_try_at_ms, after.next_day, after.payments_left) == (None, None, 0)
    for act in (cancelled, lambda ended: edited(ended, ScheduleEdit(amount_centavos=1), NOW_MS, TIMES)):
        with pytest.raises(ScheduleEnded):
            act(after)


def test_a_closed_account_ends_the_schedule() -> None:
    after, execution = after_try(schedule(), AccountClosed(), at_time_ms(date(2026, 12, 31)), TIMES)
    assert execution is not None and execution.outcome is ExecutionOutcome.FAILED
    assert after.status is ScheduleStatus.CANCELLED and after.failed_day == date(2026, 12, 31)


def test_an_edit_that_keeps_the_next_day_keeps_the_day_of_the_month() -> None:
    february = paid(paid(schedule(count=5)))
    assert february.next_day == date(2027, 2, 28)
    edit = ScheduleEdit(50_00, "novo", PlanOrder(Rhythm.MONTHLY, date(2027, 2, 28), 2))
    after = edited(february, edit, NOW_MS, TIMES)
    assert (after.amount_centavos, after.description, after.payments_left) == (50_00, "novo", 2)
    assert after.last_day == date(2027, 3, 31)
    assert after.next_try_at_ms == february.next_try_at_ms


def test_an_edit_of_the_days_begins_anew() -> None:
    after = edited(schedule(), ScheduleEdit(plan=PlanOrder(Rhythm.WEEKLY, date(2026, 12, 4), 2)), NOW_MS, TIMES)
    assert (after.next_day, after.last_day) == (date(2026, 12, 4), date(2026, 12, 11))
    assert after.next_try_at_ms == at_time_ms(date(2026, 12, 4))
    with pytest.raises(SchemeError, match="first_day"):
        edited(after, ScheduleEdit(plan=PlanOrder(Rhythm.WEEKLY, TODAY, 2)), NOW_MS, TIMES)


def test_cancelling_twice_changes_nothing() -> None:
    once = cancelled(schedule())
    assert once.status is ScheduleStatus.CANCELLED and once.next_try_at_ms is None
    assert cancelled(once) == once
