"""The matrix names only what there is, and every case of the kit can fail."""

from __future__ import annotations

from lab.broken_banks.defects import Defect
from lab.broken_banks.matrix import DEFECT_CASES, MUTANT_CASES
from lab.broken_banks.mutants import MUTANTS
from lab.broken_banks.page import PAGE, with_table
from lab.broken_banks.stories import STORIES
from lab.prove.conform.case import Profile
from lab.prove.conform.registry import all_cases, cases_of

NAMED = {case for expected in DEFECT_CASES.values() for case in expected.named}
OF_MUTANTS = {case for cases in MUTANT_CASES.values() for case in cases}


def test_every_broken_bank_and_mutant_is_in_the_matrix() -> None:
    assert set(DEFECT_CASES) == set(Defect)
    assert set(MUTANT_CASES) == set(MUTANTS)
    assert all(expected.named for expected in DEFECT_CASES.values())
    assert all(MUTANT_CASES.values())


def test_every_broken_bank_has_a_story() -> None:
    assert set(STORIES) == set(Defect)


def test_every_case_is_failed_by_a_broken_bank_or_a_mutant() -> None:
    cases = {case.id for case in cases_of(Profile.FULL)}
    assert cases - NAMED - OF_MUTANTS == set()


def test_the_matrix_names_no_other_cases() -> None:
    known = {case.id for case in all_cases()}
    groups = {case.group for case in all_cases()}
    also = {name for expected in DEFECT_CASES.values() for name in expected.also}
    assert (NAMED | OF_MUTANTS | also) - known - groups == set()


def test_the_page_has_the_broken_banks_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text) == text, "python -m lab.broken_banks.page"
