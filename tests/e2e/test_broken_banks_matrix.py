"""Each broken bank fails the cases of its mistake and no others; each mutant fails the cases that it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.broken_banks.defects import Defect
from lab.broken_banks.matrix import DEFECT_CASES, MUTANT_CASES
from tests.support.examination import failures_of_small_bank

IN_THE_SUITE = (
    (Defect.CREDITS_TWICE, "duplicates"),
    (Defect.KEYS_OF_ANOTHER, "keys"),
    (Defect.PAYS_TWICE, "idempotence"),
)
"""Broken banks, and the group that examines their mistake; these fail without waiting."""


def check_defect(folder: Path, defect: Defect, *groups: str) -> None:
    failures = failures_of_small_bank(folder, ("--defect", defect), groups=groups)
    expected = DEFECT_CASES[defect]
    named = {case for case in expected.named if not groups or case.partition(".")[0] in groups}
    assert named - set(failures) == set(), "cases of its mistake that it has passed"
    assert {case: why for case, why in failures.items() if not expected.allows(case, why)} == {}


@pytest.mark.parametrize(("defect", "group"), IN_THE_SUITE, ids=str)
def test_a_broken_bank_fails_the_cases_of_its_mistake_alone(tmp_path: Path, defect: Defect, group: str) -> None:
    check_defect(tmp_path, defect, group)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("defect", Defect, ids=lambda defect: defect.value)
def test_each_broken_bank_fails_where_it_should_in_the_whole_profile(tmp_path: Path, defect: Defect) -> None:
    check_defect(tmp_path, defect)


@pytest.mark.prove
def test_the_small_bank_without_a_mistake_passes_the_whole_profile(tmp_path: Path) -> None:
    assert failures_of_small_bank(tmp_path, ()) == {}


@pytest.mark.prove
@pytest.mark.parametrize("mutant", MUTANT_CASES)
def test_each_mutant_fails_the_cases_that_it_is_there_for(tmp_path: Path, mutant: str) -> None:
    cases = MUTANT_CASES[mutant]
    failures = failures_of_small_bank(tmp_path, ("--mutant", mutant), cases=cases)
    assert set(failures) == set(cases)
    assert not [why for why in failures.values() if "examiner failed" in why]
