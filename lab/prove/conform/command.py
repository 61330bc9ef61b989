"""An examination from its options to its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lab.network.network import network_folder
from lab.prove.conform.case import Case, Profile
from lab.prove.conform.course import open_course_examiner
from lab.prove.conform.engine import examine
from lab.prove.conform.examiner import ExamineOptions, open_examiner
from lab.prove.conform.reports.table import ShowProgress
from lab.prove.conform.verdict import Examination


def run_examination(
    options: ExamineOptions,
    cases: Sequence[Case],
    profile: Profile,
    keep: Path | None,
    progress: Callable[[str], None],
) -> Examination:
    """Starts everything, runs the cases, and stops everything. Raises `CannotExamine` and `PartError`.

    `keep` is an empty folder in which logs and data stay; None: a temporary one.
    """
    opened = open_course_examiner if profile is Profile.COURSE else open_examiner
    with network_folder(keep) as folder, opened(options, folder, progress) as examiner:
        progress(f"Examining with {len(cases)} cases")
        with ShowProgress(cases) as shown:
            return examine(examiner, cases, profile, shown.note)
