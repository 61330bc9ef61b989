"""Scenario files: what is read, what is refused and why, and the history of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab.cli.scenario import scenario
from lab.panel.history import RUNS_KEPT_MAX, RunHistory
from lab.prove.scenarios.from_file import FILE_BYTES_MAX, ScenarioFileInvalid, parse, read_scenario

FILE: dict[str, Any] = {
    "title": "Banco Maré: fora do ar",
    "traffic": {"payments": 5, "per_second": 2, "payees": ["003"]},
    "faults": [{"at_seconds": 1, "part": "bank-003", "kind": "kill", "for_seconds": 2}],
}


def test_a_file_is_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(parse(FILE).text(), encoding="utf-8")
    read = read_scenario(path)
    assert (read.name, read.title) == ("banco-mare-fora-do-ar", FILE["title"])
    assert parse(path.read_bytes()) == parse(FILE)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"title": ""}, "title", "at least 1 character"),
        ({"speed": 3}, "speed", "Extra inputs"),
        ({"format": "codepix-scenario/2"}, "format", "codepix-scenario/1"),
        ({"traffic": {"payments": 2_001}}, "traffic.payments", "less than or equal to 2000"),
        ({"traffic": {"payers": ["1"]}}, "traffic.payers.0", "pattern"),
        ({"faults": [FILE["faults"][0] | {"kind": "unplug"}]}, "faults.0.kind", "'kill', 'stop' or 'freeze'"),
        ({"faults": [FILE["faults"][0], FILE["faults"][0]]}, "", "bank-003 breaks again before it is mended"),
    ],
)
def test_a_file_that_is_no_scenario_says_what_is_wrong(changes: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(ScenarioFileInvalid) as refused:
        parse({**FILE, **changes})
    assert refused.value.field == field and rule in refused.value.rule


@pytest.mark.parametrize("content", [b"nonsense", b"x" * (FILE_BYTES_MAX + 1), b"[]", b"\xff"])
def test_bytes_that_are_no_json_object_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ScenarioFileInvalid):
        read_scenario(path)


def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(scenario)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(FILE | {"title": ""}), encoding="utf-8")
    result = CliRunner().invoke(app, [str(path)])
    assert result.exit_code == 2 and "title" in result.output
    missing = CliRunner().invoke(app, [str(tmp_path / "none.json")])
    assert missing.exit_code == 2 and "cannot be read" in missing.output.replace("\n", " ")


def test_the_history_keeps_the_newest_runs(tmp_path: Path) -> None:
    history = RunHistory(tmp_path)
    assert history.list() == [] and history.version == 0
    for number in range(RUNS_KEPT_MAX + 2):
        history.add({"title": f"run {number}"})
    again = RunHistory(tmp_path)
    assert again.version == RUNS_KEPT_MAX + 2
    assert len(again.list()) == RUNS_KEPT_MAX
    assert again.list()[0]["title"] == f"run {RUNS_KEPT_MAX + 1}"
    assert again.find(1) is None and again.find(10**12) is None
    (tmp_path / "runs" / "7.json").write_text("nonsense", encoding="utf-8")
    assert again.find(7) is None


def test_a_history_that_cannot_be_written_loses_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way", encoding="utf-8")
    history = RunHistory(tmp_path)
    assert history.add({}) == 1 and history.list() == []
