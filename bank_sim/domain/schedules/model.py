"""A scheduled Pix: what the customer has ordered, where it stands, and what a try makes of it."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bank_sim.domain.errors import AccountClosed, ScheduleEnded
from bank_sim.domain.flows.transfer.requests import TransferOrder
from bank_sim.domain.schedules.calendar import (
    Plan,
    PlanOrder,
    Rhythm,
    TryTimes,
    check_first_day,
    first_try_ms,
    make_plan,
    next_try_ms,
    payments_of,
)
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.keys import PixKey
from pix.scheme.money import check_amount
from pix.scheme.texts import check_description
from pix.scheme.values import value_object

SCHEDULES_PER_ACCOUNT_MAX: Final = 50
"""Active at the same time."""


class ScheduleStatus(StrEnum):
    """Where a schedule stands."""

    ACTIVE = "active"
    """A payment is still to come."""
    FINISHED = "finished"
    """Every day of it has passed."""
    CANCELLED = "cancelled"
    """The customer has cancelled it, or the account was closed."""


class ExecutionOutcome(StrEnum):
    """What became of a payment on its day."""

    REQUESTED = "requested"
    """The customer was debited and the transfer requested; its row tells the rest."""
    FAILED = "failed"
    """Every try of the day was refused."""


@value_object
class Execution:
    """One payment of a schedule, final at this bank: there is at most one per schedule and due day."""

    schedule_id: str
    due_day: date
    outcome: ExecutionOutcome
    executed_at_ms: int
    amount_centavos: int
    end_to_end_id: str = ""
    """Of the transfer; empty when it has failed."""
    reason: str = ""
    """Why the last try was refused: an error's rule; empty when it is requested."""


@value_object
class Schedule:
    """A customer's standing order. `plan` and `next_index` say which day is next."""

    schedule_id: str
    account_number: str
    payee_key: PixKey
    amount_centavos: int
    description: str
    plan: Plan
    created_at_ms: int
    idempotency_key: str
    fingerprint: str
    """Of the order as it was first sent; an edit does not change it."""
    payee_tax_id_masked: str = ""
    """What the payer was shown when scheduling; the hub compares it on the day."""
    payee_name: str = ""
    payee_bank_name: str = ""
    status: ScheduleStatus = ScheduleStatus.ACTIVE
    next_index: int = 0
    """Of the payment that is next, counted from 0."""
    next_try_at_ms: int | None = None
    """When it is tried; None unless the schedule is active."""
    tries: int = 0
    """How often the next payment was tried already."""
    refusal: str = ""
    """Why its latest try was refused; empty before the first."""
    failed_day: date | None = None
    """The latest day whose payment has failed, until the customer has read of it."""
    failed_reason: str = ""

    @property
    def is_active(self) -> bool:
        return self.status is ScheduleStatus.ACTIVE

    @property
    def next_day(self) -> date | None:
        """The day of the next payment; None unless the schedule is active."""
        return self.plan.day(self.next_index) if self.is_active else None

    @property
    def payments_left(self) -> int:
        return self.plan.count - self.next_index if self.is_active else 0

    @property
    def last_day(self) -> date:
        return self.plan.last_day


@value_object
class ScheduleEdit:
    """What a customer changes; None leaves it as it is. `plan` says which days remain, from the next one on."""

    amount_centavos: int | None = None
    description: str | None = None
    plan: PlanOrder | None = None


def fingerprint_of(order: TransferOrder, plan: PlanOrder) -> str:
    """What tells one checked order from another with the same idempotency key."""
    assert order.payee_key is not None, "a schedule pays a key"
    content = (order.payee_key.kind.value, order.payee_key.key, order.amount_centavos, order.description)
    return sha256(repr((content, tuple(map(str, astuple(plan))))).encode()).hexdigest()


def make_schedule(schedule_id: str, order: TransferOrder, plan: PlanOrder, now_ms: int, times: TryTimes) -> Schedule:
    """The row of a checked order. Raises SchemeError(field="first_day" | "count" | "last_day")."""
    assert order.payee_key is not None, "a schedule pays a key"
    planned = make_plan(plan, day_of(now_ms))
    return Schedule(
        schedule_id=schedule_id,
        account_number=order.account_number,
        payee_key=order.payee_key,
        amount_centavos=order.amount_centavos,
        description=order.description,
        plan=planned,
        created_at_ms=now_ms,
        idempotency_key=order.idempotency_key,
        fingerprint=fingerprint_of(order, plan),
        payee_tax_id_masked=order.payee_tax_id_masked,
        payee_name=order.payee_name,
        payee_bank_name=order.payee_bank_name,
        next_try_at_ms=first_try_ms(planned.first_day, times),
    )


def edited(schedule: Schedule, edit: ScheduleEdit, now_ms: int, times: TryTimes) -> Schedule:
    """The schedule with the changes. Raises ScheduleEnded, and SchemeError as `make_schedule` does.

    A plan that keeps rhythm and next day keeps the day of the month too: one of the 31st that is due on 28 February
    goes on with 31 March. Any other plan begins anew with its first day.
    """
    if not schedule.is_active:
        raise ScheduleEnded
    if edit.amount_centavos is not None:
        schedule = replace(schedule, amount_centavos=check_amount(edit.amount_centavos))
    if edit.description is not None:
        schedule = replace(schedule, description=check_description(edit.description))
    order = edit.plan
    if order is None:
        return schedule
    if order.rhythm is schedule.plan.rhythm and order.first_day == schedule.next_day:
        count = schedule.next_index + payments_of(schedule.plan, schedule.next_index, order)
        return replace(schedule, plan=replace(schedule.plan, count=count))
    today = day_of(now_ms)
    check_first_day(order.first_day, today)
    plan = make_plan(order, today)
    at_ms = first_try_ms(plan.first_day, times)
    return replace(schedule, plan=plan, next_index=0, next_try_at_ms=at_ms, tries=0, refusal="")


def cancelled(schedule: Schedule) -> Schedule:
    """The schedule, cancelled for ever; cancelling twice changes nothing. Raises ScheduleEnded for a finished one."""
    if schedule.status is ScheduleStatus.FINISHED:
        raise ScheduleEnded
    return replace(schedule, status=ScheduleStatus.CANCELLED, next_try_at_ms=None)


def failure_read(schedule: Schedule) -> Schedule:
    """The schedule once the customer has read that a payment has failed."""
    return replace(schedule, failed_day=None, failed_reason="")


def order_of(schedule: Schedule, due_day: date) -> TransferOrder:
    """The order that a payment of the schedule is on its day: one idempotency key per schedule and day."""
    return TransferOrder(
        account_number=schedule.account_number,
        payee_key=schedule.payee_key,
        amount_centavos=schedule.amount_centavos,
        description=schedule.description,
        idempotency_key=f"schedule {schedule.schedule_id} {due_day.isoformat()}",
        payee_tax_id_masked=schedule.payee_tax_id_masked,
        payee_name=schedule.payee_name,
        payee_bank_name=schedule.payee_bank_name,
    )


def after_try(
    schedule: Schedule, result: str | SchemeError, now_ms: int, times: TryTimes
) -> tuple[Schedule, Execution | None]:
    """What a try makes of an active schedule: `result` is the end-to-end id of the transfer, or why it was refused.

    A refused try is repeated at the next time of its day. After the last one the payment has failed and the schedule
    goes on with its next day. A payment that is late, because the bank was down, is tried at once; times that have
    passed are not made up for. A closed account ends the schedule.
    """
    day = schedule.plan.day(schedule.next_index)
    if isinstance(result, str):
        paid = Execution(
            schedule.schedule_id, day, ExecutionOutcome.REQUESTED, now_ms, schedule.amount_centavos, result
        )
        return advanced(schedule, times), paid
    is_closed = isinstance(result, AccountClosed)
    again_at_ms = None if is_closed else next_try_ms(day, now_ms, times)
    if again_at_ms is not None:
        again = replace(schedule, tries=schedule.tries + 1, refusal=result.rule, next_try_at_ms=again_at_ms)
        return again, None
    failed = Execution(
        schedule.schedule_id, day, ExecutionOutcome.FAILED, now_ms, schedule.amount_centavos, reason=result.rule
    )
    told = replace(schedule, failed_day=day, failed_reason=result.rule)
    return (cancelled(told) if is_closed else advanced(told, times)), failed


def advanced(schedule: Schedule, times: TryTimes) -> Schedule:
    """The schedule behind its present payment."""
    index = schedule.next_index + 1
    is_over = schedule.plan.rhythm is Rhythm.ONCE or index >= schedule.plan.count
    return replace(
        schedule,
        status=ScheduleStatus.FINISHED if is_over else schedule.status,
        next_index=index,
        next_try_at_ms=None if is_over else first_try_ms(schedule.plan.day(index), times),
        tries=0,
        refusal="",
    )
