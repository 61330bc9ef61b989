"""The course adapter's store on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Engine, text

from hub.application.course.ports import LegSums
from hub.domain.course.model import (
    OWED_STATES,
    CourseAccount,
    CourseBank,
    Edition,
    Leg,
    LegKind,
    LegState,
)
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.engine import is_storable
from pix.postgres.unit_of_work import PostgresRepository, PostgresTransaction

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('codepix course adapter'))")
"""One transaction at a time writes: what two banks of a classroom do needs no more, and no two wait for each other."""

_ACCOUNT_COLUMNS: Final = "account_id, ispb, branch, number, owner_name, tax_id_masked, created_at_ms"
_LEG_FIELDS: Final = tuple(field.name for field in fields(Leg))
_LEG_COLUMNS: Final = ", ".join(_LEG_FIELDS)
_LEG_VALUES: Final = ", ".join(f":{name}" for name in _LEG_FIELDS)
_LEG_CHANGES: Final = ", ".join(
    f"{name} = excluded.{name}"
    for name in ("state", "key", "key_kind", "reason", "sent_at_ms", "due_at_ms", "attempts", "answers", "note")
)
_OWED: Final = " OR ".join(
    f"(kind = '{kind}' AND state IN ({', '.join(repr(str(state)) for state in sorted(states))}))"
    for kind, states in OWED_STATES.items()
)


class PostgresCourse(PostgresRepository):
    """See `hub.application.course.ports.CourseRepository`."""

    def banks(self) -> Mapping[str, CourseBank]:
        rows = self._execute("SELECT ispb, code, edition, consumer_group, bank_id FROM course_banks")
        return {row[0]: CourseBank(row[0], row[1], Edition(row[2]), row[3], row[4]) for row in rows}

    def add_bank(self, bank: CourseBank) -> None:
        self._execute(
            "INSERT INTO course_banks (ispb, code, edition, consumer_group, bank_id) "
            "VALUES (:ispb, :code, :edition, :group, :bank_id) ON CONFLICT (ispb) DO UPDATE "
            "SET edition = excluded.edition, consumer_group = excluded.consumer_group",
            ispb=bank.ispb,
            code=bank.code,
            edition=bank.edition.value,
            group=bank.group,
            bank_id=bank.bank_id,
        )

    def accounts(self, ispb: str = "") -> list[CourseAccount]:
        return self._accounts("WHERE :ispb = '' OR ispb = :ispb", ispb=ispb)

    def account(self, account_id: str) -> CourseAccount | None:
        if not is_storable(account_id):
            return None
        return next(iter(self._accounts("WHERE account_id = :account_id", account_id=account_id)), None)

    def account_numbered(self, ispb: str, branch: str, number: str) -> CourseAccount | None:
        where = "WHERE ispb = :ispb AND branch = :branch AND number = :number"
        return next(iter(self._accounts(where, ispb=ispb, branch=branch, number=number)), None)

    def _accounts(self, where: str, **values: Any) -> list[CourseAccount]:
        rows = self._execute(f"SELECT {_ACCOUNT_COLUMNS} FROM course_accounts {where} ORDER BY ispb, number", **values)  # noqa: S608 - constants
        return [CourseAccount(*row) for row in rows]

    def add_account(self, account: CourseAccount) -> None:
        self._execute(
            f"INSERT INTO course_accounts ({_ACCOUNT_COLUMNS}) VALUES "  # noqa: S608 - names are constants
            "(:account_id, :ispb, :branch, :number, :owner_name, :tax_id_masked, :created_at_ms)",
            **{field.name: getattr(account, field.name) for field in fields(account)},
        )

    def leg(self, ispb: str, kind: LegKind, course_id: str) -> Leg | None:
        return self._leg(
            "ispb = :ispb AND kind = :kind AND course_id = :course_id", ispb=ispb, kind=kind.value, course_id=course_id
        )

    def leg_of_transfer(self, kind: LegKind, end_to_end_id: str) -> Leg | None:
        if not end_to_end_id:
            return None
        return self._leg(
            "end_to_end_id = :end_to_end_id AND end_to_end_id <> '' AND kind = :kind AND kind <> 'refund'",
            end_to_end_id=end_to_end_id,
            kind=kind.value,
        )

    def credit(self, course_id: str) -> Leg | None:
        return self._leg("course_id = :course_id AND kind <> 'outgoing'", course_id=course_id)

    def _leg(self, where: str, **values: Any) -> Leg | None:
        return next(iter(self._legs(f"WHERE {where} LIMIT 1", **values)), None)

    def _legs(self, rest: str, **values: Any) -> list[Leg]:
        return [_leg_of(row) for row in self._execute(f"SELECT {_LEG_COLUMNS} FROM course_legs {rest}", **values)]  # noqa: S608 - constants

    def due(self, real_now_ms: int, wait_ms_max: int, size: int) -> list[Leg]:
        return self._legs(
            "WHERE due_at_ms <= :now_ms OR due_at_ms > :far_ms ORDER BY due_at_ms LIMIT :size",
            now_ms=real_now_ms,
            far_ms=real_now_ms + wait_ms_max,
            size=size,
        )

    def save(self, legs: Collection[Leg]) -> None:
        for leg in legs:
            self._execute(
                f"INSERT INTO course_legs ({_LEG_COLUMNS}) VALUES ({_LEG_VALUES}) "  # noqa: S608 - constants
                f"ON CONFLICT (ispb, kind, course_id) DO UPDATE SET {_LEG_CHANGES}",
                **{name: getattr(leg, name) for name in _LEG_FIELDS}
                | {"kind": leg.kind.value, "state": leg.state.value, "reason": str(leg.reason)},
            )

    def owed(self, size: int) -> list[Leg]:
        return self._legs(f"WHERE {_OWED} ORDER BY created_at_ms, course_id LIMIT :size", size=size)

    def latest(self, size: int) -> list[Leg]:
        return self._legs("ORDER BY created_at_ms DESC, course_id LIMIT :size", size=size)

    def sums(self) -> Sequence[LegSums]:
        rows = self._execute(
            "SELECT ispb, kind, state, count(*), CAST(sum(amount_centavos) AS bigint), "
            "CAST(sum(greatest(answers - 1, 0)) AS integer) FROM course_legs "
            "GROUP BY ispb, kind, state ORDER BY ispb, kind, state"
        )
        return [LegSums(row[0], LegKind(row[1]), LegState(row[2]), row[3], row[4], row[5]) for row in rows]


def _leg_of(row: Sequence[Any]) -> Leg:
    values = dict(zip(_LEG_FIELDS, row, strict=True))
    return Leg(**{**values, "kind": LegKind(values["kind"]), "state": LegState(values["state"])})


class PostgresCourseUnit(PostgresTransaction):
    """See `hub.application.course.ports.CourseUnit`."""

    course: PostgresCourse
    dead_letters: PostgresDeadLetters

    def lock(self) -> None:
        self._connection.execute(_LOCK)

    def _open(self) -> None:
        self.course = PostgresCourse(self._connection)
        self.dead_letters = PostgresDeadLetters(self._connection)

    def _raise_for(self, violation: Any, sentence: str) -> None:
        """No row of the adapter is rejected for what a person has entered."""


class PostgresCourseUnits:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> PostgresCourseUnit:
        return PostgresCourseUnit(self._engine)
