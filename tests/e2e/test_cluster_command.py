"""`codepix cluster`: a network on hosts of one machine pays, and nothing is lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.network.cluster.namespaces import NAMESPACES_FOLDER
from lab.network.parts.process import wait_until
from tests.e2e.conftest import Background, all_gone, ask_codepix, run_codepix

GONE_SECONDS_MAX = 30.0
CLUSTER_SECONDS_MAX = 1_500.0
BAD_LINKS = ("--delay", "1ms", "--jitter", "0.5ms", "--loss", "0.1%")


@pytest.mark.prove
@pytest.mark.hosts
@pytest.mark.database_cluster
@pytest.mark.apache_kafka
@pytest.mark.timeout(CLUSTER_SECONDS_MAX)
def test_a_cluster_with_bad_links_loses_nothing() -> None:
    before = set(NAMESPACES_FOLDER.glob("*"))
    traffic = ("--transfers", "30", "--load", "5", "--users", "4")
    finished = run_codepix("cluster", *BAD_LINKS, *traffic, seconds_max=CLUSTER_SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "transfers completed" in finished.stdout and "nothing lost" in finished.stdout
    assert "payments of the load" in finished.stdout
    assert set(NAMESPACES_FOLDER.glob("*")) <= before


@pytest.mark.prove
@pytest.mark.hosts
@pytest.mark.database_cluster
@pytest.mark.apache_kafka
@pytest.mark.timeout(CLUSTER_SECONDS_MAX)
def test_a_hub_and_a_broker_fail_and_nothing_is_lost() -> None:
    faults = ("--faults", "hubs,brokers", "--faults-each", "1", "--transfers", "60", "--rate", "3")
    finished = run_codepix("cluster", *faults, "--json", seconds_max=CLUSTER_SECONDS_MAX)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (trial,) = json.loads(finished.stdout)["seeds"]
    assert trial["outcomes"] == {"completed": 60}
    assert len(trial["faults"]) == 2


@pytest.mark.prove
@pytest.mark.hosts
@pytest.mark.database_cluster
@pytest.mark.apache_kafka
def test_an_interrupted_cluster_leaves_nothing_behind(start_codepix: Callable[..., Background]) -> None:
    before = set(NAMESPACES_FOLDER.glob("*"))
    cluster = start_codepix("cluster", "--hubs", "1")
    cluster.await_output("Starting Apache Kafka")
    family = cluster.family()
    made = set(NAMESPACES_FOLDER.glob("*")) - before
    assert made and cluster.end(signal.SIGINT) == 130, cluster.output()
    assert not made & set(NAMESPACES_FOLDER.glob("*"))
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "every process of the cluster to be gone")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--faults", "weather"],
            "--faults: weather unknown; choose from brokers, database, hubs, banks, partitions, clocks, upgrade.",
        ),
        (["--faults", "hubs", "--seeds", "5..1"], "--seeds: '5..1' must be 1 to 1000 whole numbers, as 1..5 or 1,4."),
        (["--seeds", "1..5"], "--seeds: needs --faults."),
        (["--delay", "3m"], "--delay is '3m', and must be a number with a unit (ms, s)."),
        (["--loss", "101%"], "--loss is 101, and goes from 0 to 100."),
        (["--delay", "1ms", "--jitter", "2ms"], "--jitter is 2 ms, and is at most the delay (1 ms)."),
        (["--bandwidth", "fast"], "--bandwidth is 'fast', and must be a number with a unit (kbit, mbit, gbit)."),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("cluster", *arguments)
    assert finished.returncode == 2
    assert finished.stderr.strip() == sentence


def test_a_machine_that_cannot_have_a_cluster_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finished = ask_codepix("cluster")
    assert finished.returncode == 2
    # For want of Linux, of root or of programs, in this order.
    assert finished.stderr.startswith("A cluster needs ") and finished.stderr.count("\n") == 1
