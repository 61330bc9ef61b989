"""The verdict for people: tables for a terminal, and one HTML file with locust's own report in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table

from lab.read.report import audit_remarks, audit_table
from loadtest.html_files import render
from loadtest.users.verdict import LATE_MS, Verdict

TITLES: Final = {
    "visitors": "users",
    "visitors_per_second": "users a second",
    "requests_per_second": "requests a second",
    "page_views_per_second": "pages seen a second",
    "payments_settled": "payments settled",
    "payments_settled_per_second": "payments settled a second",
    "settled_p50_ms": "settled, p50",
    "settled_p95_ms": "settled, p95",
    "settled_p99_ms": "settled, p99",
    "completed_p50_ms": "completed on the page, p50",
    "completed_p99_ms": "completed on the page, p99",
    "hub_p50_ms": "decided by the hub, p50",
    "hub_p99_ms": "decided by the hub, p99",
    "look_ups_per_second": "look-ups a second",
    "look_up_p50_ms": "look-up, p50",
    "look_up_p99_ms": "look-up, p99",
    "late_p99_ms": "arrived later than planned, p99",
}
VERDICTS: Final = {True: ("pass", "green"), False: ("FAIL", "bold red"), None: ("not measured", "dim")}
ICON: Final = re.compile(r'<link rel="shortcut icon"[^>]*>\s*')
ROOT_OF_LOCUST: Final = '<div id="root">'


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Everything that a terminal shows; what one wants to know first comes last, where the prompt is."""
    if verdict.audit is not None:
        console.print(audit_table(verdict.audit))
    if verdict.lines:
        console.print(_figures_table(verdict))
        console.print(_lines_table(verdict))
    for sentence in (*_remarks(verdict), _sentence(verdict)):
        console.print(sentence, markup=False, highlight=False)


def verdict_html(verdict: Verdict, locust_html: str) -> str:
    """Locust's report, which is a page that stands by itself, with the verdict above it."""
    head, root, rest = locust_html.partition(ROOT_OF_LOCUST)
    # The page is a file, beside which there are no icons.
    head = ICON.sub("", head.replace("<title>Locust</title>", "<title>CodePix: load</title>"))
    section = render(
        "verdict.html",
        verdict=verdict,
        sentence=_sentence(verdict),
        figures=list(_figures(verdict)),
        remarks=_remarks(verdict),
        verdicts=VERDICTS,
        amount=_amount,
    )
    return head + section + root + rest


def _lines_table(verdict: Verdict) -> Table:
    table = Table("pass line", "measured", "at most", "", title="Service levels of the real scheme")
    table.title_justify = "left"
    for column in table.columns[1:3]:
        column.justify = "right"
    for line in verdict.lines:
        word, style = VERDICTS[line.is_passed]
        table.add_row(
            line.name, _amount(line.measured, line.unit), _amount(line.most, line.unit), f"[{style}]{word}[/]"
        )
    return table


def _figures_table(verdict: Verdict) -> Table:
    table = Table("figure", "", title="Measured", title_justify="left")
    table.columns[1].justify = "right"
    for title, text in _figures(verdict):
        table.add_row(title, text)
    for reason, count in verdict.refused_as_meant.items():
        table.add_row(f"refused as it must be: {reason}", f"{count:,}")
    return table


def _figures(verdict: Verdict) -> Iterator[tuple[str, str]]:
    for name, title in TITLES.items():
        value = verdict.figures.get(name)
        if value is not None:
            unit = "ms" if name.endswith("_ms") else ""
            digits = 1 if name.endswith("_second") else 0
            yield title, f"{value:,.{digits}f} {unit}".rstrip()


def _amount(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:,.0f} {unit}".rstrip()


def _remarks(verdict: Verdict) -> list[str]:
    remarks = [] if verdict.audit is None else audit_remarks(verdict.audit)
    late = verdict.figures.get("late_p99_ms")
    if late is not None and late > LATE_MS:
        remarks.append("The load generator had too little processor time: users arrived late, so rates are too low.")
    return [*remarks, *verdict.troubles]


def _sentence(verdict: Verdict) -> str:
    if verdict.problem:
        return f"NOT judged: {verdict.problem}"
    return "Every line is passed." if verdict.is_ok else "NOT every line is passed."
