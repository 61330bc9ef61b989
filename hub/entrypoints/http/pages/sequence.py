"""A timeline as a sequence diagram: payer's bank, hub and payee's bank as columns, time from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pix.scheme.flows import Mark, MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import Role
from pix.scheme.values import value_object

HEAD_HEIGHT: Final = 62
ROW_HEIGHT: Final = 46
FOOT_HEIGHT: Final = 12
GAP: Final = 7
"""Between the end of an arrow and the line of life that it points to."""
ARROW: Final = 8


@value_object
class Paper:
    """A drawing's measures, in its own units."""

    name: str
    """`wide` for screens, `narrow` for telephones; a page has both, and shows one."""
    width: int
    columns: tuple[int, int, int]
    pill: int
    """The width of a state's pill."""
    text_size: int


PAPERS: Final = (
    Paper("wide", 760, (110, 380, 650), 250, 14),
    Paper("narrow", 360, (54, 180, 306), 168, 12),
)
_ROLES: Final = (Role.PAYER, Role.HUB, Role.PAYEE)


@value_object
class Stroke:
    event: MessageEvent
    y: int
    from_x: int
    to_x: int
    head: str
    """The points of the arrow's head; of a refused message, none: a cross stands there."""
    middle_x: int
    delay_ms: int


@value_object
class Stop:
    change: StatusChange[Any, Any]
    y: int


@value_object
class Diagram:
    paper: Paper
    height: int
    strokes: Sequence[Stroke]
    stops: Sequence[Stop]


def diagrams(entries: Sequence[TimelineEntry], from_ms: int) -> list[Diagram]:
    """The timeline on each paper; `from_ms` is when the hub received the request."""
    return [_draw(entries, from_ms, paper) for paper in PAPERS]


def _draw(entries: Sequence[TimelineEntry], from_ms: int, paper: Paper) -> Diagram:
    places = dict(zip(_ROLES, paper.columns, strict=True))
    strokes, stops = [], []
    y = HEAD_HEIGHT
    for each in entries:
        y += ROW_HEIGHT
        if isinstance(each, StatusChange):
            stops.append(Stop(each, y))
            continue
        from_x, to_x = places[each.sender], places[each.receiver]
        to_right = 1 if to_x > from_x else -1
        end_x = to_x - to_right * GAP
        tail_x = end_x - to_right * ARROW
        head = "" if each.mark is Mark.REFUSED else f"{end_x},{y} {tail_x},{y - 5} {tail_x},{y + 5}"
        delay_ms = max(0, each.at_ms - from_ms)
        strokes.append(Stroke(each, y, from_x, end_x, head, (from_x + to_x) // 2, delay_ms))
    return Diagram(paper, y + ROW_HEIGHT // 2 + FOOT_HEIGHT, strokes, stops)
