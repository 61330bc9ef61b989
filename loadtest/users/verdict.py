"""The verdict on a run: pass lines, figures and audit. Pure: `evaluation` finds it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lab.read.audit import AuditReport
from lab.read.report import audit_document, read_audit
from loadtest.users.pass_lines import PassLine, are_passed

LATE_MS: Final = 500
"""Users who arrive later than this after their time were delayed by the load generator."""


@dataclass(frozen=True, slots=True)
class Verdict:
    lines: list[PassLine]
    figures: dict[str, float | None]
    """By name; in what unit, the name says at its end."""
    refused_as_meant: dict[str, int]
    troubles: list[str]
    settings: dict[str, Any]
    audit: AuditReport | None
    problem: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.problem and are_passed(self.lines)

    def document(self) -> dict[str, Any]:
        return {
            "ok": self.is_ok,
            "problem": self.problem,
            "settings": self.settings,
            "lines": [line.document() for line in self.lines],
            "figures": self.figures,
            "refused_as_meant": self.refused_as_meant,
            "troubles": self.troubles,
            "audit": None if self.audit is None else audit_document(self.audit),
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> Verdict:
        return cls(
            lines=[PassLine.of(line) for line in document["lines"]],
            figures=document["figures"],
            refused_as_meant=document["refused_as_meant"],
            troubles=document["troubles"],
            settings=document["settings"],
            audit=None if document["audit"] is None else read_audit(document["audit"]),
            problem=document["problem"],
        )
