"""The report in the terminal: progress while it runs, a table of groups, and what is wrong with each failed case."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lab.prove.conform.case import Case
from lab.prove.conform.evidence import Entry, Way
from lab.prove.conform.registry import GROUPS
from lab.prove.conform.verdict import Examination, Result, Verdict
from lab.read.report import console, errors

EVIDENCE_PRINTED_MAX: Final = 12
"""Of a failed case; the files have all of it."""
LINE_LENGTH_MAX: Final = 240
ARROWS: Final = {Way.SENT: "→", Way.CAME: "←", Way.NOTE: "·"}


class ShowProgress:
    """A bar on the error output, and a line for each case that fails."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
        )
        self._task = self._progress.add_task("Examining", total=len(cases))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def note(self, result: Result) -> None:
        """A case has come to its end."""
        if result.verdict is Verdict.FAILED:
            self._progress.console.print(Text.assemble(("failed", "bold red"), f" {result.case.id}: {result.why}"))
        self._progress.advance(self._task)


def cases_table(cases: Sequence[Case]) -> Table:
    """What there is: `--list`."""
    table = Table("case", "profile", "what is examined", "written in", title="Cases", title_justify="left")
    for case in cases:
        table.add_row(case.id, case.profile, case.title, case.rule.where)
    return table


def examination_table(examination: Examination) -> Table:
    """A row for each group."""
    table = Table("group", "passed", "failed", "not examined", title=_title(examination), title_justify="left")
    for group in GROUPS:
        results = [result for result in examination.results if result.case.group == group.name]
        if not results:
            continue
        counts = [sum(result.verdict is verdict for result in results) for verdict in Verdict]
        failed = Text(str(counts[1]), style="bold red" if counts[1] else "")
        table.add_row(group.title, str(counts[0]), failed, str(counts[2]))
    return table


def _title(examination: Examination) -> str:
    return f"Bank {examination.code}, profile {examination.profile}: {examination.bank}"


def print_examination(examination: Examination) -> None:
    """The table, each failed case with its evidence, and the sum."""
    console.print(examination_table(examination))
    for result in examination.with_verdict(Verdict.FAILED):
        _print_failed(result)
    for why, ids in _not_examined(examination).items():
        console.print(Text(f"Not examined ({len(ids)}): {why}: {', '.join(ids)}"), soft_wrap=True)
    without_money = [result.case.id for result in examination.results if result.money_not_examined]
    if without_money:
        console.print(
            f"In {len(without_money)} cases the checks of money were left out: the bank has no endpoints for them.",
            highlight=False,
        )
    passed, failed, left_out = (len(examination.with_verdict(verdict)) for verdict in Verdict)
    style = "bold green" if examination.is_green else "bold red"
    console.print(
        Text.assemble(
            ("Green" if examination.is_green else "NOT green", style),
            f": {passed} cases passed, {failed} failed, {left_out} not examined, in {examination.seconds:.1f} s.",
        )
    )


def _not_examined(examination: Examination) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in examination.with_verdict(Verdict.NOT_EXAMINED):
        found.setdefault(result.why, []).append(result.case.id)
    return found


def _print_failed(result: Result) -> None:
    console.print(Text(f"\n{result.case.id}: {result.case.title}", style="bold"), soft_wrap=True)
    console.print(Text(f"  {result.why}", style="red"), soft_wrap=True)
    console.print(Text(f"  Rule: {result.case.rule.text} ({result.case.rule.where})"), soft_wrap=True)
    for entry in result.evidence[:EVIDENCE_PRINTED_MAX]:
        console.print(Text(f"  {line_of(entry)}", style="dim"), soft_wrap=True)
    if len(result.evidence) > EVIDENCE_PRINTED_MAX:
        more = len(result.evidence) - EVIDENCE_PRINTED_MAX
        console.print(Text(f"  {more} more: --html, --json", style="dim"))


def line_of(entry: Entry) -> str:
    """An entry of the evidence on one line."""
    text = f"{entry.at_ms:>6} ms {ARROWS[entry.way]} {entry.what} {entry.text}".rstrip()
    return text if len(text) <= LINE_LENGTH_MAX else f"{text[:LINE_LENGTH_MAX]}…"
