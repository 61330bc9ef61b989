"""Scheduled payments whose time has come: each becomes one transfer, whatever crashes and however many replicas run."""

from __future__ import annotations

from datetime import date
from typing import Final

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.request_transfer import RequestTransfers
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.schedules.calendar import TryTimes
from bank_sim.domain.schedules.model import Execution, Schedule, advanced, after_try, order_of
from pix.runtime.clock import SchemeClock

SCHEDULES_PER_RUN_MAX: Final = 100
"""A run is one transaction of bounded size."""


class RunDueSchedules:
    """Tries what is due, in the order of (time, id).

    Transfer, debit, execution and the schedule's next day are one transaction, and an execution is unique by schedule
    and day. Replicas share the due schedules by skipping what is locked.
    """

    def __init__(
        self, units: UnitsOfWork, scheme_clock: SchemeClock, request_transfers: RequestTransfers, times: TryTimes
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._request_transfers = request_transfers
        self._times = times

    def __call__(self) -> int:
        """How many payments were tried, until none is due. Raises DatabaseUnavailable."""
        tried = 0
        while found := self.run_once():
            tried += found
        return tried

    def run_once(self) -> int:
        """How many payments were tried, at most `SCHEDULES_PER_RUN_MAX`. Raises DatabaseUnavailable."""
        now_ms = self._scheme_clock.now_ms()
        with self._units() as unit:
            due = unit.schedules.lock_due(now_ms, SCHEDULES_PER_RUN_MAX)
            if not due:
                return 0
            places = {schedule.schedule_id: (schedule.schedule_id, _day_of(schedule)) for schedule in due}
            # A day may come again when the clock was set back, or a plan was changed meanwhile.
            executed = unit.schedules.executed(places.values())
            fresh = [schedule for schedule in due if places[schedule.schedule_id] not in executed]
            taken = self._request_transfers.within(unit, [order_of(schedule, _day_of(schedule)) for schedule in fresh])
            saved = [advanced(schedule, self._times) for schedule in due if places[schedule.schedule_id] in executed]
            executions: list[Execution] = []
            for schedule, result in zip(fresh, taken.results, strict=True):
                outcome = result.end_to_end_id if isinstance(result, Transfer) else result
                after, execution = after_try(schedule, outcome, now_ms, self._times)
                saved.append(after)
                if execution is not None:
                    executions.append(execution)
            unit.schedules.save(saved)
            unit.schedules.add_executions(executions)
            unit.commit()
        self._request_transfers.publish(taken)
        return len(due)

    def next_due_ms(self) -> int | None:
        """The earliest scheme time, in Unix milliseconds, at which a payment is to be tried, also when it is over.

        None when nothing is planned. A clock that jumps stops there and runs what is due. A raise of a limit needs no
        run: it counts from its time on. Raises DatabaseUnavailable.
        """
        with self._units() as unit:
            return unit.schedules.next_due_ms()


def _day_of(schedule: Schedule) -> date:
    return schedule.plan.day(schedule.next_index)
