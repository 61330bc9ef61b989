"""What may be asked of the adapter without changing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hub.application.course.ports import CourseUnits, LegSums
from hub.domain.course.model import OPEN_STATES, CourseAccount, CourseBank, Leg, LegKind, LegState
from pix.scheme.values import value_object

OWED_SHOWN_MAX: Final = 500
LATEST_SHOWN_MAX: Final = 50


@value_object
class BankSums:
    """What the adapter's table says of a bank's money."""

    came_centavos: int
    """Paid to its customers, credited by the bank and moved by the hub."""
    went_centavos: int
    """Paid by its customers and moved by the hub."""
    owed_to_customers_centavos: int
    """Failed payments whose money the bank has not given back yet."""
    uncovered_centavos: int
    """Credited by the bank, and not moved by the hub."""
    open_legs: int
    answered_again: int
    """So often the bank said again that it has credited: it has probably credited twice."""


@value_object
class CourseOverview:
    banks: Sequence[CourseBank]
    accounts: Sequence[CourseAccount]
    sums: Mapping[str, BankSums]
    """By ISPB."""
    owed: Sequence[Leg]
    """Oldest first."""
    latest: Sequence[Leg]
    """Newest first."""


class CourseQueries:
    def __init__(self, units: CourseUnits) -> None:
        self._units = units

    def banks(self) -> Mapping[str, CourseBank]:
        """By ISPB."""
        with self._units() as unit:
            return unit.course.banks()

    def overview(self) -> CourseOverview:
        with self._units() as unit:
            banks = unit.course.banks()
            sums = unit.course.sums()
            return CourseOverview(
                sorted(banks.values(), key=lambda bank: bank.code),
                unit.course.accounts(),
                {ispb: _sums_of([each for each in sums if each.ispb == ispb]) for ispb in banks},
                unit.course.owed(OWED_SHOWN_MAX),
                unit.course.latest(LATEST_SHOWN_MAX),
            )


def _sums_of(sums: Sequence[LegSums]) -> BankSums:
    def centavos(kind: LegKind, *states: LegState) -> int:
        return sum(each.amount_centavos for each in sums if each.kind is kind and each.state in states)

    return BankSums(
        came_centavos=centavos(LegKind.INCOMING, LegState.SETTLED),
        went_centavos=centavos(LegKind.OUTGOING, LegState.CONFIRMED, LegState.COMPLETED),
        owed_to_customers_centavos=centavos(LegKind.REFUND, LegState.HELD, LegState.SENT, LegState.PARKED),
        uncovered_centavos=centavos(LegKind.INCOMING, LegState.UNCOVERED),
        open_legs=sum(each.legs for each in sums if each.state in OPEN_STATES[each.kind]),
        answered_again=sum(each.answered_again for each in sums),
    )
