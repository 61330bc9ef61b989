"""What the course adapter needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from hub.domain.course.model import CourseAccount, CourseBank, Leg, LegKind, LegState
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.scheme.values import value_object


@value_object
class LegSums:
    """The legs of a bank of one kind in one state."""

    ispb: str
    kind: LegKind
    state: LegState
    legs: int
    amount_centavos: int
    answered_again: int
    """Answers after the first one of each."""


class CourseRepository(Protocol):
    """The adapter's tables. One transaction at a time writes them, in all replicas."""

    def banks(self) -> Mapping[str, CourseBank]:
        """By ISPB."""

    def add_bank(self, bank: CourseBank) -> None:
        """One more, or one that is there with another edition or group."""

    def accounts(self, ispb: str = "") -> list[CourseAccount]:
        """By bank and number; of all banks when `ispb` is empty."""

    def account(self, account_id: str) -> CourseAccount | None: ...

    def account_numbered(self, ispb: str, branch: str, number: str) -> CourseAccount | None: ...

    def add_account(self, account: CourseAccount) -> None:
        """A new one, whose id and number no other has."""

    def leg(self, ispb: str, kind: LegKind, course_id: str) -> Leg | None: ...

    def leg_of_transfer(self, kind: LegKind, end_to_end_id: str) -> Leg | None:
        """The outgoing or incoming leg of a transfer: it has one of each at most."""

    def credit(self, course_id: str) -> Leg | None:
        """The incoming leg or refund with this id: no two banks have one with the same id."""

    def due(self, real_now_ms: int, wait_ms_max: int, size: int) -> list[Leg]:
        """At most `size` whose due time has come, or is further away than `wait_ms_max`; due first."""

    def save(self, legs: Collection[Leg]) -> None:
        """New and changed ones."""

    def owed(self, size: int) -> list[Leg]:
        """At most `size` of which money is owed, oldest first."""

    def latest(self, size: int) -> list[Leg]:
        """Newest first."""

    def sums(self) -> Sequence[LegSums]: ...


class CourseUnit(Protocol):
    """One transaction of the adapter. Leaving it without `commit` undoes all."""

    @property
    def course(self) -> CourseRepository: ...

    @property
    def dead_letters(self) -> DeadLetterRepository: ...

    def lock(self) -> None:
        """Waits until no other transaction of the adapter writes. The first thing that a writing one does."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def commit(self) -> None: ...


class CourseUnits(Protocol):
    def __call__(self) -> CourseUnit: ...


class BankReadiness(Protocol):
    """Whether the banks' consumer groups take what is sent to them."""

    def is_ready(self, ispb: str) -> bool:
        """As of the last look; False before the first. Never waits."""


class AlwaysReady:
    def is_ready(self, ispb: str) -> bool:  # noqa: ARG002 - the port's
        return True
