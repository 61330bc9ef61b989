"""The drawing of a state machine has all of it, and nothing in it lies over another thing."""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import combinations
from typing import Any

import pytest

from hub.domain.flows import FLOWS
from hub.entrypoints.http.pages.state_diagram import (
    LINE_HEIGHT,
    NODE_HEIGHT,
    NODE_WIDTH,
    Arrow,
    StateDiagram,
    draw_states,
)

TEXT_WIDTH_MAX = 100
"""Of the longest name of a trigger, in either language, in the drawing's type."""


class Step(StrEnum):
    A = "a"
    B = "b"
    C = "c"
    D = "d"
    E = "e"


class Press(StrEnum):
    ONE = "one"
    TWO = "two"
    THREE = "three"


BRANCHING: dict[tuple[Step | None, Press], Step] = {
    (None, Press.ONE): Step.A,
    (None, Press.TWO): Step.E,
    (Step.A, Press.ONE): Step.B,
    (Step.A, Press.TWO): Step.E,
    (Step.B, Press.ONE): Step.C,
    (Step.B, Press.THREE): Step.E,
    (Step.C, Press.ONE): Step.D,
}
MACHINES: dict[str, Any] = {**{flow.name: flow.transitions for flow in FLOWS}, "branching": BRANCHING}


@pytest.fixture(params=list(MACHINES))
def machine(request: pytest.FixtureRequest) -> Any:
    return MACHINES[request.param]


def test_every_state_and_every_transition_is_drawn_once(machine: Any) -> None:
    drawn = draw_states(machine)
    assert {node.state for node in drawn.nodes} == {None, *machine.values()}
    assert len(drawn.nodes) == len({node.state for node in drawn.nodes})
    told = [((arrow.before, trigger), arrow.after) for arrow in drawn.arrows for trigger in arrow.triggers]
    assert len(told) == len(machine) and dict(told) == machine
    sources = {before for before, _ in machine}
    assert {node.state for node in drawn.nodes if node.is_final} == set(machine.values()) - sources


def test_no_box_no_arrow_and_no_name_lies_over_another(machine: Any) -> None:
    drawn = draw_states(machine)
    boxes = {
        node.state: (node.x - NODE_WIDTH // 2, node.y - NODE_HEIGHT // 2, NODE_WIDTH, NODE_HEIGHT)
        for node in drawn.nodes
    }
    names = [name for arrow in drawn.arrows for name in _names(arrow)]
    for one, other in combinations([*boxes.values(), *names], 2):
        assert not _overlap(one, other), (one, other)
    for x, y, width, height in [*boxes.values(), *names]:
        assert x >= 0 and y >= 0 and x + width <= drawn.width and y + height <= drawn.height
    for arrow in drawn.arrows:
        lines = _lines(arrow)
        for state, box in boxes.items():
            if state not in (arrow.before, arrow.after):
                assert not any(_overlap(line, box) for line in lines), (arrow, state)
        assert not any(_overlap(line, name) for line in lines for name in names), arrow


def test_it_fits_a_telephone(machine: Any) -> None:
    drawn: StateDiagram = draw_states(machine)
    assert drawn.width <= 320


def _names(arrow: Arrow) -> list[tuple[int, int, int, int]]:
    """The boxes of the names of triggers, a little lower than their lines."""
    left = arrow.label_x if arrow.anchor == "start" else arrow.label_x - TEXT_WIDTH_MAX
    # The name beside a straight arrow is short: it ends where the next column's names begin.
    width = TEXT_WIDTH_MAX if arrow.anchor == "end" else 45
    return [(left, arrow.label_y + place * LINE_HEIGHT - 7, width, 14) for place in range(len(arrow.triggers))]


def _lines(arrow: Arrow) -> list[tuple[int, int, int, int]]:
    """The arrow's pieces as boxes without a width or a height."""
    pieces = []
    x = y = 0
    for command, first, second in re.findall(r"([MHV])(-?\d+)(?: (-?\d+))?", arrow.path):
        to_x = x if command == "V" else int(first)
        to_y = {"M": int(second or 0), "H": y, "V": int(first)}[command]
        if command != "M":
            pieces.append((min(x, to_x), min(y, to_y), abs(to_x - x), abs(to_y - y)))
        x, y = to_x, to_y
    return pieces


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    ) or (one == other)
