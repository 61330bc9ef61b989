"""Writes the table of docs/broken-banks.md from the stories and the matrix: `python -m lab.broken_banks.page`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lab.broken_banks.matrix import DEFECT_CASES
from lab.broken_banks.stories import STORIES

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "broken-banks.md"
BEGIN: Final = "<!-- written from lab/broken_banks -->\n"
END: Final = "<!-- end of the broken banks -->\n"


def table() -> str:
    """A row for each broken bank: its name, the mistake, what its programmer thought, the cases that name it."""
    lines = [
        "| `--defect` | the mistake | the programmer thought | what is right | the audit | cases |",
        "|---" * 6 + "|",
    ]
    for defect, story in STORIES.items():
        cases = ", ".join(f"`{case}`" for case in DEFECT_CASES[defect].named)
        lines.append(
            f"| `{defect.value}` | {story.title} | {story.thought} | {story.right} | {story.audit} | {cases} |"
        )
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
