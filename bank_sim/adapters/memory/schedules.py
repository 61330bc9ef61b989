"""Scheduled payments in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol

from bank_sim.application.ports import RowExists
from bank_sim.domain.schedules.model import Execution, Schedule
from pix.runtime.memory_table import MemoryTable

ExecutionId = tuple[str, date]
"""Schedule and due day."""


class ScheduleStore(Protocol):
    """The part of a bank's store with scheduled payments."""

    schedules: MemoryTable[str, Schedule]
    executions: MemoryTable[ExecutionId, Execution]


class MemorySchedules:
    """See `bank_sim.application.ports.ScheduleRepository`."""

    def __init__(self, store: ScheduleStore) -> None:
        self._store = store

    def add(self, schedule: Schedule) -> None:
        if self.find_by_idempotency_key(schedule.account_number, schedule.idempotency_key) is not None:
            raise RowExists(schedule.idempotency_key)
        self._store.schedules.put(schedule.schedule_id, schedule)

    def lock(self, schedule_id: str) -> Schedule | None:
        return self.find(schedule_id)

    def lock_due(self, now_ms: int, size: int) -> list[Schedule]:
        due = [each for each in self._store.schedules.values() if (each.next_try_at_ms or now_ms + 1) <= now_ms]
        return sorted(due, key=_place_of)[:size]

    def save(self, schedules: Sequence[Schedule]) -> None:
        for schedule in schedules:
            self._store.schedules.put(schedule.schedule_id, schedule)

    def next_due_ms(self) -> int | None:
        due = [each.next_try_at_ms for each in self._store.schedules.values() if each.next_try_at_ms is not None]
        return min(due, default=None)

    def find(self, schedule_id: str) -> Schedule | None:
        return self._store.schedules.get(schedule_id)

    def find_by_idempotency_key(self, account_number: str, idempotency_key: str) -> Schedule | None:
        wanted = (account_number, idempotency_key)
        found = (
            each for each in self._store.schedules.values() if (each.account_number, each.idempotency_key) == wanted
        )
        return next(found, None)

    def count_active(self, account_number: str) -> int:
        return sum(each.is_active for each in self._store.schedules.values() if each.account_number == account_number)

    def of_account(self, account_number: str, size: int, *, shown: bool = False) -> list[Schedule]:
        own = [each for each in self._store.schedules.values() if each.account_number == account_number]
        active = sorted((each for each in own if each.is_active), key=_place_of)
        others = [each for each in own if not each.is_active and (not shown or each.failed_day is not None)]
        others.sort(key=lambda each: (-each.created_at_ms, each.schedule_id))
        found = [*active, *others]
        if shown:
            found.sort(key=lambda each: each.failed_day is None)
        return found[:size]

    def add_executions(self, executions: Sequence[Execution]) -> None:
        for execution in executions:
            place = (execution.schedule_id, execution.due_day)
            if self._store.executions.get(place) is not None:
                raise RowExists(f"{place[0]} {place[1]}")
            self._store.executions.put(place, execution)

    def executed(self, days: Collection[ExecutionId]) -> dict[ExecutionId, Execution]:
        found = {day: self._store.executions.get(day) for day in days}
        return {day: execution for day, execution in found.items() if execution is not None}

    def executions(self, account_number: str, schedule_id: str, size: int) -> list[Execution]:
        own = {
            each.schedule_id
            for each in self._store.schedules.values()
            if each.account_number == account_number and schedule_id in ("", each.schedule_id)
        }
        found = [each for each in self._store.executions.values() if each.schedule_id in own]
        found.sort(key=lambda each: (each.executed_at_ms, each.due_day, each.schedule_id), reverse=True)
        return found[:size]


def _place_of(schedule: Schedule) -> tuple[int, str]:
    return schedule.next_try_at_ms or 0, schedule.schedule_id
