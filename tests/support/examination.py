"""Runs cases of the conformance kit on a small bank, in this process."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from lab.prove.conform.case import Profile
from lab.prove.conform.engine import examine
from lab.prove.conform.examiner import ExamineOptions, open_examiner
from lab.prove.conform.registry import cases_of
from lab.prove.conform.verdict import Verdict


def failures_of_small_bank(
    folder: Path, arguments: Sequence[str], *, groups: Collection[str] = (), cases: Collection[str] = ()
) -> dict[str, str]:
    """By case that has failed or was not examined: why. Without groups and cases: of the whole profile full."""
    command = " ".join([sys.executable, "-P", "-m", "lab.broken_banks", *arguments])
    folder.mkdir(parents=True, exist_ok=True)
    with open_examiner(ExamineOptions(command), folder, lambda _: None) as examiner:
        examination = examine(examiner, cases_of(Profile.FULL, groups, cases), Profile.FULL)
    return {result.case.id: result.why for result in examination.results if result.verdict is not Verdict.PASSED}
