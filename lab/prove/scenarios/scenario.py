"""A scenario, its steps, and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.prove.scenarios.context import ScenarioContext
from lab.read.audit import AuditReport
from lab.read.report import audit_document


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named way to break a network. Its texts are English and in the catalogue of the pages' texts."""

    name: str
    """Kebab-case: what one types."""
    title: str
    watch: str
    run: Callable[[ScenarioContext], None]
    """Runs it; reports each step, and raises `ScenarioFailed` when the network does not do what it must."""


@dataclass(frozen=True, slots=True)
class Step:
    """A sentence of a scenario that runs; `values` stand where it has `{}`."""

    at_seconds: float
    text: str
    values: tuple[object, ...] = ()

    @property
    def sentence(self) -> str:
        return self.text.format(*self.values)


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    scenario: Scenario
    steps: Sequence[Step]
    numbers: Mapping[str, int]
    failures: Sequence[str]
    """Each failed check, as a sentence."""
    report: AuditReport | None
    """None when the scenario could not be run to its end."""
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether everything was as it must be, and every invariant holds."""
        return not self.failures and self.report is not None and self.report.is_final


def result_document(result: ScenarioResult) -> dict[str, Any]:
    return {
        "name": result.scenario.name,
        "title": result.scenario.title,
        "ok": result.is_ok,
        "steps": [{"at_seconds": round(step.at_seconds, 2), "text": step.sentence} for step in result.steps],
        "numbers": dict(result.numbers),
        "failures": list(result.failures),
        "audit": None if result.report is None else audit_document(result.report),
        "seconds": round(result.seconds, 2),
    }
