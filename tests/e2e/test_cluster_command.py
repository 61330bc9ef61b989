"""`codepix cluster`: a network on hosts of one machine pays, and nothing is lost."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.network.cluster.namespaces import NAMESPACES_FOLDER
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.web.client import new_http_client
from tests.e2e.conftest import Background, all_gone, ask_codepix, run_codepix

GONE_SECONDS_MAX = 30.0
CLUSTER_SECONDS_MAX = 1_500.0
PANEL_SECONDS_MAX = 400.0
PANEL_LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)")
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


@pytest.mark.prove
@pytest.mark.hosts
@pytest.mark.database_cluster
@pytest.mark.apache_kafka
@pytest.mark.timeout(CLUSTER_SECONDS_MAX)
def test_a_hub_is_killed_and_undone_by_the_panel_and_the_audit_is_green(
    start_codepix: Callable[..., Background],
) -> None:
    before = set(NAMESPACES_FOLDER.glob("*"))
    command = start_codepix("cluster", "--panel", "--hubs", "2", "--lab-port", str(free_port()))
    wait_until(
        lambda: PANEL_LINK.search(command.output()) or command.process.poll() is not None,
        CLUSTER_SECONDS_MAX,
        "the panel's address",
    )
    link = PANEL_LINK.search(command.output())
    assert link is not None, command.output()
    with new_http_client(base_url=f"{link[1]}/api/v1", headers={"Authorization": f"Bearer {link[2]}"}) as panel:

        def states() -> dict[str, str]:
            hosts = panel.get("/cluster").json()["hosts"]
            return {part["name"]: part["state"] for host in hosts for part in host["parts"]}

        roles = [part["role"] for host in panel.get("/cluster").json()["hosts"] for part in host["parts"]]
        assert {roles.count(role) for role in ("controller", "primary", "synchronous standby")} == {1}
        assert panel.post("/faults", json={"kind": "hub killed"}).status_code == 202
        wait_until(lambda: states()["hub-1"] == "stopped", PANEL_SECONDS_MAX, "the first hub to be dead")
        assert states()["hub-2"] != "stopped"
        wait_until(lambda: panel.get("/act").json()["paid"] > 5, PANEL_SECONDS_MAX, "payments by the other hub")
        assert panel.post("/faults/1/undo").status_code == 202
        wait_until(lambda: panel.get("/act").json()["ended_ms"], PANEL_SECONDS_MAX, "the audit after the fault")
        task = panel.get("/act").json()
        assert task["ok"], task
        ((fault,),) = (each["faults"] for each in task["rounds"])
        assert fault["kind"] == "hub killed" and fault["failover_seconds"] is not None
        wait_until(lambda: states()["hub-1"] == "up", PANEL_SECONDS_MAX, "the first hub to be up")
    family = command.family()
    assert command.end(signal.SIGINT) == 0, command.output()
    assert set(NAMESPACES_FOLDER.glob("*")) <= before
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
        (
            ["--panel", "--faults", "hubs"],
            "--panel: does not work with --faults, --seeds, --load, --measure, --upgrade-from and --json.",
        ),
        (["--bandwidth", "fast"], "--bandwidth is 'fast', and must be a number with a unit (kbit, mbit, gbit)."),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("cluster", *arguments)
    assert finished.returncode == 2
    assert finished.stderr.strip() == sentence


@pytest.mark.parametrize("options", [(), ("--panel",)])
def test_a_machine_that_cannot_have_a_cluster_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finished = ask_codepix("cluster", *options)
    assert finished.returncode == 2
    # For want of Linux, of root or of programs, in this order.
    assert finished.stderr.startswith("A cluster needs ") and finished.stderr.count("\n") == 1
