"""`codepix league`: the right bank wins, the broken one is found out, and no bank stops the league."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.broken_banks.defects import Defect
from tests.e2e.conftest import ask_codepix, run_codepix

ROOT = Path(__file__).parents[2]
SHORT_SECONDS = "6"
SMALL = [sys.executable, "-P", "-m", "lab.broken_banks"]


def write_banks(folder: Path, banks: Mapping[str, list[str]], **limits: int) -> Path:
    file = folder / "banks.yml"
    listed = [{"name": name, "command": command} for name, command in banks.items()]
    # JSON is YAML.
    file.write_text(json.dumps({"banks": listed, **({"limits": limits} if limits else {})}), encoding="utf-8")
    return file


def play(folder: Path, banks: Path, *options: str, seconds_max: float = 280) -> tuple[dict[str, Any], str]:
    """The league's document by names, and its page."""
    document, page = folder / "league.json", folder / "league.html"
    finished = run_codepix(
        "league", str(banks), "--json", str(document), "--html", str(page), *options, seconds_max=seconds_max
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    return json.loads(document.read_text(encoding="utf-8")), page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_bank_that_doubles_money_is_found_out(tmp_path: Path) -> None:
    banks = write_banks(tmp_path, {"Banco Dobrado": [*SMALL, "--defect", Defect.CREDITS_TWICE]})
    document, page = play(tmp_path, banks, "--seconds", SHORT_SECONDS)
    [bank] = document["ranking"]
    assert bank["network_fault"] is None
    assert bank["money"]["doubled"] == bank["money"]["centavos_wrong"] > 0
    assert bank["money"]["lost"] == bank["money"]["created"] == 0
    assert bank["points"]["money"] == -bank["money"]["centavos_wrong"]
    assert bank["payments"]["completed"] > 20 and bank["p99_ms"] > 0
    assert [fault["kind"] for fault in bank["faults"] if fault["kind"] != "duplicates"] == ["kill", "freeze", "kill"]
    assert bank["records_repeated"] > 0 and bank["cpu_seconds"] > 0
    assert "Banco Dobrado" in page and "doubled" in page


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_six_banks_are_ranked_and_none_of_them_stops_the_league(tmp_path: Path) -> None:
    hog = "import http.server\nx = []\nwhile True: x.append(bytearray(1_000_000))"
    banks = write_banks(
        tmp_path,
        {
            "Right": SMALL,
            "Ours": ["ours"],
            "Doubles": [*SMALL, "--defect", Defect.CREDITS_TWICE],
            "Keeps": [*SMALL, "--defect", Defect.KEEPS_THE_MONEY],
            "Absent": ["./nothing-here"],
            "Hog": [sys.executable, "-c", hog],
        },
        memory_mb=400,
    )
    document, _ = play(tmp_path, banks, "--seed", "5", seconds_max=580)
    found = {bank["name"]: bank for bank in document["ranking"]}
    assert not any(bank["network_fault"] for bank in found.values())
    for name in ("Right", "Ours"):
        assert found[name]["money"] | {"findings": []} == {
            "examined": True,
            "centavos_wrong": 0,
            "lost": 0,
            "created": 0,
            "doubled": 0,
            "books": 0,
            "findings": [],
        }
        assert found[name]["rank"] <= 2
    assert found["Doubles"]["money"]["doubled"] > 0
    assert found["Keeps"]["money"]["lost"] > 0
    for name in ("Absent", "Hog"):
        assert found[name]["points"]["total"] == 0
    assert any("exceeded 400 MB of memory" in note for note in found["Hog"]["notes"])
    assert any("cannot be started" in line for line in found["Absent"]["log_tail"])


def test_the_plan_is_shown_without_playing(tmp_path: Path) -> None:
    banks = write_banks(tmp_path, {"A": ["a"]})
    finished = ask_codepix("league", str(banks), "--seed", "1", "--plan")
    assert finished.returncode == 0
    assert "Plan 8fd69487f88c: seed 1, 144 payments in 12 s" in finished.stdout
    assert "freeze for 4.00 s" in finished.stdout


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("banks:\n  - name: A\n", [], "line 2: banks[1].command: is missing"),
        ("banks: [{name: A, command: a}]", ["--user", "no-such-user"], "--user: "),
        ("banks: [{name: A, command: a}]", ["--json", "/no/such/folder/x.json"], "--json: "),
        ("banks: [{name: A, command: a}]", ["--seconds", "3"], "--seconds"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, options: list[str], sentence: str) -> None:
    banks = tmp_path / "banks.yml"
    banks.write_text(text, encoding="utf-8")
    finished = ask_codepix("league", str(banks), *options)
    assert finished.returncode == 2
    assert sentence in finished.stderr


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    finished = ask_codepix("league", str(tmp_path / "nothing.yml"))
    assert finished.returncode == 2
    assert "nothing.yml: cannot be read: No such file or directory" in finished.stderr
