"""The state machine of a flow as a drawing, from the table of transitions that the hub decides by. Pure.

States stand in rows by their longest way from the beginning, so that every arrow leads down; those that go on stand
left of those that end. An arrow down a column is straight; any other leaves to the right and comes down on its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from pix.scheme.values import value_object

NODE_WIDTH: Final = 108
NODE_HEIGHT: Final = 36
COLUMN_WIDTH: Final = 186
LINE_HEIGHT: Final = 17
"""Of the names of triggers beside an arrow."""
GAP_MIN: Final = 40
"""Between two rows."""
MARGIN: Final = 8
LABEL_GAP: Final = 8
ENTRY_STEP: Final = 32
"""Between the arrows that come down on one state, the last of them `ENTRY_INSET` left of its right edge."""
ENTRY_INSET: Final = 14

State = TypeVar("State", bound=StrEnum)
Trigger = TypeVar("Trigger", bound=StrEnum)
Transitions = Mapping[tuple[State | None, Trigger], State]


@value_object
class Node:
    """A state, by the middle of its box; the beginning has None."""

    state: StrEnum | None
    x: int
    y: int
    is_final: bool


@value_object
class Arrow:
    """All transitions between two states."""

    path: str
    """As in the attribute `d` of an SVG path."""
    before: StrEnum | None
    after: StrEnum
    triggers: tuple[StrEnum, ...]
    label_x: int
    label_y: int
    """Of the first trigger; each other stands `LINE_HEIGHT` below."""
    anchor: str
    """`start` or `end`, as in the attribute `text-anchor`."""


@value_object
class StateDiagram:
    width: int
    height: int
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


def draw_states(transitions: Transitions[State, Trigger]) -> StateDiagram:
    """The drawing of a machine without circles, in units of which a telephone shows one as a pixel."""
    pairs: dict[tuple[State | None, State], list[Trigger]] = {}
    for (before, trigger), after in transitions.items():
        pairs.setdefault((before, after), []).append(trigger)
    ranks = _ranks(list(pairs))
    sources = {before for before, _ in pairs}
    rows: dict[int, list[State | None]] = {}
    for state in sorted(ranks, key=lambda state: state not in sources):
        rows.setdefault(ranks[state], []).append(state)
    gap = max(GAP_MIN, (max(map(len, pairs.values())) + 1) * LINE_HEIGHT)
    nodes = {
        state: Node(
            state,
            MARGIN + NODE_WIDTH // 2 + column * COLUMN_WIDTH,
            MARGIN + NODE_HEIGHT // 2 + rank * (NODE_HEIGHT + gap),
            state not in sources,
        )
        for rank, states in rows.items()
        for column, state in enumerate(states)
    }
    # From the right to the left by how far up they begin, so that no two cross.
    entries: dict[State, list[State | None]] = {}
    for before, after in sorted(pairs, key=lambda pair: -ranks[pair[0]]):
        if not _is_straight(nodes[before], nodes[after], ranks[after] - ranks[before]):
            entries.setdefault(after, []).append(before)
    arrows = [
        _arrow(nodes[before], nodes[after], tuple(triggers), entries.get(after, []))
        for (before, after), triggers in pairs.items()
    ]
    width = max(node.x for node in nodes.values()) + NODE_WIDTH // 2 + MARGIN
    height = max(node.y for node in nodes.values()) + NODE_HEIGHT // 2 + MARGIN
    return StateDiagram(width, height, tuple(nodes.values()), tuple(arrows))


def _ranks(pairs: Sequence[tuple[State | None, State]]) -> dict[State | None, int]:
    """The longest way from the beginning to each state, in arrows."""
    ranks: dict[State | None, int] = {None: 0}
    for _ in range(len(pairs)):
        for before, after in pairs:
            if before in ranks:
                ranks[after] = max(ranks.get(after, 0), ranks[before] + 1)
    return ranks


def _is_straight(before: Node, after: Node, rows: int) -> bool:
    return before.x == after.x and rows == 1


def _arrow(before: Node, after: Node, triggers: tuple[StrEnum, ...], entries: Sequence[StrEnum | None]) -> Arrow:
    assert after.state is not None, "nothing leads back to the beginning"
    top = after.y - NODE_HEIGHT // 2
    if before.state not in entries:
        bottom = before.y + NODE_HEIGHT // 2
        middle = (bottom + top) // 2 - (len(triggers) - 1) * LINE_HEIGHT // 2
        path = f"M{before.x} {bottom}V{top}"
        return Arrow(path, before.state, after.state, triggers, before.x + LABEL_GAP, middle, "start")
    x = after.x + NODE_WIDTH // 2 - ENTRY_INSET - (len(entries) - 1 - entries.index(before.state)) * ENTRY_STEP
    path = f"M{before.x + NODE_WIDTH // 2} {before.y}H{x}V{top}"
    label_y = before.y + NODE_HEIGHT // 2 + LINE_HEIGHT // 2 + 2
    return Arrow(path, before.state, after.state, triggers, x - LABEL_GAP, label_y, "end")
