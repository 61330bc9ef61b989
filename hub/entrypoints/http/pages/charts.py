"""Charts with axes as SVG: bars of counts and lines of latencies over the same range of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.application.activity import ActivityNow, Bar
from pix.scheme.values import value_object

LEFT: Final = 56
"""Room for the numbers of the vertical axis."""
RIGHT: Final = 12
TOP: Final = 12
BOTTOM: Final = 30
TICKS: Final = 4


@value_object
class Sheet:
    """A drawing's measures, in its own units."""

    name: str
    """`wide` for screens, `narrow` for telephones; a page has both, and shows one."""
    width: int
    height: int
    text_size: int
    times: int
    """How many times the horizontal axis names."""


SHEETS: Final = (Sheet("wide", 760, 240, 13, 6), Sheet("narrow", 340, 220, 12, 3))


@value_object
class Tick:
    position: float
    value: int
    """A count, a duration, or a time."""


@value_object
class Piece:
    """A part of a bar."""

    kind: str
    """`completed`, `failed` or `open`."""
    x: float
    y: float
    width: float
    height: float


@value_object
class Chart:
    sheet: Sheet
    bottom: int
    right: int
    values: Sequence[Tick]
    times: Sequence[Tick]
    pieces: Sequence[Piece] = ()
    p50_line: str = ""
    p99_line: str = ""


def nice_top(highest: int) -> int:
    """The smallest of 4, 8, 20, 40, 80, 200, … that holds it, so that each quarter is a round number."""
    top = 4
    factor = (2.0, 2.5, 2.0)
    place = 0
    while top < highest:
        top = round(top * factor[place % len(factor)])
        place += 1
    return top


def count_charts(activity: ActivityNow) -> list[Chart]:
    """Transfers by the step in which they were received, stacked by what has become of them."""
    top = nice_top(max(bar.transfers for bar in activity.bars))
    return [_counted(activity, sheet, top) for sheet in SHEETS]


def latency_charts(activity: ActivityNow) -> list[Chart]:
    """The median and the 99th percentile of the time from request to completion."""
    top = nice_top(max((bar.p99_ms or 0 for bar in activity.bars), default=0))
    return [_timed(activity, sheet, top) for sheet in SHEETS]


def _axes(activity: ActivityNow, sheet: Sheet, top: int) -> tuple[list[Tick], list[Tick]]:
    inner_height = sheet.height - TOP - BOTTOM
    values = [Tick(TOP + inner_height * (1 - step / TICKS), top * step // TICKS) for step in range(TICKS + 1)]
    inner_width = sheet.width - LEFT - RIGHT
    span_ms = activity.step_ms * len(activity.bars)
    times = [
        Tick(LEFT + inner_width * place / (sheet.times - 1), activity.from_ms + span_ms * place // (sheet.times - 1))
        for place in range(sheet.times)
    ]
    return values, times


def _counted(activity: ActivityNow, sheet: Sheet, top: int) -> Chart:
    values, times = _axes(activity, sheet, top)
    slot = (sheet.width - LEFT - RIGHT) / len(activity.bars)
    inner_height = sheet.height - TOP - BOTTOM
    pieces = []
    for number, bar in enumerate(activity.bars):
        bottom = float(TOP + inner_height)
        for kind, count in (("completed", bar.completed), ("failed", bar.failed), ("open", bar.open)):
            if count:
                height = inner_height * count / top
                bottom -= height
                pieces.append(Piece(kind, LEFT + number * slot + slot * 0.1, bottom, slot * 0.8, height))
    return Chart(sheet, sheet.height - BOTTOM, sheet.width - RIGHT, values, times, pieces)


def _timed(activity: ActivityNow, sheet: Sheet, top: int) -> Chart:
    values, times = _axes(activity, sheet, top)
    slot = (sheet.width - LEFT - RIGHT) / len(activity.bars)
    inner_height = sheet.height - TOP - BOTTOM

    def line(took: Sequence[tuple[int, int]]) -> str:
        return " ".join(
            f"{LEFT + (number + 0.5) * slot:.1f},{TOP + inner_height * (1 - ms / top):.1f}" for number, ms in took
        )

    def taken(bars: Sequence[Bar], name: str) -> list[tuple[int, int]]:
        return [(number, getattr(bar, name)) for number, bar in enumerate(bars) if getattr(bar, name) is not None]

    return Chart(
        sheet,
        sheet.height - BOTTOM,
        sheet.width - RIGHT,
        values,
        times,
        p50_line=line(taken(activity.bars, "p50_ms")),
        p99_line=line(taken(activity.bars, "p99_ms")),
    )
