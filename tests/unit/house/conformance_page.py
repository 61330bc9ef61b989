"""Writes the list of cases of docs/conformance.md: `python -m tests.unit.house.conformance_page`."""

from __future__ import annotations

from pathlib import Path

from lab.prove.conform.case import Case
from lab.prove.conform.registry import GROUPS

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
BEGIN = "<!-- written from lab/prove/conform/registry.py -->\n"
END = "<!-- end of the cases -->"


def list_of_cases() -> str:
    lines = ["| group | cases | of them minimal |", "|---|---|---|"]
    for group in GROUPS:
        minimal = sum(case.profile == "minimal" for case in group.cases)
        lines.append(f"| {group.title} (`{group.name}`) | {len(group.cases)} | {minimal} |")
    total = [case for group in GROUPS for case in group.cases]
    lines.append(f"| all | {len(total)} | {sum(case.profile == 'minimal' for case in total)} |")
    for group in GROUPS:
        lines += ["", f"### {group.title}", "", "| case | a bank passes when | profile | needs |", "|---|---|---|---|"]
        lines += [_row(case) for case in group.cases]
    return "\n".join(lines) + "\n"


def _row(case: Case) -> str:
    needs = ", ".join(f"`{need}`" for need in sorted(case.needs))
    return f"| `{case.id}` | {case.title.replace('|', '/')} | {case.profile} | {needs} |"


def page_with_list(page: str) -> str:
    """The page with the list as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{list_of_cases()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_list(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
