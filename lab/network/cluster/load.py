"""Load from hosts of the cluster: Locust's distributed mode, one host that divides it and others that make it."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.drive.customers import Population
from lab.network.cluster.cluster import Cluster
from lab.network.folder import write_privately
from lab.network.parts.errors import PartError, PartMissing
from lab.network.parts.process import describe_exit_code, wait_until

LOCUST_FILE: Final = Path(__file__).parents[3] / "loadtest" / "cluster_locustfile.py"
MASTER_PORT: Final = 5_557
START_SECONDS_MAX: Final = 180
STOP_SECONDS_MAX: Final = 60
POLL_SECONDS: Final = 0.2
PAYMENT: Final = "pay"
REQUESTS_FAILED_EXIT_CODE: Final = 1
"""Of Locust: the run went well, and some request failed."""
TARGETS_VARIABLE: Final = "CODEPIX_LOAD_TARGETS"


@dataclass(frozen=True, slots=True)
class LoadResult:
    workers: int
    accepted: int
    """Payments that a bank took."""
    failed: int
    """Payments that a bank did not answer, or refused."""
    per_second: float
    p50_ms: int
    p99_ms: int


def check_load() -> None:
    """Raises `PartMissing`, in one sentence, where this environment lacks Locust."""
    if importlib.util.find_spec("locust") is None:
        raise PartMissing("--load needs Locust: install codepix[load], or leave --load out.")


def run_load(cluster: Cluster, seconds: float, users: int) -> LoadResult:
    """Lets `users` customers pay for so long, from all load hosts but the first. Raises `PartError`."""
    divider, *workers = cluster.load_hosts
    if not workers:
        raise PartError("The cluster has no hosts for the load: it needs two or more.")
    folder = cluster.folder / "load"
    folder.mkdir(exist_ok=True)
    targets = folder / "targets.json"
    # With a password in it. The workers ask no bank first, so that all of their time is load.
    write_privately(targets, json.dumps(_targets(cluster)))
    locust = [sys.executable, "-P", "-m", "locust", "--locustfile", str(LOCUST_FILE), "--loglevel", "WARNING"]
    environment = {TARGETS_VARIABLE: str(targets)}
    options = ["--master", "--master-bind-host", divider.address, "--master-bind-port", str(MASTER_PORT)]
    # Not --headless, with which Locust ends before the workers' last report, and counts less than was paid.
    options += ["--autostart", "--autoquit", "1", "--web-host", divider.address]
    options += ["--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds:g}s"]
    options += ["--expect-workers", str(len(workers)), "--expect-workers-max-wait", str(START_SECONDS_MAX)]
    options += ["--csv", str(folder / "result"), "--only-summary", "--stop-timeout", "30"]
    master = divider.start(
        "locust", [*locust, *options], env=environment, log=folder / "master.log", working_folder=folder
    )
    join = ["--worker", "--master-host", divider.address, "--master-port", str(MASTER_PORT)]
    for host in workers:
        log = folder / f"worker-{host.name}.log"
        host.start("locust", [*locust, *join], env=environment, log=log, working_folder=folder)
    wait_until(
        lambda: not master.is_running(),
        START_SECONDS_MAX + seconds + STOP_SECONDS_MAX,
        "the load to end",
        poll_seconds=POLL_SECONDS,
    )
    if master.exit_code not in (0, REQUESTS_FAILED_EXIT_CODE):
        raise PartError(f"The load ended with {describe_exit_code(master.exit_code)}:\n{master.log_tail()}")
    for host in workers:
        host.stop()
    return _read_result(folder / "result_stats.csv", len(workers))


def _targets(cluster: Cluster) -> dict[str, Any]:
    """The file of loadtest/cluster_locustfile.py."""
    population = Population.of(cluster.rest)
    banks = {
        bank.code: {
            "urls": [replica.url for replica in bank.replicas],
            "payer": population.rich(bank.code).account_number,
            "payees": [{"kind": each.keys[0].kind, "key": each.keys[0].key} for each in population.friends(bank.code)],
        }
        for bank in cluster.banks
    }
    return {"operator_password": cluster.secrets.operator, "banks": banks}


def _read_result(file: Path, workers: int) -> LoadResult:
    with file.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["Name"] == PAYMENT]
    if not rows:
        raise PartError(f"The load made no payment; {file.parent} has its logs.")
    row = rows[0]
    asked, failed = int(row["Request Count"]), int(row["Failure Count"])
    return LoadResult(
        workers=workers,
        accepted=asked - failed,
        failed=failed,
        per_second=float(row["Requests/s"]),
        p50_ms=round(float(row["50%"])),
        p99_ms=round(float(row["99%"])),
    )
