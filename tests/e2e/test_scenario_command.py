"""`codepix scenario`: every script that breaks the network ends with a green audit."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from lab.network.network import Network
from lab.network.run import Run
from lab.network.supervisor import Supervisor
from lab.prove.scenarios.registry import SCENARIOS
from lab.prove.scenarios.runner import ScenarioRunner
from lab.prove.scenarios.scenario import ScenarioResult
from tests.e2e.conftest import ask_codepix, ask_codepix_json, run_codepix_json

LATE_LUNCH = Path(__file__).parents[2] / "examples" / "scenarios" / "late-lunch.json"
WITNESSES = {
    "payee-bank-dies": "waited_for_the_bank",
    "hub-dies": "taken_while_the_hub_was_dead",
    "everything-dies": "payments_completed",
    "silent-bank": "payments_completed",
    "late-answer": "late_answers_refused",
    "duplicate-storm": "duplicates_ignored",
    "returns-storm": "taken_while_the_hub_was_dead",
    "gridlock": "payments_AM04",
}
"""For each scenario the number that shows that what it is about has happened."""


PLAYED_ELSEWHERE = {
    "payee-bank-dies": "tests/browser/test_lab.py, from its button",
    "everything-dies": "the command, in `make prove`; without the script: tests/e2e/test_experiment_command.py",
    "returns-storm": "the command, in `make prove`; without the script: tests/e2e/test_experiment_command.py",
}
"""Scenarios that the shared network is spared."""


def play(name: str, network: Network, client: httpx.Client) -> ScenarioResult:
    with ExitStack() as afterwards:
        run = Run(network, client, afterwards)
        supervisor = Supervisor.of(network)
        run.in_background(supervisor.run)
        try:
            return ScenarioRunner(run, supervisor).run(SCENARIOS[name])
        finally:
            run.ends.set()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in PLAYED_ELSEWHERE])
def test_a_scenario_is_green(name: str, quiet_network: Network, client: httpx.Client) -> None:
    result = play(name, quiet_network, client)
    quiet_network.await_ready()
    assert (result.is_ok, result.failures) == (True, [])
    assert result.numbers[WITNESSES[name]] > 0, result.numbers
    assert result.report is not None and result.report.is_ok
    assert len(result.steps) >= 4


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_every_scenario_is_green_by_command() -> None:
    code, document = run_codepix_json("scenario", "--all", seconds_max=580)
    assert {each["name"]: (each["ok"], each["failures"]) for each in document["scenarios"]} == {
        name: (True, []) for name in SCENARIOS
    }
    assert code == 0 and document["ok"] is True
    for each in document["scenarios"]:
        assert each["numbers"][WITNESSES[each["name"]]] > 0, each
        assert all(invariant["ok"] for invariant in each["audit"]["invariants"].values())
        assert len(each["steps"]) >= 4


@pytest.mark.prove
def test_a_scenario_that_stands_in_a_file_is_played() -> None:
    """In `make test` its reader is tested; the player uses what the other scenarios use."""
    code, document = run_codepix_json("scenario", str(LATE_LUNCH))
    [result] = document["scenarios"]
    assert (code, result["failures"]) == (0, [])
    assert result["numbers"]["payments_completed"] == 40
    assert [step["text"] for step in result["steps"] if "SIG" in step["text"]] == [
        "bank-002 is killed (SIGKILL).",
        "hub is frozen (SIGSTOP).",
        "hub resumes (SIGCONT).",
    ]


def test_what_there_is_to_play_is_listed() -> None:
    code, document = ask_codepix_json("scenario", "--list")
    assert code == 0
    assert [each["name"] for each in document["scenarios"]] == list(SCENARIOS) == list(WITNESSES)
    assert all(each["watch"] for each in document["scenarios"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["moon"], "NAMES: moon unknown; choose from payee-bank-dies, hub-dies"),
        ([], "NAMES: say which scenario to play, or --all"),
        (["nowhere.json"], "nowhere.json: file: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("scenario", *arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr
