"""The report as one page of HTML, which needs no other file."""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from lab.prove.conform.evidence import Way
from lab.prove.conform.registry import GROUPS
from lab.prove.conform.verdict import Examination, Verdict

MARKS: Final = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.NOT_EXAMINED: "–"}
WAYS: Final = {Way.SENT: "sent", Way.CAME: "came", Way.NOTE: "note"}


def html_report(examination: Examination) -> str:
    """Failed cases first, with what was sent, what came and the rule; then every case by group."""
    environment = Environment(
        loader=PackageLoader("lab.prove.conform", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    titles = {group.name: group.title for group in GROUPS}
    names = dict.fromkeys(result.case.group for result in examination.results)
    return environment.get_template("report.html").render(
        examination=examination,
        groups=[
            (titles.get(name, name), [result for result in examination.results if result.case.group == name])
            for name in names
        ],
        titles=titles,
        failed=examination.with_verdict(Verdict.FAILED),
        counts=[(verdict.value, len(examination.with_verdict(verdict))) for verdict in Verdict],
        marks=MARKS,
        ways=WAYS,
        verdicts=Verdict,
        without_money=sum(result.money_not_examined for result in examination.results),
    )
