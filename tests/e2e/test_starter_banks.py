"""The starter banks are examined like a stranger's, and so is the bank that a reader of docs/write-a-bank.md makes."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environments import go_bank, typescript_bank
from tests.e2e.conftest import run_codepix
from tests.support.guide import Kind
from tests.support.installed import install, run
from tests.support.starters import PYTHON_BANK, guide_blocks, guide_files
from tests.unit.house.repository import ROOT

SECONDS_MAX = 600.0
CASES_MIN = 200
"""Of the profile `minimal`."""
LANGUAGES = [
    pytest.param("python"),
    pytest.param("typescript", marks=pytest.mark.node),
    pytest.param("go", marks=pytest.mark.go),
]


def python_bank() -> tuple[str, ...]:
    return (sys.executable, str(PYTHON_BANK / "bank.py"))


COMMANDS: dict[str, Callable[[], tuple[str, ...]]] = {
    "python": python_bank,
    "typescript": typescript_bank,
    "go": go_bank,
}


def examine(command: tuple[str, ...], report: Path, *options: str) -> dict[str, Any]:
    """The report on a bank that every case has passed."""
    arguments = ("conform", "--bank", shlex.join(command), *options, "--json", str(report))
    finished = run_codepix(*arguments, seconds_max=SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    document: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert document["is_green"] and document["counts"]["failed"] == 0
    return document


def test_the_bank_in_python_credits_once(tmp_path: Path) -> None:
    """A part of the examination, in seconds."""
    document = examine(python_bank(), tmp_path / "report.json", "--group", "being-paid", "--group", "idempotence")
    assert document["counts"]["passed"] >= 25


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_starter_bank_passes_the_profile_minimal(language: str, tmp_path: Path) -> None:
    document = examine(COMMANDS[language](), tmp_path / "report.json")
    assert document["profile"] == "minimal"
    assert document["counts"]["passed"] >= CASES_MIN and document["counts"]["not examined"] == 0


@pytest.mark.prove
@pytest.mark.apache_kafka
@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_starter_bank_speaks_to_apache_kafka(language: str, tmp_path: Path) -> None:
    groups = ("--group", "being-paid", "--group", "outcomes", "--group", "restarts", "--group", "network")
    examine(COMMANDS[language](), tmp_path / "report.json", "--kafka", "apache", *groups)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_the_guide_leads_from_an_empty_folder_to_a_green_report(
    wheel: Path, user: dict[str, str], machine: Path
) -> None:
    folder = machine / "reader"
    folder.mkdir()
    # What the reader has got: the .proto files without our stubs, and the tool.
    shutil.copytree(ROOT / "protos", folder / "protos", ignore=shutil.ignore_patterns("*.py", "*.pyi", "__pycache__"))
    install(wheel, folder / ".venv")
    written = []
    for block in guide_blocks():
        if block.kind is Kind.RUN:
            for name, text in guide_files().items():
                (folder / name).write_text(text, encoding="utf-8")
            written.append(run(["bash", "-ec", block.text], user, folder))
    assert "Green" in written[-1] and "Green" in written[-2]
    assert (folder / "report.html").exists()
    assert not list((folder / "protos").rglob("*.py"))
