"""The verdict for people: tables for a terminal, and one HTML file with locust's own report in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from rich.console import Console
from rich.table import Table

from lab.read.report import audit_remarks, audit_table
from loadtest.users.pass_lines import PassLine
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
STYLE: Final = (
    ".codepix{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1f1b24;"
    "background:#fff}.codepix table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    ".codepix th,.codepix td{padding:.4rem .6rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}"
    ".codepix th:first-child,.codepix td:first-child{text-align:left}.codepix .pass{color:#146c43;font-weight:600}"
    ".codepix .FAIL{color:#a4343a;font-weight:700}.codepix .verdict{font-size:1.3rem;font-weight:700}"
    ".codepix .columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:0 3rem}"
    "body{background:#fff}"
)


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Everything that a terminal shows; what one wants to know first comes last, where the prompt is."""
    if verdict.audit is not None:
        console.print(audit_table(verdict.audit))
    if verdict.lines:
        console.print(_figures_table(verdict))
        console.print(_lines_table(verdict))
    for sentence in _remarks(verdict):
        console.print(sentence, markup=False, highlight=False)
    console.print(_sentence(verdict), markup=False, highlight=False)


def verdict_html(verdict: Verdict, locust_html: str) -> str:
    """Locust's report, which is a page that stands by itself, with the verdict above it."""
    head, root, rest = locust_html.partition(ROOT_OF_LOCUST)
    # The page is a file, beside which there are no icons.
    head = ICON.sub("", head.replace("<title>Locust</title>", "<title>CodePix: load</title>"))
    return head + "".join(_section(verdict)) + root + rest


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


def _section(verdict: Verdict) -> Iterator[str]:
    settings = verdict.settings
    yield f'<style>{STYLE}</style><section class="codepix"><h1>CodePix: load</h1>'
    yield f'<p class="verdict {"pass" if verdict.is_ok else "FAIL"}">{escape(_sentence(verdict))}</p>'
    yield (
        f"<p>{escape(str(settings['shape']))}, {settings['rate_per_second']:g} users a second at the highest for "
        f"{settings['seconds']:g} s ({escape(str(settings['mix']))}); {settings['share_of_first_bank']:.0%} of them to "
        f"the first of {escape(', '.join(settings['banks']) or 'no banks')}; {settings['customers']} accounts.</p>"
    )
    if verdict.lines:
        yield "<h2>Service levels of the real scheme</h2><table><thead><tr><th>pass line</th><th>measured</th>"
        yield "<th>at most</th><th></th></tr></thead><tbody>"
        yield from (_line_row(line) for line in verdict.lines)
        yield '</tbody></table><div class="columns"><div><h2>Measured</h2><table><tbody>'
        yield from (f"<tr><td>{escape(title)}</td><td>{escape(text)}</td></tr>" for title, text in _figures(verdict))
        yield "</tbody></table></div>"
        if verdict.refused_as_meant:
            yield "<div><h2>Refused as it must be</h2><table><tbody>"
            yield from (
                f"<tr><td>{escape(reason)}</td><td>{count:,}</td></tr>"
                for reason, count in verdict.refused_as_meant.items()
            )
            yield "</tbody></table></div>"
        yield "</div>"
    if verdict.audit is not None:
        yield "<h2>Audit</h2><table><thead><tr><th>invariant</th><th>numbers</th><th></th></tr></thead><tbody>"
        for finding in verdict.audit.findings:
            numbers = "<br>".join(f"{escape(name.replace('_', ' '))}: {n:,}" for name, n in finding.numbers.items())
            word = "pass" if finding.is_ok else "FAIL"
            yield f'<tr><td>{escape(finding.sentence)}</td><td>{numbers}</td><td class="{word}">{word}</td></tr>'
        yield "</tbody></table>"
    yield from (f"<p>{escape(remark)}</p>" for remark in _remarks(verdict))
    yield "<h2>Every request, by locust</h2></section>"


def _line_row(line: PassLine) -> str:
    word, _ = VERDICTS[line.is_passed]
    cells = (line.name, _amount(line.measured, line.unit), _amount(line.most, line.unit))
    return f'<tr>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}<td class="{word}">{word}</td></tr>'
