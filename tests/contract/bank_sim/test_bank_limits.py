"""Limits: the payer's bank refuses before anything leaves, exactly, and a raise waits for a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, time

import pytest

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountNotFound, LimitExceeded
from bank_sim.domain.limits import RAISE_DELAY_MS, Limit, LimitKind, LimitPolicy
from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from pix.scheme.reasons import ReasonCode
from tests.support.bank import STRANGERS_KEY, World
from tests.support.clock import at_time_ms

DAY = date(2026, 11, 22)
POLICY = LimitPolicy({LimitKind.DAY_TRANSFER: 500_00, LimitKind.DAY_PERIOD: 800_00, LimitKind.NIGHT_PERIOD: 100_00})


@pytest.fixture
def limited(units: UnitsOfWork) -> World:
    """A bank whose customers have limits, at noon."""
    world = World(units, POLICY)
    world.clock.at_ms = at_time_ms(DAY, time(12))
    return world


def pay_at(world: World, account: Account, at: time, amount_centavos: int, key: str, day: date = DAY) -> bool:
    """Whether it is paid; a refusal must leave nothing behind."""
    world.clock.at_ms = at_time_ms(day, at)
    before = world.balance(account)
    try:
        world.pay(account, amount_centavos, key)
    except LimitExceeded as refusal:
        assert refusal.field == "amount_centavos"
        assert (world.balance(account), world.sent()) == (before, [])
        return False
    return True


def test_the_night_is_one_period_over_midnight_and_the_day_another(limited: World) -> None:
    ana = limited.open_account(10_000_00)
    tomorrow = DAY.replace(day=23)
    assert pay_at(limited, ana, time(19, 59, 59), 500_00, "day")
    assert pay_at(limited, ana, time(20), 60_00, "evening")
    limited.sent()
    assert not pay_at(limited, ana, time(0), 40_01, "midnight", tomorrow)
    assert pay_at(limited, ana, time(5, 59, 59), 40_00, "morning", tomorrow)
    limited.sent()
    assert not pay_at(limited, ana, time(5, 59, 59), 1, "last second", tomorrow)
    assert pay_at(limited, ana, time(6), 500_00, "six", tomorrow)
    assert pay_at(limited, ana, time(7), 300_00, "seven", tomorrow)
    limited.sent()
    assert not pay_at(limited, ana, time(8), 1, "eight", tomorrow)


def test_a_failed_payment_does_not_count(limited: World) -> None:
    ana = limited.open_account(1_000_00)
    first = limited.pay(ana, 500_00, "first")
    limited.pay(ana, 300_00, "second")
    with pytest.raises(LimitExceeded, match="R\\$ 0,00 is left"):
        limited.pay(ana, 100_00, "third")
    limited.hear(limited.outcome_of(first, ReasonCode.AB03))
    assert limited.pay(ana, 100_00, "third").amount_centavos == 100_00


def test_a_payment_that_was_made_is_shown_again_though_the_limit_is_used_up(limited: World) -> None:
    ana = limited.open_account(1_000_00)
    limited.pay(ana, 500_00, "first")
    limited.pay(ana, 300_00, "second")
    assert limited.pay(ana, 500_00, "first").idempotency_key == "first"


def test_the_limit_is_exact_with_many_payments_at_once(limited: World) -> None:
    ana = limited.open_account(10_000_00)

    def pay(number: int) -> bool:
        try:
            limited.pay(ana, 90_00, f"order-{number}")
        except LimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        paid = list(pool.map(pay, range(12)))
    assert sum(paid) == 8
    assert limited.balance(ana) == 10_000_00 - 8 * 90_00


def test_a_companys_account_has_no_limits_until_it_sets_one(limited: World) -> None:
    company = limited.bank.open_account(
        name="Padaria Pão Quente", tax_id="11.222.333/0001-81", opening_deposit_centavos=10_000_00, pin="1234"
    )
    limited.pay(company, 5_000_00, "large")
    limited.bank.change_limit(account_number=company.number, kind=LimitKind.DAY_TRANSFER, amount_centavos=1_000_00)
    with pytest.raises(LimitExceeded):
        limited.pay(company, 1_000_01, "too large")


def test_a_lower_limit_counts_at_once_and_a_raise_after_24_hours(limited: World) -> None:
    ana = limited.open_account(10_000_00)
    change = limited.bank.change_limit
    change(account_number=ana.number, kind=LimitKind.DAY_TRANSFER, amount_centavos=50_00)
    with pytest.raises(LimitExceeded, match="R\\$ 50,00"):
        limited.pay(ana, 60_00, "low")
    raised = change(account_number=ana.number, kind=LimitKind.DAY_TRANSFER, amount_centavos=60_00)
    limited.clock.turn(RAISE_DELAY_MS - 1)
    with pytest.raises(LimitExceeded):
        limited.pay(ana, 60_00, "early")
    shown = limited.bank.show_limits(ana.number).limits[0]
    assert (shown.amount_centavos, shown.raise_to_centavos, shown.raise_at_ms) == (50_00, 60_00, raised.raise_at_ms)
    limited.clock.turn(1)
    limited.pay(ana, 60_00, "in time")
    shown = limited.bank.show_limits(ana.number).limits[0]
    assert (shown.amount_centavos, shown.raise_at_ms) == (60_00, None)


def test_a_raise_that_waits_is_cancelled(limited: World) -> None:
    ana = limited.open_account(10_000_00)
    limited.bank.change_limit(account_number=ana.number, kind=LimitKind.DAY_PERIOD, amount_centavos=900_00)
    cancelled = limited.bank.cancel_raise(account_number=ana.number, kind=LimitKind.DAY_PERIOD)
    assert cancelled == Limit(LimitKind.DAY_PERIOD, 800_00)
    limited.clock.turn(RAISE_DELAY_MS)
    assert limited.bank.show_limits(ana.number).limits[1].amount_centavos == 800_00


def test_the_limits_say_what_is_used_in_this_period(limited: World) -> None:
    ana = limited.open_account(10_000_00)
    limited.pay(ana, 120_00, "noon")
    shown = limited.bank.show_limits(ana.number)
    assert shown.spent_centavos == 120_00
    assert [each.amount_centavos for each in shown.limits] == [500_00, 800_00, None, 100_00]
    assert [each.may_be_removed for each in shown.limits] == [False, False, True, False]
    limited.clock.at_ms = at_time_ms(DAY, time(20))
    assert limited.bank.show_limits(ana.number).spent_centavos == 0
    with pytest.raises(AccountNotFound):
        limited.bank.show_limits("999999-9")


def test_a_scheduled_payment_over_the_nights_limit_is_paid_by_day(limited: World) -> None:
    ana = limited.open_account(10_000_00)
    day = DAY.replace(day=30)
    limited.bank.schedule_payment(
        account_number=ana.number,
        payee_key=STRANGERS_KEY,
        amount_centavos=400_00,
        description="",
        idempotency_key="rent",
        plan=PlanOrder(Rhythm.ONCE, day),
    )
    limited.clock.at_ms = at_time_ms(day)
    limited.bank.run_due_schedules()
    assert limited.balance(ana) == 10_000_00
    assert "between 20:00 and 06:00" in limited.bank.queries.schedules_of(ana.number)[0].refusal
    limited.clock.at_ms = at_time_ms(day, time(8))
    limited.bank.run_due_schedules()
    assert limited.balance(ana) == 9_600_00
