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


def test_our_bank_passes_the_cases_of_money(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    groups = ("being-paid", "duplicates", "idempotence", "signatures")
    chosen = [argument for group in groups for argument in ("--group", group)]
    # Without the cases around a restart, which the long proof has.
    finished = run_codepix("conform", "--bank", "ours", *chosen, "--json", str(report), seconds_max=SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["is_green"] and document["counts"]["passed"] >= 60


@pytest.mark.prove
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--bank: give a command, an address, or `ours`"),
        (("--bank", "'"), "--bank: the command cannot be read"),
        (("--bank", "ours", "--group", "nonsense"), "--group: nonsense unknown; choose from"),
        (("--bank", "ours", "--case", "keys.nonsense"), "--case: keys.nonsense unknown"),
        (("--bank", "ours", "--html", "/nowhere/report.html"), "--html: /nowhere/report.html cannot be written"),
        (("--bank", "/nowhere/bank"), "--bank: bank could not be started"),
        (("--bank", f"{sys.executable} -c 'raise SystemExit(\"no database\")'"), "no database"),
    ],
)
def test_what_cannot_be_examined_is_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    finished = run_codepix("conform", *arguments)
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert said in finished.stderr and "Traceback" not in finished.stderr


def test_the_cases_can_be_listed() -> None:
    finished = run_codepix("conform", "--list", "--profile", "full", "--group", "keys")
    assert finished.returncode == 0 and "keys.limit-of-person" in finished.stdout
