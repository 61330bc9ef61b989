"""What came in and went out by month, as the bars of a chart: numbers for an SVG of 100 by `HEIGHT` units. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from bank_sim.application.customer_app.news import Months

WIDTH: Final = 300
HEIGHT: Final = 100
_BAR_SHARE: Final = 0.3
_LEAST: Final = 1.5
"""Of a bar, so that a small amount beside a large one is seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    height: float

    @property
    def y(self) -> float:
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Column:
    """One month."""

    month: date
    in_centavos: int
    out_centavos: int
    came: Bar
    went: Bar
    middle: float


def draw_months(months: Months) -> tuple[Column, ...]:
    """A column per month, scaled to the largest sum of them all."""
    count = len(months.months)
    largest = max((max(month.in_centavos, month.out_centavos) for month in months.months), default=0)
    step = WIDTH / max(count, 1)
    width = step * _BAR_SHARE
    columns = []
    for number, month in enumerate(months.months):
        middle = step * (number + 0.5)
        columns.append(
            Column(
                month=month.first_day,
                in_centavos=month.in_centavos,
                out_centavos=month.out_centavos,
                came=Bar(round(middle - width - 1, 1), round(width, 1), _height(month.in_centavos, largest)),
                went=Bar(round(middle + 1, 1), round(width, 1), _height(month.out_centavos, largest)),
                middle=round(middle, 1),
            )
        )
    return tuple(columns)


def _height(centavos: int, largest: int) -> float:
    if centavos <= 0 or largest <= 0:
        return 0.0
    return round(max(_LEAST, HEIGHT * centavos / largest), 1)
