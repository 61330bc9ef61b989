"""Part (a): complete life cycles a second through the hub alone, every bank played by stand-ins that only answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from lab.network.parts.process import wait_until
from lab.network.run import Run
from loadtest.bench.directory import register_payees
from loadtest.bench.processes import CpuMeter
from loadtest.bench.result import PartResult
from loadtest.bench.servers import (
    SETTLEMENT_FUNDS_CENTAVOS,
    closed_in_each_second,
    closed_transfers,
    grpc_addresses,
    processes_of,
    query,
    run_module,
)
from loadtest.bench.stand_in import Tally, Workload

PAYEES: Final = 1_000
IN_FLIGHT_MAX: Final = 6_000
"""Enough that the hub's batches are never small, and few enough that a transfer takes about two seconds."""
WARM_UP_SECONDS_MAX: Final = 10.0
"""Java and PostgreSQL need a while until they run at their full speed."""
WARM_UP_SHARE: Final = 0.3
DRAIN_DEADLINE_SECONDS: Final = 120.0
DONE_POLL_SECONDS: Final = 0.2


def measure_hub(
    run: Run,
    seconds: float,
    number: int,
    limit_per_second: float | None,
    limit_name: str,
    *,
    batches: bool = True,
) -> tuple[PartResult, Tally]:
    """Drives the hubs with all they can take, for `seconds` after the warm-up; then audits. `number` is the run's."""
    warm_up_seconds = min(WARM_UP_SECONDS_MAX, seconds * WARM_UP_SHARE)
    network = run.network
    payees = register_payees(grpc_addresses(network)[0], network.banks, PAYEES)
    there_before = query(network, "SELECT count(*) FROM transfers")[0][0]
    workload = Workload(
        bootstrap_servers=network.broker.bootstrap_servers,
        banks=[{"code": bank.code, "ispb": bank.ispb, "secret": bank.secret} for bank in network.banks],
        payees=payees,
        in_flight_max=IN_FLIGHT_MAX,
        seconds=warm_up_seconds + seconds,
        run=number,
        batches=batches,
    )
    with CpuMeter(processes_of(network)) as meter:
        tally = run_workload(network.folder, workload)
        wait_until(
            lambda: _all_closed(run),
            DRAIN_DEADLINE_SECONDS,
            "the last transfers to be closed",
            poll_seconds=DONE_POLL_SECONDS,
        )
    from_ms = tally.started_at_ms + round(warm_up_seconds * 1000)
    to_ms = tally.stopped_at_ms
    findings = audit_hub(run, tally)
    per_transfer = {name: round(cpu * 1e6 / tally.requested) for name, cpu in meter.cpu_seconds.items()}
    per_transfer["stand_ins"] = round(tally.cpu_seconds * 1e6 / tally.requested)
    result = PartResult(
        name="hub",
        title="life cycles through the hub",
        audit_ok=not findings,
        per_second=closed_transfers(network, from_ms, to_ms) * 1000 / (to_ms - from_ms),
        limit_per_second=limit_per_second,
        limit_name=limit_name,
        timeline=closed_in_each_second(network, tally.started_at_ms, to_ms),
        findings=findings,
        details={
            "hubs": len(network.hubs),
            "transfers_there_before": there_before,
            "measured_seconds": round((to_ms - from_ms) / 1000, 1),
            "warm_up_seconds": warm_up_seconds,
            "in_flight_max": IN_FLIGHT_MAX,
            "batches": batches,
            "transfers": tally.requested,
            "outcomes_repeated": tally.repeated,
            "cpu_microseconds_per_transfer": per_transfer,
            "memory_mb": meter.memory_mb,
        },
    )
    return result, tally


def run_workload(folder: Path, workload: Workload) -> Tally:
    """Lets a process of stand-ins play the script to its end."""
    file = folder / f"script-{workload.run}.json"
    file.write_text(json.dumps(asdict(workload)), encoding="utf-8")
    return Tally(**run_module("stand_in", str(file)))


def _all_closed(run: Run) -> bool:
    counts = run.reader.hub.get("/transfers/counts")
    return bool(counts["pending"] == 0 and counts["confirmed"] == 0)


def audit_hub(run: Run, tally: Tally) -> list[str]:
    """The audit of the hub after a run, through its REST API: a sentence for each fault."""
    findings = []
    hub = run.reader.hub
    counts: dict[str, Any] = hub.get("/transfers/counts")
    if counts["failed"] or counts["pending"] or counts["confirmed"]:
        findings.append(f"not every transfer is completed: {counts}")
    if counts["completed"] < tally.requested or tally.failed:
        findings.append(f"{tally.requested} requested, {tally.failed} failed, {counts['completed']} completed in all")
    accounts = hub.settlement_accounts()
    reserved = sum(account["reserved_centavos"] for account in accounts)
    balance = sum(account["balance_centavos"] for account in accounts)
    if reserved:
        findings.append(f"{reserved} centavos are still reserved")
    if balance != SETTLEMENT_FUNDS_CENTAVOS * len(run.network.banks):
        findings.append(f"the settlement accounts hold {balance} centavos, which is not what was put in")
    if any(account["balance_centavos"] < 0 for account in accounts):
        findings.append("a settlement account is overdrawn")
    dead = hub.get("/dead-letters")
    if dead:
        findings.append(f"{len(dead)} dead letters, the first because: {dead[0]['reason']}")
    return findings
