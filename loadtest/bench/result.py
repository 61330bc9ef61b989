"""The result of a part of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MILLISECONDS_DIGITS: Final = 2
RATIO_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class PartResult:
    """One row of the table, and one object of the JSON document. What does not apply is None."""

    name: str
    title: str
    audit_ok: bool
    per_second: float | None = None
    limit_per_second: float | None = None
    """The machine's limit, measured in the same run; `limit_name` names it."""
    limit_name: str = ""
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """More figures, in the JSON alone."""
    timeline: Sequence[int] = ()
    findings: Sequence[str] = ()

    @property
    def ratio(self) -> float | None:
        """The share of the machine's limit that was reached."""
        if self.per_second is None or not self.limit_per_second:
            return None
        return round(self.per_second / self.limit_per_second, RATIO_DIGITS)

    def document(self) -> dict[str, Any]:
        """For JSON: only what applies, and no rate of a run whose audit is not green."""
        figures: dict[str, Any] = {
            "per_second": _rounded(self.per_second, 1),
            "limit_per_second": _rounded(self.limit_per_second, 1),
            "ratio": self.ratio,
            "p50_ms": _rounded(self.p50_ms, MILLISECONDS_DIGITS),
            "p95_ms": _rounded(self.p95_ms, MILLISECONDS_DIGITS),
            "p99_ms": _rounded(self.p99_ms, MILLISECONDS_DIGITS),
        }
        document: dict[str, Any] = {"audit_ok": self.audit_ok}
        if self.audit_ok:
            document |= {name: figure for name, figure in figures.items() if figure is not None}
        if self.limit_name:
            document["limit"] = self.limit_name
        document |= {"details": dict(self.details), "timeline": list(self.timeline), "findings": list(self.findings)}
        return document


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
