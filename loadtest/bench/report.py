"""The benchmark's results for people: a table for the terminal, and one HTML file with charts and no links out."""

from __future__ import annotations

import json
from typing import Final

from rich.table import Table

from loadtest.bench.command import BenchResult
from loadtest.bench.result import PartResult
from loadtest.html_files import render

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
    """A self-contained page with charts."""
    return render(
        "bench.html",
        result=result,
        headings=HEADINGS,
        cells=_cells,
        compared=[part for part in result.parts if part.audit_ok and part.ratio is not None],
        document=json.dumps(result.document(), indent=2, ensure_ascii=False),
    )
