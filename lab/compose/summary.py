"""The steps and results of a compose test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.table import Table

from lab.drive.payments import Outcomes, SentPayment
from lab.read.audit import AuditReport
from lab.read.report import console, errors, percentile, print_audit, print_lines

PERCENTILES: Final = (50, 99)


@dataclass(slots=True)
class Step:
    name: str
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    is_done: bool = False


@dataclass(slots=True)
class Ledger:
    title: str
    outcomes: Outcomes
    retries: int
    report: AuditReport

    @classmethod
    def of(cls, title: str, sent: list[SentPayment], outcomes: Outcomes, report: AuditReport) -> Ledger:
        return cls(title, outcomes, sum(each.retries for each in sent), report)

    @property
    def is_ok(self) -> bool:
        """Whether every payment was taken and came to its end, and the books are right."""
        return self.report.is_final and not self.outcomes.unexpected

    def show(self) -> None:
        transfers = Table("outcome of our payments", "transfers", title=self.title, title_justify="left")
        for outcome, count in sorted(self.outcomes.by_outcome.items()):
            transfers.add_row(outcome, f"{count:,}")
        console.print(transfers)
        median, slowest = (percentile(self.outcomes.milliseconds, percent) for percent in PERCENTILES)
        console.print(
            f"Latency with all that was broken: p50 {median} ms, p99 {slowest} ms; repeated requests: {self.retries}; "
            f"messages sent again by the hub: {self.outcomes.resends}, duplicates that it got: "
            f"{self.outcomes.duplicates}",
            highlight=False,
        )
        print_lines(self.outcomes.unexpected)
        print_audit(self.report)


@dataclass(slots=True)
class Summary:
    ledgers_expected: int
    steps: list[Step] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    problem: str = ""
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Times a step; what is put into the list is shown beside it."""
        self.progress(f"{name}…")
        step = Step(name)
        self.steps.append(step)
        begun = time.monotonic()
        try:
            yield step.said
            step.is_done = True
        finally:
            step.seconds = time.monotonic() - begun

    def progress(self, what: str) -> None:
        errors.print(f"[{self._seconds():4.0f} s] {what}", markup=False, highlight=False)

    def _seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def is_ok(self) -> bool:
        is_whole = not self.problem and len(self.ledgers) == self.ledgers_expected
        return is_whole and all(ledger.is_ok for ledger in self.ledgers)

    def show(self) -> None:
        steps = Table("step", title="Compose", title_justify="left")
        steps.add_column("what came of it", overflow="fold")
        steps.add_column("seconds", justify="right")
        steps.add_column("verdict")
        for step in self.steps:
            verdict = "[green]done[/]" if step.is_done else "[bold red]FAILED[/]"
            steps.add_row(step.name, "\n".join(step.said), f"{step.seconds:.1f}", verdict)
        console.print(steps)
        for ledger in self.ledgers:
            ledger.show()
        if self.problem:
            console.print(self.problem, markup=False, highlight=False)
        verdict = "All is well" if self.is_ok else "NOT as it must be"
        console.print(f"{verdict}: {self._seconds():.0f} s.", highlight=False)
