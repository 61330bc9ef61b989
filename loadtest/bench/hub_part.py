"""Part (a): complete life cycles a second through the hub alone, every bank played by stand-ins that only answer."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final

from lab.network.parts.environment import inherited
from lab.network.parts.errors import PartError
from lab.network.parts.process import wait_until
from loadtest.bench.directory import register_payees
from loadtest.bench.processes import CpuMeter
from loadtest.bench.result import PartResult
from loadtest.bench.servers import SETTLEMENT_FUNDS_CENTAVOS, BenchServers
from loadtest.bench.stand_in import Tally, Workload

PAYEES: Final = 1_000
IN_FLIGHT_MAX: Final = 6_000
"""Enough that the hub's batches are never small, and few enough that a transfer takes about two seconds."""
WARM_UP_SECONDS_MAX: Final = 10.0
"""Java and PostgreSQL need a while until they run at their full speed."""
WARM_UP_SHARE: Final = 0.3
DRAIN_DEADLINE_SECONDS: Final = 120.0
DONE_POLL_SECONDS: Final = 0.2

_CLOSED: Final = "SELECT count(*) FROM transfers WHERE closed_at_ms >= %s AND closed_at_ms < %s"
_PER_SECOND: Final = (
    "SELECT (closed_at_ms - %(from)s) / 1000, count(*) FROM transfers "
    "WHERE closed_at_ms >= %(from)s AND closed_at_ms < %(to)s GROUP BY 1 ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class HubRun:
    """One run of stand-ins against the hubs of the servers."""

    result: PartResult
    tally: Tally


def measure_hub(
    servers: BenchServers, seconds: float, run: int, limit_per_second: float | None, limit_name: str
) -> HubRun:
    """Drives the hubs with all they can take, for `seconds` after the warm-up; then audits."""
    warm_up_seconds = min(WARM_UP_SECONDS_MAX, seconds * WARM_UP_SHARE)
    payees = register_payees(servers.grpc_address, servers.banks, PAYEES)
    there_before = _count(servers)
    workload = Workload(
        bootstrap_servers=servers.broker.bootstrap_servers,
        banks=[{"code": bank.code, "ispb": bank.ispb, "secret": bank.secret} for bank in servers.banks],
        payees=payees,
        in_flight_max=IN_FLIGHT_MAX,
        seconds=warm_up_seconds + seconds,
        run=run,
    )
    with CpuMeter(servers.processes()) as meter:
        tally = run_workload(servers, workload)
        wait_until(
            lambda: _all_closed(servers),
            DRAIN_DEADLINE_SECONDS,
            "the last transfers to be closed",
            poll_seconds=DONE_POLL_SECONDS,
        )
    from_ms = tally.started_at_ms + round(warm_up_seconds * 1000)
    to_ms = tally.stopped_at_ms
    connection = servers.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_CLOSED, (from_ms, to_ms))
            closed = cursor.fetchone()[0]
            cursor.execute(_PER_SECOND, {"from": tally.started_at_ms, "to": to_ms})
            timeline = _timeline(cursor.fetchall())
    finally:
        connection.close()
    findings = audit_hub(servers, tally)
    per_transfer = {name: round(cpu * 1e6 / tally.requested) for name, cpu in meter.cpu_seconds.items()}
    per_transfer["stand_ins"] = round(tally.cpu_seconds * 1e6 / tally.requested)
    result = PartResult(
        name="hub",
        title="life cycles through the hub",
        audit_ok=not findings,
        per_second=closed * 1000 / (to_ms - from_ms),
        limit_per_second=limit_per_second,
        limit_name=limit_name,
        timeline=timeline,
        findings=findings,
        details={
            "hubs": len(servers.hubs),
            "transfers_there_before": there_before,
            "measured_seconds": round((to_ms - from_ms) / 1000, 1),
            "warm_up_seconds": warm_up_seconds,
            "in_flight_max": IN_FLIGHT_MAX,
            "transfers": tally.requested,
            "cpu_microseconds_per_transfer": per_transfer,
            "memory_mb": meter.memory_mb,
        },
    )
    return HubRun(result, tally)


def run_workload(servers: BenchServers, workload: Workload) -> Tally:
    """Lets a process of stand-ins play the script to its end."""
    file = servers.folder / f"script-{workload.run}.json"
    file.write_text(json.dumps(asdict(workload)), encoding="utf-8")
    played = subprocess.run(
        [sys.executable, "-P", "-m", "loadtest.bench.stand_in", str(file)],
        env=inherited(),
        capture_output=True,
        text=True,
        check=False,
        cwd=servers.folder,
    )
    if played.returncode != 0:
        raise PartError(f"the stand-ins failed: {played.stderr[-2000:]}")
    return Tally(**json.loads(played.stdout))


def _count(servers: BenchServers) -> int:
    connection = servers.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM transfers")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def _all_closed(servers: BenchServers) -> bool:
    counts = servers.hub_rest.get("/transfers/counts")
    return bool(counts["pending"] == 0 and counts["confirmed"] == 0)


def _timeline(rows: list[tuple[int, int]]) -> list[int]:
    done = {int(second): count for second, count in rows}
    return [done.get(second, 0) for second in range(max(done, default=-1) + 1)]


def audit_hub(servers: BenchServers, tally: Tally) -> list[str]:
    """The audit of the hub after a run, through its REST API: a sentence for each fault."""
    findings = []
    hub = servers.hub_rest
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
    if balance != SETTLEMENT_FUNDS_CENTAVOS * len(servers.banks):
        findings.append(f"the settlement accounts hold {balance} centavos, which is not what was put in")
    if any(account["balance_centavos"] < 0 for account in accounts):
        findings.append("a settlement account is overdrawn")
    dead = hub.get("/dead-letters")
    if dead:
        findings.append(f"{len(dead)} dead letters, the first because: {dead[0]['reason']}")
    return findings
