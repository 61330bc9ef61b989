"""The course adapter's store in memory; it passes the same contract tests as PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from hub.application.course.ports import LegSums
from hub.domain.course.model import CourseAccount, CourseBank, Leg, LegKind, LegState
from pix.participant.dead_letters.memory import MemoryDeadLetters
from pix.runtime.memory_table import MemoryTable


@dataclass(slots=True)
class CourseStore:
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    """The hub's."""
    banks: MemoryTable[str, CourseBank] = field(default_factory=MemoryTable)
    accounts: MemoryTable[str, CourseAccount] = field(default_factory=MemoryTable)
    legs: MemoryTable[tuple[str, LegKind, str], Leg] = field(default_factory=MemoryTable)


class MemoryCourse:
    """See `hub.application.course.ports.CourseRepository`."""

    def __init__(self, store: CourseStore) -> None:
        self._store = store

    def banks(self) -> Mapping[str, CourseBank]:
        return {bank.ispb: bank for bank in self._store.banks.values()}

    def add_bank(self, bank: CourseBank) -> None:
        self._store.banks.put(bank.ispb, bank)

    def accounts(self, ispb: str = "") -> list[CourseAccount]:
        found = [account for account in self._store.accounts.values() if ispb in ("", account.ispb)]
        return sorted(found, key=lambda account: (account.ispb, account.number))

    def account(self, account_id: str) -> CourseAccount | None:
        return self._store.accounts.get(account_id)

    def account_numbered(self, ispb: str, branch: str, number: str) -> CourseAccount | None:
        place = (ispb, branch, number)
        return next(
            (each for each in self._store.accounts.values() if (each.ispb, each.branch, each.number) == place), None
        )

    def add_account(self, account: CourseAccount) -> None:
        self._store.accounts.put(account.account_id, account)

    def leg(self, ispb: str, kind: LegKind, course_id: str) -> Leg | None:
        return self._store.legs.get((ispb, kind, course_id))

    def leg_of_transfer(self, kind: LegKind, end_to_end_id: str) -> Leg | None:
        place = (kind, end_to_end_id)
        return next(
            (leg for leg in self._store.legs.values() if end_to_end_id and (leg.kind, leg.end_to_end_id) == place), None
        )

    def credit(self, course_id: str) -> Leg | None:
        credits_of_id = (leg for leg in self._store.legs.values() if leg.course_id == course_id)
        return next((leg for leg in credits_of_id if leg.kind is not LegKind.OUTGOING), None)

    def due(self, real_now_ms: int, wait_ms_max: int, size: int) -> list[Leg]:
        found = [
            (leg.due_at_ms, leg)
            for leg in self._store.legs.values()
            if leg.due_at_ms is not None and not real_now_ms < leg.due_at_ms <= real_now_ms + wait_ms_max
        ]
        return [leg for _, leg in sorted(found, key=lambda each: each[0])[:size]]

    def save(self, legs: Collection[Leg]) -> None:
        for leg in legs:
            self._store.legs.put(leg.row_id, leg)

    def owed(self, size: int) -> list[Leg]:
        found = [leg for leg in self._store.legs.values() if leg.is_owed]
        return sorted(found, key=lambda leg: (leg.created_at_ms, leg.course_id))[:size]

    def latest(self, size: int) -> list[Leg]:
        return sorted(self._store.legs.values(), key=lambda leg: (-leg.created_at_ms, leg.course_id))[:size]

    def sums(self) -> Sequence[LegSums]:
        found: defaultdict[tuple[str, LegKind, LegState], list[Leg]] = defaultdict(list)
        for leg in self._store.legs.values():
            found[leg.ispb, leg.kind, leg.state].append(leg)
        return [
            LegSums(
                *place,
                len(legs),
                sum(leg.amount_centavos for leg in legs),
                sum(max(0, leg.answers - 1) for leg in legs),
            )
            for place, legs in sorted(found.items())
        ]


class MemoryCourseUnit:
    """One transaction on a store that no other transaction uses at the same time."""

    def __init__(self, store: CourseStore) -> None:
        self._store = store
        self.course = MemoryCourse(store)
        self.dead_letters = store.dead_letters

    def lock(self) -> None:
        """Transactions in memory come one after the other."""

    def __enter__(self) -> MemoryCourseUnit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self._tables():
            table.rollback()

    def commit(self) -> None:
        for table in self._tables():
            table.commit()

    def _tables(self) -> list[MemoryTable]:  # type: ignore[type-arg]
        return [self._store.banks, self._store.accounts, self._store.legs, self._store.dead_letters.table]


class MemoryCourseUnits:
    def __init__(self, store: CourseStore) -> None:
        self.store = store

    def __call__(self) -> MemoryCourseUnit:
        return MemoryCourseUnit(self.store)
