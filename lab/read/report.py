"""The lab's reports: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.table import Table

from lab.read.audit import AuditReport, Finding

OFFENDERS_PRINTED_MAX: Final = 10

Number = TypeVar("Number", int, float)

console = Console()
errors = Console(stderr=True)
"""For progress and complaints, so that standard output is the result alone."""


def audit_table(report: AuditReport) -> Table:
    table = Table("invariant", "numbers", "verdict", title="Audit", title_justify="left", show_lines=True)
    for finding in report.findings:
        numbers = "\n".join(f"{name.replace('_', ' ')}: {number:,}" for name, number in finding.numbers.items())
        verdict = "[green]holds[/]" if finding.is_ok else "[bold red]BROKEN[/]"
        table.add_row(finding.sentence, numbers, verdict)
    return table


def audit_remarks(report: AuditReport) -> list[str]:
    """The broken invariants, with the ids, and the transfers that are still under way."""
    remarks = []
    for finding in report.findings:
        if finding.is_ok:
            continue
        shown = finding.offenders[:OFFENDERS_PRINTED_MAX]
        remarks += [f"{finding.invariant}: {offender}" for offender in shown]
        if not shown:
            remarks.append(f"{finding.invariant}: see the numbers")
        if len(finding.offenders) > len(shown):
            remarks.append(f"{finding.invariant}: {len(finding.offenders) - len(shown)} more (--json lists them)")
    remarks += [f"not examined: {bank}, a course bank whose books cannot be read" for bank in report.not_examined]
    remarks += [f"owed: {line}" for line in report.owed]
    if report.in_flight:
        remarks.append(f"{report.in_flight_count:,} transfers are still under way; the sums allow for them.")
    if report.moving:
        remarks.append("Transfers moved while they were read, so the sums are of different moments: wait longer.")
    return remarks


def audit_document(report: AuditReport) -> dict[str, Any]:
    return {
        "ok": report.is_ok,
        "moving": report.moving,
        "transfers": dict(report.transfers),
        "in_flight": list(report.in_flight),
        "in_flight_count": report.in_flight_count,
        "not_examined": list(report.not_examined),
        "owed": list(report.owed),
        "invariants": {
            finding.invariant: {
                "ok": finding.is_ok,
                "sentence": finding.sentence,
                "numbers": dict(finding.numbers),
                "offenders": list(finding.offenders),
            }
            for finding in report.findings
        },
    }


def read_audit(document: Mapping[str, Any]) -> AuditReport:
    return AuditReport(
        findings=tuple(
            Finding(
                invariant=invariant,
                sentence=finding["sentence"],
                numbers=finding["numbers"],
                offenders=tuple(finding["offenders"]),
                is_ok=finding["ok"],
            )
            for invariant, finding in document["invariants"].items()
        ),
        transfers=document["transfers"],
        in_flight=tuple(document["in_flight"]),
        moving=document["moving"],
        not_examined=tuple(document.get("not_examined", ())),
        owed=tuple(document.get("owed", ())),
        in_flight_count=document.get("in_flight_count", len(document["in_flight"])),
    )


def print_audit(report: AuditReport) -> None:
    console.print(audit_table(report))
    print_lines(audit_remarks(report))


def print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)


def print_json(document: Mapping[str, Any]) -> None:
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def percentile(numbers: Sequence[Number], percent: int) -> Number | None:
    """The smallest number that at least this share of them does not exceed; None of none."""
    if not numbers:
        return None
    ordered = sorted(numbers)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, rank - 1)]
