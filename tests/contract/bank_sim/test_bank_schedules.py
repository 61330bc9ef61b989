"""Scheduled payments: each is paid once on its day, whatever crashes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time
from typing import Any

import pytest

from bank_sim.application.ports import RowExists, UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.errors import (
    AccountNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    PayerIsPayee,
    ScheduleNotFound,
    TooManySchedules,
)
from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from bank_sim.domain.schedules.model import SCHEDULES_PER_ACCOUNT_MAX, ExecutionOutcome, Schedule, ScheduleEdit
from pix.scheme.keys import KeyKind
from pix.scheme.messages import TransferRequested
from tests.support.bank import STRANGER, STRANGERS_KEY, World
from tests.support.clock import at_time_ms

FIRST_DAY = date(2026, 12, 31)
MONTHLY = PlanOrder(Rhythm.MONTHLY, FIRST_DAY, 3)


def order(world: World, account: Account, plan: PlanOrder = MONTHLY, key: str = "order-1") -> Schedule:
    return world.bank.schedule_payment(
        account_number=account.number,
        payee_key=STRANGERS_KEY,
        amount_centavos=30_00,
        description="aluguel",
        idempotency_key=key,
        plan=plan,
        payee_tax_id_masked=STRANGER.tax_id_masked,
        payee_name=STRANGER.name,
    )


def run_at(world: World, day: date, at: time = time(0)) -> int:
    world.clock.at_ms = at_time_ms(day, at)
    return world.bank.run_due_schedules()


def test_nothing_is_debited_before_the_day_and_the_id_is_of_that_minute(world: World) -> None:
    ana = world.open_account(100_00)
    scheduled = order(world, ana)
    assert (world.balance(ana), world.sent()) == (100_00, [])
    assert world.bank.run_due_schedules.next_due_ms() == at_time_ms(FIRST_DAY)
    world.clock.at_ms = at_time_ms(FIRST_DAY) - 1
    assert world.bank.run_due_schedules() == 0

    assert run_at(world, FIRST_DAY) == 1
    assert world.balance(ana) == 70_00
    (message,) = world.sent()
    assert isinstance(message, TransferRequested)
    assert message.payee_tax_id_masked == STRANGER.tax_id_masked and message.description == "aluguel"
    assert message.end_to_end_id[9:21] == "202612310300"
    (execution,) = world.bank.queries.executions_of(ana.number, scheduled.schedule_id)
    assert (execution.outcome, execution.end_to_end_id) == (ExecutionOutcome.REQUESTED, message.end_to_end_id)
    after = world.bank.queries.find_schedule(ana.number, scheduled.schedule_id)
    assert (after.next_day, after.payments_left) == (date(2027, 1, 31), 2)
    assert world.bank.queries.books().is_balanced


def test_every_month_is_paid_once_however_often_it_is_run(world: World) -> None:
    ana = world.open_account(100_00)
    order(world, ana)
    tried = [run_at(world, day) for day in (FIRST_DAY, FIRST_DAY, date(2027, 1, 31), date(2027, 2, 28))]
    assert tried == [1, 0, 1, 1]
    assert world.bank.run_due_schedules.next_due_ms() is None
    assert world.balance(ana) == 10_00
    days = [each.due_day for each in world.bank.queries.executions_of(ana.number)]
    assert days == [date(2027, 2, 28), date(2027, 1, 31), FIRST_DAY]


def test_a_bank_that_was_down_for_months_pays_each_missed_day_once(world: World) -> None:
    ana = world.open_account(100_00)
    order(world, ana)
    assert run_at(world, date(2027, 2, 10)) == 2
    assert world.balance(ana) == 40_00


def test_without_balance_it_is_tried_again_and_then_told(world: World) -> None:
    ana = world.open_account(10_00)
    scheduled = order(world, ana)
    for at in (time(0), time(8)):
        assert run_at(world, FIRST_DAY, at) == 1
        assert world.bank.queries.executions_of(ana.number) == []
        waiting = world.bank.queries.find_schedule(ana.number, scheduled.schedule_id)
        assert waiting.refusal == InsufficientBalance().rule
    assert world.bank.run_due_schedules.next_due_ms() == at_time_ms(FIRST_DAY, time(18))
    assert run_at(world, FIRST_DAY, time(18)) == 1
    (execution,) = world.bank.queries.executions_of(ana.number)
    assert (execution.outcome, execution.reason) == (ExecutionOutcome.FAILED, InsufficientBalance().rule)

    (told,) = world.bank.queries.home(ana.number, 8, 8).scheduled
    assert told.failed_day == FIRST_DAY
    world.bank.note_failure_read(account_number=ana.number, schedule_id=scheduled.schedule_id, failed_day=FIRST_DAY)
    (told,) = world.bank.queries.home(ana.number, 8, 8).scheduled
    assert told.failed_day is None and told.next_day == date(2027, 1, 31)


def test_a_later_try_of_the_day_pays_what_has_arrived_meanwhile(world: World) -> None:
    ana = world.open_account(10_00)
    order(world, ana)
    run_at(world, FIRST_DAY)
    offer = world.offer(ana, 50_00)
    world.hear(offer, world.confirmed(offer))
    assert run_at(world, FIRST_DAY, time(8)) == 1
    assert world.balance(ana) == 30_00


def test_the_clock_set_back_over_a_paid_day_pays_it_no_more(world: World) -> None:
    ana = world.open_account(100_00)
    scheduled = order(world, ana)
    run_at(world, FIRST_DAY)
    world.clock.at_ms = at_time_ms(date(2026, 12, 1))
    plan = PlanOrder(Rhythm.MONTHLY, FIRST_DAY, 2)
    world.bank.edit_schedule(account_number=ana.number, schedule_id=scheduled.schedule_id, edit=ScheduleEdit(plan=plan))
    assert run_at(world, FIRST_DAY) == 1
    assert world.balance(ana) == 70_00
    assert world.bank.run_due_schedules.next_due_ms() == at_time_ms(date(2027, 1, 31))


def test_what_is_due_is_tried_in_order(world: World) -> None:
    ana = world.open_account(50_00)
    later = order(world, ana, PlanOrder(Rhythm.ONCE, date(2026, 12, 2)), "later")
    first = order(world, ana, PlanOrder(Rhythm.ONCE, date(2026, 12, 1)), "first")
    run_at(world, date(2026, 12, 3))
    outcomes = {each.schedule_id: each.outcome for each in world.bank.queries.executions_of(ana.number)}
    assert outcomes == {
        first.schedule_id: ExecutionOutcome.REQUESTED,
        later.schedule_id: ExecutionOutcome.FAILED,
    }


def test_the_same_idempotency_key_schedules_once(world: World) -> None:
    ana = world.open_account()
    first = order(world, ana)
    run_at(world, FIRST_DAY)
    assert order(world, ana).schedule_id == first.schedule_id
    with pytest.raises(IdempotencyConflict):
        order(world, ana, PlanOrder(Rhythm.MONTHLY, FIRST_DAY, 4))
    assert len(world.bank.queries.schedules_of(ana.number)) == 1


def test_a_cancelled_schedule_pays_no_more(world: World) -> None:
    ana = world.open_account(100_00)
    scheduled = order(world, ana)
    run_at(world, FIRST_DAY)
    world.bank.cancel_schedule(account_number=ana.number, schedule_id=scheduled.schedule_id)
    assert run_at(world, date(2027, 1, 31)) == 0
    assert world.balance(ana) == 70_00


def test_a_schedule_is_its_accounts_alone(world: World) -> None:
    ana, bruno = world.open_account(), world.open_account(name="Bruno Lima")
    scheduled = order(world, ana)
    with pytest.raises(ScheduleNotFound):
        world.bank.cancel_schedule(account_number=bruno.number, schedule_id=scheduled.schedule_id)
    with pytest.raises(ScheduleNotFound):
        world.bank.queries.find_schedule(bruno.number, scheduled.schedule_id)
    assert world.bank.queries.schedules_of(bruno.number) == []
    with pytest.raises(AccountNotFound):
        world.bank.queries.schedules_of("999999-9")


def test_one_does_not_schedule_for_oneself_nor_without_end(world: World) -> None:
    ana = world.open_account()
    own = world.bank.register_key(account_number=ana.number, kind=KeyKind.EMAIL, key="ana@aurora.example")
    with pytest.raises(PayerIsPayee):
        world.bank.schedule_payment(
            account_number=ana.number,
            payee_key=own.key,
            amount_centavos=1,
            description="",
            idempotency_key="own",
            plan=MONTHLY,
        )
    for number in range(SCHEDULES_PER_ACCOUNT_MAX):
        order(world, ana, key=f"order-{number}")
    with pytest.raises(TooManySchedules):
        order(world, ana, key="one too many")


def test_an_execution_is_unique_by_schedule_and_day(world: World) -> None:
    ana = world.open_account()
    order(world, ana)
    run_at(world, FIRST_DAY)
    (execution,) = world.bank.queries.executions_of(ana.number)

    def execute_again() -> None:
        with world.units() as unit:
            unit.schedules.add_executions([execution])
            unit.commit()

    with pytest.raises(RowExists):
        execute_again()


class DyingUnits:
    """Units of work of a process that dies just before it commits."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self) -> Any:
        unit = self._units()
        unit.commit = self._die  # type: ignore[method-assign]
        return unit

    def _die(self) -> None:
        raise ConnectionError("the process dies")


def test_a_crash_before_the_commit_leaves_nothing_and_the_next_run_pays(world: World) -> None:
    ana = world.open_account(100_00)
    order(world, ana)
    dying = World(DyingUnits(world.units))
    with pytest.raises(ConnectionError):
        run_at(dying, FIRST_DAY)
    assert (world.balance(ana), dying.sent()) == (100_00, [])
    assert run_at(world, FIRST_DAY) == 1
    assert world.balance(ana) == 70_00
    assert len(world.sent()) == 1


def test_replicas_share_what_is_due_and_pay_it_once(world: World) -> None:
    accounts = [world.open_account(100_00, name=f"Pessoa {number}") for number in range(6)]
    for account in accounts:
        for key in ("a", "b"):
            order(world, account, key=key)
    world.clock.at_ms = at_time_ms(FIRST_DAY)
    at_once = threading.Barrier(4)

    def replica() -> int:
        at_once.wait(10)
        return world.bank.run_due_schedules()

    with ThreadPoolExecutor(4) as pool:
        tried = [pool.submit(replica) for _ in range(4)]
        assert sum(each.result(30) for each in tried) == 12
    assert [world.balance(account) for account in accounts] == [40_00] * 6
    assert world.bank.queries.books().is_balanced
