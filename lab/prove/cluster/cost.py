"""What a transfer costs in CPU time with one, two or three hubs, as a line that is fitted and checked. Pure.

For each part (hubs, banks, Kafka, database): cost = base + slope x (hubs - 1), in microseconds of CPU a transfer. The
line is fitted to the runs of even number, and checked against the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median
from typing import Final

MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class CostRun:
    """One measurement: the CPU time of all processes of each part while these transfers became final."""

    hubs: int
    transfers: int
    seconds: float
    cpu_seconds: Mapping[str, float]

    def microseconds(self, part: str) -> float:
        return self.cpu_seconds[part] * MICROSECONDS / self.transfers


@dataclass(frozen=True, slots=True)
class CostLine:
    """The model of one part, and how far it is from the runs that it was not fitted to."""

    part: str
    base_microseconds: float
    slope_microseconds: float
    """For each hub more."""
    error_median: float
    """Of the runs that the line was not fitted to: |measured - predicted| / measured."""
    error_longest: float

    def predict(self, hubs: int) -> float:
        return self.base_microseconds + self.slope_microseconds * (hubs - 1)


def fit(runs: Sequence[CostRun]) -> list[CostLine]:
    """One line a part, the sum of all parts last. Raises ValueError unless two numbers of hubs are in each half."""
    fitted, checked = runs[0::2], runs[1::2]
    for half in (fitted, checked):
        if len({run.hubs for run in half}) < 2:
            raise ValueError("runs: each half must have runs with two numbers of hubs")
    parts = list(runs[0].cpu_seconds)
    return [_line(part, [part], fitted, checked) for part in parts] + [_line("all", parts, fitted, checked)]


def _line(name: str, parts: Sequence[str], fitted: Sequence[CostRun], checked: Sequence[CostRun]) -> CostLine:
    def cost(run: CostRun) -> float:
        return sum(run.microseconds(part) for part in parts)

    slope, base = linear_regression([run.hubs - 1 for run in fitted], [cost(run) for run in fitted])
    line = CostLine(name, base, slope, 0.0, 0.0)
    errors = [abs(cost(run) - line.predict(run.hubs)) / cost(run) for run in checked]
    return CostLine(name, base, slope, median(errors), max(errors))
