"""The score of an entrant: 1,000 points at most, and no least. Pure arithmetic; `docs/league.md` explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

MONEY_POINTS: Final = 400
"""For money of which no centavo is wrong."""
POINTS_PER_CENTAVO: Final = 1
"""Taken off for each centavo that is wrong, also below zero."""
PAYMENTS_POINTS: Final = 400
SPEED_POINTS: Final = 100
RECOVERY_POINTS: Final = 100
SPEED_MS_BEST: Final = 500
SPEED_MS_WORST: Final = 10_000
RECOVERY_MS_BEST: Final = 1_000
RECOVERY_MS_WORST: Final = 15_000

Ranked = TypeVar("Ranked")


@dataclass(frozen=True, slots=True)
class Results:
    """What the points are given for."""

    payments_planned: int
    payments_right: int
    """Completed where they must complete, refused or failed where they must not."""
    payments_completed: int
    is_examined: bool
    """Whether the entrant let its accounts be read at the end."""
    centavos_wrong: int
    p99_ms: int | None
    """From the order to the completion at the hub; None without a completed payment."""
    recoveries_ms: Sequence[int | None]
    """For each kill and freeze, from its end to the next completed payment; None: there was none."""

    @property
    def recovery_ms(self) -> int | None:
        """The longest recovery; None when the bank has not recovered, or had nothing to recover from."""
        if not self.recoveries_ms or None in self.recoveries_ms:
            return None
        return max(each for each in self.recoveries_ms if each is not None)


@dataclass(frozen=True, slots=True)
class Score:
    money: int
    """Below zero where the wrong centavos cost more than the other points are worth."""
    payments: int
    speed: int
    recovery: int

    @property
    def total(self) -> int:
        return self.money + self.payments + self.speed + self.recovery


NO_SCORE: Final = Score(0, 0, 0, 0)


def score(results: Results) -> Score:
    """The points. A bank that completes nothing, or whose money cannot be read, gets none for what it did well.

    Speed and recovery count in proportion to the payments that ended as they must, so that it does not pay to be
    quick with a few of them.
    """
    penalty = results.centavos_wrong * POINTS_PER_CENTAVO
    if not results.is_examined or results.payments_completed == 0 or results.payments_planned == 0:
        return Score(-penalty, 0, 0, 0)
    share = results.payments_right / results.payments_planned
    return Score(
        money=MONEY_POINTS if penalty == 0 else -penalty,
        payments=round(PAYMENTS_POINTS * share),
        speed=round(SPEED_POINTS * share * _share_of(results.p99_ms, SPEED_MS_BEST, SPEED_MS_WORST)),
        recovery=round(RECOVERY_POINTS * share * _share_of(results.recovery_ms, RECOVERY_MS_BEST, RECOVERY_MS_WORST)),
    )


def _share_of(milliseconds: int | None, best: int, worst: int) -> float:
    """1 up to the best, 0 from the worst on, a straight line between."""
    if milliseconds is None:
        return 0.0
    return min(1.0, max(0.0, (worst - milliseconds) / (worst - best)))


def ranks(totals: Iterable[int]) -> list[int]:
    """The rank of each total, 1 for the highest; the same total has the same rank, and the next one is left out."""
    given = list(totals)
    return [1 + sum(other > total for other in given) for total in given]


def recoveries(fault_ends_ms: Sequence[int], completed_ms: Sequence[int]) -> list[int | None]:
    """For each fault's end the time until the next completed payment, in milliseconds; None where there was none."""
    return [
        min((at_ms - end_ms for at_ms in completed_ms if at_ms >= end_ms), default=None) for end_ms in fault_ends_ms
    ]
