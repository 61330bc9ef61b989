"""`codepix conform`: our own bank is examined, and what cannot be examined is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import run_codepix

SECONDS_MAX = 300
CASES_MIN = 290
"""Of the profile `full` at our own bank, which has no account types beside CACC."""


def test_our_bank_passes_three_groups(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    groups = ("duplicates", "keys", "signatures")
    chosen = [argument for group in groups for argument in ("--group", group)]
    # None of these restarts the bank; the long proof has all groups.
    finished = run_codepix("conform", "--bank", "ours", *chosen, "--json", str(report), seconds_max=SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["is_green"] and document["counts"]["passed"] >= 50


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_our_bank_passes_every_case(tmp_path: Path) -> None:
    report, page, junit = (tmp_path / f"report.{ending}" for ending in ("json", "html", "xml"))
    files = ("--json", str(report), "--html", str(page), "--junit", str(junit))
    finished = run_codepix("conform", "--bank", "ours", "--profile", "full", *files, seconds_max=2 * SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["counts"]["failed"] == 0
    assert document["counts"]["passed"] >= CASES_MIN
    assert {case["why"] for case in document["cases"] if case["verdict"] == "not examined"} == {
        "needs the feature `account_types`"
    }
    assert "Conforms" in page.read_text(encoding="utf-8") and "<testsuite " in junit.read_text(encoding="utf-8")


def test_a_bank_that_ends_at_once_is_exit_code_2_with_the_end_of_its_log() -> None:
    finished = run_codepix("conform", "--bank", f"{sys.executable} -c 'raise SystemExit(\"no database\")'")
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert "no database" in finished.stderr and "Traceback" not in finished.stderr


def test_the_stand_in_of_the_course_passes_its_profile() -> None:
    bank = f"{sys.executable} -m lab.course_bank"
    finished = run_codepix("conform", "--bank", bank, "--profile", "course", seconds_max=SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "12 cases passed, 0 failed, 0 not examined" in finished.stdout
