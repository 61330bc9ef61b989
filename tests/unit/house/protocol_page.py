"""Draws the state diagram of docs/protocol.md from the hub's table: `python -m tests.unit.house.protocol_page`."""

from __future__ import annotations

from pathlib import Path

from hub.domain.transfer import TRANSITIONS

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"
BEGIN = "<!-- drawn from hub/domain/transfer.py -->"
END = "<!-- end of the drawing -->"


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    arrows = [
        f"    {'[*]' if before is None else before.value} --> {after.value}: {trigger.value}"
        for (before, trigger), after in TRANSITIONS.items()
    ]
    return "\n".join([BEGIN, "```mermaid", "stateDiagram-v2", *arrows, "```", END])


def with_diagram(page: str) -> str:
    """The page with the diagram as the table has it."""
    before, rest = page.split(BEGIN)
    return before + diagram() + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(with_diagram(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
