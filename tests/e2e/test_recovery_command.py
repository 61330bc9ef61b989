"""`codepix recovery`: once a part that was killed is back, everything that waited becomes final."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import ask_codepix, run_codepix_json


@pytest.mark.slow
def test_all_becomes_final_once_a_bank_and_the_hubs_database_are_back() -> None:
    parts = ["payees-bank", "hub-database"]
    _, document = run_codepix_json("recovery", "--parts", ",".join(parts), "--times", "1", "--away", "3")
    assert list(document["parts"]) == parts
    for recoveries in document["parts"].values():
        assert [recovery["final_seconds"] is not None for recovery in recoveries] == [True], document
    assert document["audit"]["ok"], document


@pytest.mark.prove
@pytest.mark.apache_kafka
@pytest.mark.timeout(900)
def test_all_is_final_within_seconds_whichever_part_was_away() -> None:
    code, document = run_codepix_json("recovery", "--times", "1", seconds_max=840)
    assert code == 0, document
    assert len(document["parts"]) == 7


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--parts", "moon"], "--parts: moon unknown; choose from broker, database, hub-database, bank-database, hub"),
        (["--parts", "broker", "--kafka", "embedded"], "the embedded broker comes back at another address"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("recovery", *arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr
