"""Scheduled payments on PostgreSQL: what is ordered, and a row for each day that is done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, text

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.domain.schedules.calendar import Plan, Rhythm
from bank_sim.domain.schedules.model import Execution, ExecutionOutcome, Schedule, ScheduleStatus
from pix.postgres.bulk import execute_bulk, fetch_bulk, postpone_bulk
from pix.scheme.keys import KeyKind, PixKey


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


_ID: Final[list[Column[Schedule]]] = [Column("schedule_id", "text", lambda schedule: schedule.schedule_id)]
_FIXED: Final[list[Column[Schedule]]] = [
    Column("account_number", "text", lambda schedule: schedule.account_number),
    Column("key_kind", "text", lambda schedule: schedule.payee_key.kind.value),
    Column("key", "text", lambda schedule: schedule.payee_key.key),
    Column("shown_tax_id_masked", "text", lambda schedule: schedule.payee_tax_id_masked),
    Column("shown_name", "text", lambda schedule: schedule.payee_name),
    Column("shown_bank_name", "text", lambda schedule: schedule.payee_bank_name),
    Column("created_at_ms", "bigint", lambda schedule: schedule.created_at_ms),
    Column("idempotency_key", "text", lambda schedule: schedule.idempotency_key),
    Column("fingerprint", "text", lambda schedule: schedule.fingerprint),
]
_CHANGING: Final[list[Column[Schedule]]] = [
    Column("amount_centavos", "bigint", lambda schedule: schedule.amount_centavos),
    Column("description", "text", lambda schedule: schedule.description),
    Column("rhythm", "text", lambda schedule: schedule.plan.rhythm.value),
    Column("first_day", "date", lambda schedule: _iso(schedule.plan.first_day)),
    Column("payments", "integer", lambda schedule: schedule.plan.count),
    Column("status", "text", lambda schedule: schedule.status.value),
    Column("next_index", "integer", lambda schedule: schedule.next_index),
    Column("next_try_at_ms", "bigint", lambda schedule: schedule.next_try_at_ms),
    Column("tries", "integer", lambda schedule: schedule.tries),
    Column("refusal", "text", lambda schedule: schedule.refusal),
    Column("failed_day", "date", lambda schedule: _iso(schedule.failed_day)),
    Column("failed_reason", "text", lambda schedule: schedule.failed_reason),
]
_ALL: Final = [*_ID, *_FIXED, *_CHANGING]
_EXECUTION: Final[list[Column[Execution]]] = [
    Column("schedule_id", "text", lambda execution: execution.schedule_id),
    Column("due_day", "date", lambda execution: _iso(execution.due_day)),
    Column("outcome", "text", lambda execution: execution.outcome.value),
    Column("executed_at_ms", "bigint", lambda execution: execution.executed_at_ms),
    Column("amount_centavos", "bigint", lambda execution: execution.amount_centavos),
    Column("end_to_end_id", "text", lambda execution: execution.end_to_end_id),
    Column("reason", "text", lambda execution: execution.reason),
]

_ADD: Final = insert_statement("schedules", _ALL)
_SAVE: Final = update_statement("schedules", _ID, _CHANGING)
_SELECT: Final = f"SELECT {names(_ALL)} FROM schedules"  # noqa: S608 - names are constants of this module
_FIND: Final = f"{_SELECT} WHERE schedule_id = %(id)s"
_LOCK_DUE: Final = (
    f"{_SELECT} WHERE next_try_at_ms <= %(now_ms)s ORDER BY next_try_at_ms, schedule_id "
    "LIMIT %(size)s FOR UPDATE SKIP LOCKED"
)
_IN_ORDER: Final = "ORDER BY next_try_at_ms NULLS LAST, created_at_ms DESC, schedule_id LIMIT %(size)s"
_FAILED_FIRST: Final = _IN_ORDER.replace("ORDER BY", "ORDER BY failed_day IS NULL,")
_LIST: Final = f"{_SELECT} WHERE account_number = %(number)s {_IN_ORDER}"
_SHOWN: Final = "(next_try_at_ms IS NOT NULL OR failed_day IS NOT NULL)"
_LIST_SHOWN: Final = f"{_SELECT} WHERE account_number = %(number)s AND {_SHOWN} {_FAILED_FIRST}"
_ADD_EXECUTIONS: Final = insert_statement("schedule_executions", _EXECUTION)
_SELECT_EXECUTIONS: Final = f"SELECT {names(_EXECUTION)} FROM schedule_executions"  # noqa: S608 - as above
_EXECUTED: Final = (
    f"{_SELECT_EXECUTIONS} WHERE (schedule_id, due_day) IN "  # noqa: S608 - as above
    "(SELECT * FROM unnest(%(ids)s::text[], %(days)s::date[]))"
)


def _schedule_of(row: Sequence[Any]) -> Schedule:
    (
        schedule_id,
        account_number, key_kind, key, shown_tax_id, shown_name, shown_bank_name,
        created_at_ms, idempotency_key, fingerprint,
        amount_centavos, description, rhythm, first_day, payments,
        status, next_index, next_try_at_ms, tries, refusal, failed_day, failed_reason,
    ) = row  # fmt: skip
    return Schedule(
        schedule_id=schedule_id,
        account_number=account_number,
        payee_key=PixKey(KeyKind(key_kind), key),
        amount_centavos=amount_centavos,
        description=description,
        plan=Plan(Rhythm(rhythm), first_day, payments),
        created_at_ms=created_at_ms,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        payee_tax_id_masked=shown_tax_id,
        payee_name=shown_name,
        payee_bank_name=shown_bank_name,
        status=ScheduleStatus(status),
        next_index=next_index,
        next_try_at_ms=next_try_at_ms,
        tries=tries,
        refusal=refusal,
        failed_day=failed_day,
        failed_reason=failed_reason,
    )


def _execution_of(row: Sequence[Any]) -> Execution:
    schedule_id, due_day, outcome, executed_at_ms, amount_centavos, end_to_end_id, reason = row
    return Execution(
        schedule_id, due_day, ExecutionOutcome(outcome), executed_at_ms, amount_centavos, end_to_end_id, reason
    )


class PostgresSchedules:
    """See `bank_sim.application.ports.ScheduleRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, schedule: Schedule) -> None:
        execute_bulk(self._connection, _ADD, arrays(_ALL, [schedule]))

    def lock(self, schedule_id: str) -> Schedule | None:
        return self._one(f"{_FIND} FOR UPDATE", {"id": schedule_id})

    def lock_due(self, now_ms: int, size: int) -> list[Schedule]:
        rows = fetch_bulk(self._connection, _LOCK_DUE, {"now_ms": now_ms, "size": size})
        return [_schedule_of(row) for row in rows]

    def save(self, schedules: Sequence[Schedule]) -> None:
        if schedules:
            postpone_bulk(self._connection, _SAVE, arrays([*_ID, *_CHANGING], schedules))

    def next_due_ms(self) -> int | None:
        due: int | None = self._connection.execute(text("SELECT min(next_try_at_ms) FROM schedules")).scalar_one()
        return due

    def find(self, schedule_id: str) -> Schedule | None:
        return self._one(_FIND, {"id": schedule_id})

    def find_by_idempotency_key(self, account_number: str, idempotency_key: str) -> Schedule | None:
        return self._one(
            f"{_SELECT} WHERE account_number = %(number)s AND idempotency_key = %(key)s",
            {"number": account_number, "key": idempotency_key},
        )

    def count_active(self, account_number: str) -> int:
        count: int = self._connection.execute(
            text("SELECT count(*) FROM schedules WHERE account_number = :number AND next_try_at_ms IS NOT NULL"),
            {"number": account_number},
        ).scalar_one()
        return count

    def of_account(self, account_number: str, size: int, *, shown: bool = False) -> list[Schedule]:
        statement = _LIST_SHOWN if shown else _LIST
        rows = fetch_bulk(self._connection, statement, {"number": account_number, "size": size})
        return [_schedule_of(row) for row in rows]

    def add_executions(self, executions: Sequence[Execution]) -> None:
        if executions:
            postpone_bulk(self._connection, _ADD_EXECUTIONS, arrays(_EXECUTION, executions))

    def executed(self, days: Collection[tuple[str, date]]) -> dict[tuple[str, date], Execution]:
        values = {"ids": [each[0] for each in days], "days": [each[1].isoformat() for each in days]}
        found = [_execution_of(row) for row in fetch_bulk(self._connection, _EXECUTED, values)]
        return {(execution.schedule_id, execution.due_day): execution for execution in found}

    def executions(self, account_number: str, schedule_id: str, size: int) -> list[Execution]:
        rows = self._connection.execute(
            text(
                f"{_SELECT_EXECUTIONS} WHERE schedule_id IN (SELECT schedule_id FROM schedules "  # noqa: S608 - as above
                "WHERE account_number = :number AND (:id = '' OR schedule_id = :id)) "
                "ORDER BY executed_at_ms DESC, due_day DESC, schedule_id DESC LIMIT :size"
            ),
            {"number": account_number, "id": schedule_id, "size": size},
        )
        return [_execution_of(row) for row in rows]

    def _one(self, statement: str, values: dict[str, Any]) -> Schedule | None:
        rows = fetch_bulk(self._connection, statement, values)
        return _schedule_of(rows[0]) if rows else None
