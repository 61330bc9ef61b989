"""`codepix scenario`: every script that breaks the network ends with a green audit."""

from __future__ import annotations

import pytest

from lab.prove.scenarios.registry import SCENARIOS
from tests.e2e.conftest import ask_codepix, ask_codepix_json, run_codepix_json

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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_scenario_is_green() -> None:
    code, document = run_codepix_json("scenario", "--all", seconds_max=580)
    assert {each["name"]: (each["ok"], each["failures"]) for each in document["scenarios"]} == {
        name: (True, []) for name in SCENARIOS
    }
    assert code == 0 and document["ok"] is True
    for each in document["scenarios"]:
        assert each["numbers"][WITNESSES[each["name"]]] > 0, each
        assert all(invariant["ok"] for invariant in each["audit"]["invariants"].values())
        assert len(each["steps"]) >= 4


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
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("scenario", *arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr
