"""`codepix experiment`: parts die while customers pay, and nothing is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from lab.network.parts.process import wait_until
from tests.e2e.conftest import Background, all_gone, ask_codepix, run_codepix_json

GONE_SECONDS_MAX = 10.0

FAULTS_OF_ALL = ("--faults", "hub,bank,broker,database", "--faults-each", "1", "--wipe-broker", "--hubs", "2")


@pytest.mark.slow
def test_parts_die_while_customers_pay() -> None:
    faults = ("--faults", "hub,bank,database", "--faults-each", "1", "--banks", "2")
    code, document = run_codepix_json("experiment", "--transfers", "40", "--rate", "20", "--seed", "11", *faults)
    assert code == 0, document
    assert document["outcomes"] == {"completed": 40}
    returns = document["returns"]
    assert returns["outcomes"] == {"completed": returns["requested"]} and returns["requested"] >= 10
    assert {fault["part"].partition("-")[0] for fault in document["faults"]} == {"hub", "bank", "postgres"}
    assert all(invariant["ok"] for invariant in document["audit"]["invariants"].values())


@pytest.mark.prove
@pytest.mark.apache_kafka
def test_every_part_dies_and_the_broker_loses_its_log() -> None:
    code, document = run_codepix_json("experiment", "--transfers", "60", "--rate", "20", "--seed", "11", *FAULTS_OF_ALL)
    assert code == 0, document
    assert document["outcomes"] == {"completed": 60}
    assert document["returns"]["outcomes"] == {"completed": document["returns"]["requested"]}
    assert {fault["action"] for fault in document["faults"]} >= {"kill", "wipe"}
    assert {fault["part"].partition("-")[0] for fault in document["faults"]} == {"hub", "bank", "apache", "postgres"}
    assert all(invariant["ok"] for invariant in document["audit"]["invariants"].values())


@pytest.mark.prove
def test_payments_to_a_bank_that_was_away() -> None:
    code, document = run_codepix_json("experiment", "--park-bank", "500")
    assert code == 0, document
    assert document["outcomes"] == {"completed": 500}
    assert document["complete_seconds"] < document["complete_seconds_goal"] == 15


@pytest.mark.prove
def test_an_interrupted_experiment_leaves_no_process_behind(start_codepix: Callable[..., Background]) -> None:
    experiment = start_codepix("experiment", "--faults", "hub,bank,database", "--transfers", "10000", "--banks", "2")
    experiment.await_output("Paying 10000 times")
    family = experiment.family()
    assert experiment.end(signal.SIGINT) == 130, experiment.output()
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "every process of the experiment to be gone")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--faults", "moon"], "--faults: moon unknown; choose from hub, bank, broker, database."),
        (["--faults", "broker", "--kafka", "embedded"], "the embedded broker comes back at another address"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("experiment", *arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr
