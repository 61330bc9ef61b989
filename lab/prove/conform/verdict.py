"""What became of a case, and the exceptions by which a case ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lab.prove.conform.case import Case
from lab.prove.conform.evidence import Entry


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_EXAMINED = "not examined"


class Failed(Exception):
    """The bank does not do what the rule says; the text says what was expected and what came."""


class NotExamined(Exception):
    """The case cannot be examined at this bank; the text says why."""


class CannotExamine(Exception):
    """The bank cannot be examined at all: it does not start, or answers no more."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case."""

    case: Case
    verdict: Verdict
    why: str = ""
    """Of a case that failed or was not examined."""
    evidence: tuple[Entry, ...] = ()
    """What was sent and what came, in the order of time."""
    seconds: float = 0.0
    money_not_examined: bool = False
    """The case passed, but its checks of money were left out: the bank has no endpoints for them."""


@dataclass(slots=True)
class Examination:
    """A bank, and the results in the order of the registry."""

    bank: str
    code: str
    name: str
    profile: str
    features: tuple[str, ...]
    seed: int
    started_at: str
    """ISO 8601, UTC."""
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    def with_verdict(self, verdict: Verdict) -> list[Result]:
        return [result for result in self.results if result.verdict is verdict]

    @property
    def is_green(self) -> bool:
        """Whether no case failed, and at least one passed."""
        return not self.with_verdict(Verdict.FAILED) and bool(self.with_verdict(Verdict.PASSED))
