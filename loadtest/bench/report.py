"""The benchmark's results for people: a table for the terminal, and one HTML file with charts and no links out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Final

from rich.table import Table

from loadtest.bench.command import BenchResult
from loadtest.bench.result import PartResult

CHART_WIDTH: Final = 640
BAR_HEIGHT: Final = 22
BAR_GAP: Final = 10
LABEL_WIDTH: Final = 230
TIMELINE_HEIGHT: Final = 140
COLOR_REACHED: Final = "#5b2a86"
COLOR_LIMIT: Final = "#d9cfe3"
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f1b24}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{padding:.35rem .6rem;border-bottom:1px solid #ddd;text-align:right}"
    "th:first-child,td:first-child{text-align:left}.bad{color:#a4343a;font-weight:600}"
    "svg{max-width:100%;height:auto}pre{background:#f5f2f8;padding:1rem;overflow:auto}"
    "svg text{font:13px system-ui,sans-serif;fill:#1f1b24}"
)
HEADINGS: Final = ("part", "per second", "limit", "ratio", "p50 ms", "p95 ms", "p99 ms", "audit")


def bench_table(result: BenchResult) -> Table:
    machine = result.machine
    table = Table(
        *HEADINGS,
        title=f"{machine['cores']} cores, {machine['processor']}; Apache Kafka {machine['apache_kafka']} acks=all, "
        f"PostgreSQL {machine['postgresql']} fsync on",
        caption=f"load average at the start: {machine['load_at_start']}",
    )
    for heading in table.columns[1:]:
        heading.justify = "right"
    for part in result.parts:
        table.add_row(*_cells(part), style=None if part.audit_ok else "red")
    return table


def _cells(part: PartResult) -> list[str]:
    audit = "green" if part.audit_ok else "NOT green"
    if not part.audit_ok:
        return [part.title, *["–"] * (len(HEADINGS) - 2), audit]
    return [
        part.title,
        _figure(part.per_second, 0),
        _figure(part.limit_per_second, 0),
        _figure(part.ratio, 2),
        _figure(part.p50_ms, 1),
        _figure(part.p95_ms, 1),
        _figure(part.p99_ms, 1),
        audit,
    ]


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def bench_html(result: BenchResult) -> str:
    """A page that stands by itself."""
    machine = result.machine
    rows = "".join(
        f"<tr{'' if part.audit_ok else ' class=bad'}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(part))
        + "</tr>"
        for part in result.parts
    )
    findings = "".join(
        f"<p class=bad>{escape(part.title)}: {escape(finding)}</p>"
        for part in result.parts
        for finding in part.findings
    )
    timelines = "".join(
        f"<h3>{escape(part.title)}, in each second</h3>{timeline_chart(part.timeline)}"
        for part in result.parts
        if part.timeline
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>CodePix: benchmark</title><style>{STYLE}</style><h1>CodePix: benchmark</h1>"
        f"<p>{escape(str(machine['processor']))}, {machine['cores']} cores; Python {escape(machine['python'])}, "
        f"Apache Kafka {escape(machine['apache_kafka'])}, PostgreSQL {escape(machine['postgresql'])}. "
        f"{escape('; '.join(machine['durability'].values()))}. "
        f"Load average at the start: {machine['load_at_start']}.</p>"
        f"<table><thead><tr>{''.join(f'<th>{escape(each)}</th>' for each in HEADINGS)}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{findings}"
        f"<h2>Reached, and the machine's limit</h2>{ratio_chart(result.parts)}{timelines}"
        f"<h2>Everything</h2><pre>{escape(json.dumps(result.document(), indent=2, ensure_ascii=False))}</pre></html>"
    )


def ratio_chart(parts: Sequence[PartResult]) -> str:
    """A bar per part: its limit in a light colour, and what was reached of it in a dark one."""
    shown = [part for part in parts if part.audit_ok and part.ratio is not None]
    bars = []
    room = CHART_WIDTH - LABEL_WIDTH - 110
    for number, part in enumerate(shown):
        top = number * (BAR_HEIGHT + BAR_GAP)
        reached = round(room * min(1.0, part.ratio or 0.0))
        bars.append(
            f'<text x="0" y="{top + 16}">{escape(part.title)}</text>'
            f'<rect x="{LABEL_WIDTH}" y="{top}" width="{room}" height="{BAR_HEIGHT}" fill="{COLOR_LIMIT}"/>'
            f'<rect x="{LABEL_WIDTH}" y="{top}" width="{reached}" height="{BAR_HEIGHT}" fill="{COLOR_REACHED}"/>'
            f'<text x="{LABEL_WIDTH + room + 8}" y="{top + 16}">{part.per_second or 0:,.0f}/s '
            f"({part.ratio or 0:.0%})</text>"
        )
    height = len(shown) * (BAR_HEIGHT + BAR_GAP)
    return (
        f'<svg viewBox="0 0 {CHART_WIDTH} {height}" width="{CHART_WIDTH}" role="img" '
        f'aria-label="Rates reached, as shares of the limits">{"".join(bars)}</svg>'
    )


def timeline_chart(counts: Sequence[int]) -> str:
    """A bar per second."""
    highest = max(1, *counts)
    width = CHART_WIDTH / len(counts)
    heights = [round(TIMELINE_HEIGHT * count / highest) for count in counts]
    bars = "".join(
        f'<rect x="{number * width:.1f}" y="{TIMELINE_HEIGHT - height}" '
        f'width="{max(1.0, width - 1):.1f}" height="{height}" fill="{COLOR_REACHED}"/>'
        for number, height in enumerate(heights)
    )
    return (
        f'<svg viewBox="0 0 {CHART_WIDTH} {TIMELINE_HEIGHT + 20}" width="{CHART_WIDTH}" role="img" '
        f'aria-label="Done in each second, {highest:,} at most">{bars}'
        f'<text x="0" y="{TIMELINE_HEIGHT + 16}">0 s</text>'
        f'<text x="{CHART_WIDTH}" y="{TIMELINE_HEIGHT + 16}" text-anchor="end">{len(counts)} s; at most '
        f"{highest:,} in a second</text></svg>"
    )
