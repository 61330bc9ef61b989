"""Customers schedule payments, change them and cancel them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.domain.errors import (
    AccountNotFound,
    IdempotencyConflict,
    PayerIsPayee,
    ScheduleNotFound,
    TooManySchedules,
)
from bank_sim.domain.flows.transfer.requests import TransferOrder, check_order
from bank_sim.domain.schedules.calendar import PlanOrder, TryTimes
from bank_sim.domain.schedules.model import (
    SCHEDULES_PER_ACCOUNT_MAX,
    Schedule,
    ScheduleEdit,
    cancelled,
    edited,
    failure_read,
    fingerprint_of,
    make_schedule,
)
from pix.runtime.clock import SchemeClock
from pix.scheme.keys import PixKey


class SchedulePayment:
    """Takes an order for days to come. Nothing is debited and no end-to-end id is made before the day."""

    def __init__(
        self, units: UnitsOfWork, scheme_clock: SchemeClock, times: TryTimes, new_id: Callable[[], str]
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._times = times
        self._new_id = new_id

    def __call__(
        self,
        *,
        account_number: str,
        payee_key: PixKey,
        amount_centavos: int,
        description: str,
        idempotency_key: str,
        plan: PlanOrder,
        payee_tax_id_masked: str = "",
        payee_name: str = "",
        payee_bank_name: str = "",
    ) -> Schedule:
        """The schedule, active; with an idempotency key used before for the same order, that schedule as it stands.

        Works while hub and broker are down. Raises SchemeError(field="first_day" | "count" | "last_day" |
        "amount_centavos" | …), AccountNotFound, AccountBlocked, AccountClosed, PayerIsPayee, TooManySchedules,
        IdempotencyConflict.
        """
        order = check_order(
            TransferOrder(
                account_number=account_number,
                payee_key=payee_key,
                amount_centavos=amount_centavos,
                description=description,
                idempotency_key=idempotency_key,
                payee_tax_id_masked=payee_tax_id_masked,
                payee_name=payee_name,
                payee_bank_name=payee_bank_name,
            )
        )
        with self._units() as unit:
            # The lock keeps two orders with the same idempotency key one after the other, and the count exact.
            account = unit.accounts.lock([account_number]).get(account_number)
            if account is None:
                raise AccountNotFound
            earlier = unit.schedules.find_by_idempotency_key(account_number, order.idempotency_key)
            if earlier is not None:
                if earlier.fingerprint != fingerprint_of(order, plan):
                    raise IdempotencyConflict
                return earlier
            account.check_may_act()
            if order.payee_key and unit.keys.owners([order.payee_key]).get(order.payee_key) == account_number:
                raise PayerIsPayee
            if unit.schedules.count_active(account_number) >= SCHEDULES_PER_ACCOUNT_MAX:
                raise TooManySchedules(SCHEDULES_PER_ACCOUNT_MAX)
            schedule = make_schedule(self._new_id(), order, plan, self._scheme_clock.now_ms(), self._times)
            unit.schedules.add(schedule)
            unit.commit()
        return schedule


class EditSchedule:
    """Changes what is still to come of a schedule."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, times: TryTimes) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._times = times

    def __call__(self, *, account_number: str, schedule_id: str, edit: ScheduleEdit) -> Schedule:
        """The schedule as changed. Raises ScheduleNotFound, ScheduleEnded, and SchemeError as `SchedulePayment`."""
        with self._units() as unit:
            schedule = edited(_own(unit, account_number, schedule_id), edit, self._scheme_clock.now_ms(), self._times)
            unit.schedules.save([schedule])
            unit.commit()
        return schedule


class CancelSchedule:
    """Cancels what is still to come of a schedule; what was paid stays paid."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str, schedule_id: str) -> Schedule:
        """The schedule, cancelled; cancelling it again changes nothing. Raises ScheduleNotFound, ScheduleEnded."""
        with self._units() as unit:
            schedule = cancelled(_own(unit, account_number, schedule_id))
            unit.schedules.save([schedule])
            unit.commit()
        return schedule


class NoteFailureRead:
    """The customer has read that a scheduled payment has failed: it is not told again."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str, schedule_id: str, failed_day: date) -> None:
        """Changes nothing when another day has failed since. Raises ScheduleNotFound."""
        with self._units() as unit:
            schedule = _own(unit, account_number, schedule_id)
            if schedule.failed_day == failed_day:
                unit.schedules.save([failure_read(schedule)])
                unit.commit()


def _own(unit: UnitOfWork, account_number: str, schedule_id: str) -> Schedule:
    schedule = unit.schedules.lock(schedule_id)
    if schedule is None or schedule.account_number != account_number:
        raise ScheduleNotFound
    return schedule
