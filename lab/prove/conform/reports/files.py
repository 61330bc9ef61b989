"""The report as files: JSON, JUnit and one page of HTML."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from lab.prove.conform.reports.page import html_report
from lab.prove.conform.reports.table import line_of
from lab.prove.conform.verdict import Examination, Result, Verdict

__all__ = ["html_report", "json_report", "junit_report"]


def json_report(examination: Examination) -> str:
    """One object; `cases` has the evidence of each case that failed."""
    document: dict[str, Any] = {
        "bank": examination.bank,
        "code": examination.code,
        "profile": examination.profile,
        "features": list(examination.features),
        "seed": examination.seed,
        "started_at": examination.started_at,
        "seconds": round(examination.seconds, 3),
        "is_green": examination.is_green,
        "counts": {verdict.value: len(examination.with_verdict(verdict)) for verdict in Verdict},
        "cases": [_case(result) for result in examination.results],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _case(result: Result) -> dict[str, Any]:
    case = result.case
    found: dict[str, Any] = {
        "id": case.id,
        "group": case.group,
        "title": case.title,
        "profile": case.profile,
        "rule": {"text": case.rule.text, "where": case.rule.where},
        "verdict": result.verdict,
        "why": result.why,
        "seconds": round(result.seconds, 3),
        "money_not_examined": result.money_not_examined,
    }
    if result.verdict is Verdict.FAILED:
        found["evidence"] = [asdict(entry) for entry in result.evidence]
    return found


def junit_report(examination: Examination) -> str:
    """A suite for each group, in the form that CI servers read."""
    suites = ElementTree.Element("testsuites", name=f"codepix conform {examination.profile}")
    by_group: dict[str, list[Result]] = {}
    for result in examination.results:
        by_group.setdefault(result.case.group, []).append(result)
    for group, results in by_group.items():
        failed = sum(result.verdict is Verdict.FAILED for result in results)
        skipped = sum(result.verdict is Verdict.NOT_EXAMINED for result in results)
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=group,
            tests=str(len(results)),
            failures=str(failed),
            skipped=str(skipped),
            time=f"{sum(result.seconds for result in results):.3f}",
            timestamp=examination.started_at,
        )
        for result in results:
            _add_case(suite, result)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ElementTree.Element, result: Result) -> None:
    name = result.case.id.partition(".")[2]
    element = ElementTree.SubElement(
        suite, "testcase", classname=f"conform.{result.case.group}", name=name, time=f"{result.seconds:.3f}"
    )
    if result.verdict is Verdict.FAILED:
        failure = ElementTree.SubElement(element, "failure", message=_printable(result.why))
        lines = [f"Rule: {result.case.rule.text} ({result.case.rule.where})", *map(line_of, result.evidence)]
        failure.text = _printable("\n".join(lines))
    elif result.verdict is Verdict.NOT_EXAMINED:
        ElementTree.SubElement(element, "skipped", message=_printable(result.why))


def _printable(text: str) -> str:
    """The text without characters that XML cannot carry."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)
