"""Each deviation of the course's stand-in fails the cases that it is there for, and no others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.course_bank.bank import CourseBank
from lab.prove.conform.case import Profile
from lab.prove.conform.course import open_course_examiner
from lab.prove.conform.engine import examine
from lab.prove.conform.examiner import ExamineOptions
from lab.prove.conform.registry import cases_of
from lab.prove.conform.verdict import Verdict
from tests.support.course_mutants import COURSE_MUTANTS


@pytest.mark.prove
@pytest.mark.parametrize("mutant", COURSE_MUTANTS, ids=lambda mutant: mutant.__name__)
def test_each_deviation_fails_its_cases_alone(tmp_path: Path, mutant: type[CourseBank]) -> None:
    options = ExamineOptions(f"{sys.executable} -m tests.support.course_mutants {mutant.__name__}")
    with open_course_examiner(options, tmp_path, lambda _: None) as examiner:
        examination = examine(examiner, cases_of(Profile.COURSE), Profile.COURSE)
    failed = [result.case.id for result in examination.with_verdict(Verdict.FAILED)]
    assert sorted(failed) == sorted(COURSE_MUTANTS[mutant])
