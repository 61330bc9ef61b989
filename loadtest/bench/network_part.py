"""Parts (b) and (d): transfers through real banks and hub, as many as can be, and at a steady pace with latency."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from lab.network.network import Network
from lab.network.parts.environment import inherited
from lab.network.parts.errors import PartError
from lab.network.parts.postgres import MAINTENANCE_DATABASE, EmbeddedPostgres
from lab.network.parts.process import wait_until
from lab.network.run import Run, open_run
from lab.read.report import percentile
from lab.read.snapshot import NetworkReader
from loadtest.bench.limits import ROWS_PER_LIFE_CYCLE, Limits
from loadtest.bench.processes import CpuMeter
from loadtest.bench.result import PartResult
from loadtest.bench.servers import (
    BANKS,
    RESEND_FIRST_SECONDS,
    bench_settings,
    closed_in_each_second,
    closed_transfers,
    connect_to,
    grpc_addresses,
    packing,
    processes_of,
    query,
)

IN_FLIGHT_MAX: Final = 4_500
WARM_UP_SHARE: Final = 0.3
WARM_UP_SECONDS_MAX: Final = 10.0
DRAIN_DEADLINE_SECONDS: Final = 180.0
AUDIT_WAIT_SECONDS: Final = 30.0
RATES_PER_SECOND: Final = (10, 50, 200)
LATENCY_WARM_UP_SECONDS_MAX: Final = 60.0
LATENCY_WARM_UP_SHARE: Final = 3.0
"""At the highest rate. So long Java takes a quarter of a core to compile what Kafka does; brokers run for weeks."""
LATENCY_SECONDS_MAX: Final = 20.0

_OPEN: Final = "SELECT count(*) FROM transfers WHERE resend_at_ms IS NOT NULL"
_WRITTEN: Final = "SELECT sum(tup_inserted + tup_updated) FROM pg_stat_database"
_POSTED_AT: Final = (
    "SELECT end_to_end_id, pg_xact_commit_timestamp(xmin) FROM postings WHERE kind = %s AND end_to_end_id = ANY(%s)"
)
_COMPLETED_AT: Final = (
    "SELECT end_to_end_id, pg_xact_commit_timestamp(xmin) FROM transfers "
    "WHERE status = 'completed' AND end_to_end_id = ANY(%s)"
)


class Payers:
    """The process of `loadtest.bench.payers`, on all banks of a network."""

    def __init__(self, network: Network, *, batches: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "loadtest.bench.payers"],
            env=inherited(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=network.folder,
        )
        self._say([{**_environment_of(network, bank.code), **packing(batches)} for bank in network.banks])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    def do(self, command: str, **values: Any) -> dict[str, Any]:
        """Has a command done. Raises PartError when the process has ended."""
        return self._say({"do": command, **values})

    def _say(self, message: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise PartError("the benchmark's payers have ended; what went wrong stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure_network(
    folder: Path, seconds: float, limits: Limits | None, progress: Callable[[str], None], *, batches: bool = True
) -> PartResult:
    """Transfers a second through real banks, each an own process, entered at the payer's bank's use case in bulk."""
    warm_up_seconds = min(WARM_UP_SECONDS_MAX, seconds * WARM_UP_SHARE)
    with _network(folder, progress, batches=batches) as run, Payers(run.network, batches=batches) as payers:
        network = run.network
        written_before = _written(network)
        with CpuMeter(processes_of(network)) as meter:
            tally = payers.do("flood", seconds=warm_up_seconds + seconds, in_flight_max=IN_FLIGHT_MAX)
            _await_end(network, payers)
        from_ms, to_ms = tally["started_at_ms"] + round(warm_up_seconds * 1000), tally["stopped_at_ms"]
        closed = closed_transfers(network, from_ms, to_ms)
        timeline = closed_in_each_second(network, tally["started_at_ms"], to_ms)
        rows_per_transfer = (_written(network) - written_before) / max(1, tally["requested"])
        findings = _audit(run.reader)
    per_transfer = {name: round(cpu * 1e6 / tally["requested"]) for name, cpu in meter.cpu_seconds.items()}
    per_transfer["payers"] = round(tally["cpu_seconds"] * 1e6 / tally["requested"])
    rate, name = _limit(limits, rows_per_transfer)
    return PartResult(
        name="network",
        title="transfers through real banks and hub",
        audit_ok=not findings,
        per_second=closed * 1000 / (to_ms - from_ms),
        limit_per_second=rate,
        limit_name=name,
        timeline=timeline,
        findings=findings,
        details={
            "banks": BANKS,
            "measured_seconds": round((to_ms - from_ms) / 1000, 1),
            "warm_up_seconds": warm_up_seconds,
            "in_flight_max": IN_FLIGHT_MAX,
            "batches": batches,
            "transfers": tally["requested"],
            "rows_written_per_transfer": round(rows_per_transfer, 1),
            "cpu_microseconds_per_transfer": per_transfer,
            "memory_mb": meter.memory_mb,
        },
    )


def measure_latency(
    folder: Path, seconds: float, progress: Callable[[str], None], *, batches: bool = True
) -> list[PartResult]:
    """End to end at a steady pace, open loop, by PostgreSQL's own times of the commits."""
    seconds = min(seconds, LATENCY_SECONDS_MAX)
    results = []
    with _network(folder, progress, batches=batches) as run, Payers(run.network, batches=batches) as payers:
        network = run.network
        warm_up_seconds = min(LATENCY_WARM_UP_SECONDS_MAX, seconds * LATENCY_WARM_UP_SHARE)
        payers.do("trickle", seconds=warm_up_seconds, per_second=RATES_PER_SECOND[-1])
        # What is still under way would be in the way of the first that are measured.
        _await_end(network, payers)
        for rate in RATES_PER_SECOND:
            progress(f"Measuring latency at {rate} a second")
            paid = payers.do("trickle", seconds=seconds, per_second=rate)
            _await_end(network, payers)
            results.append((rate, paid, _latencies(network, paid["requested"])))
        findings = _audit(run.reader)
    return [
        PartResult(
            name=f"latency_{rate}",
            title=f"end to end at {rate} a second",
            audit_ok=not findings and len(credited) == len(paid["requested"]),
            per_second=float(rate),
            p50_ms=percentile(credited, 50),
            p95_ms=percentile(credited, 95),
            p99_ms=percentile(credited, 99),
            findings=findings,
            details={
                "from": "the payer's bank's commit",
                "to": "the payee's bank's commit of the credit",
                "transfers": len(credited),
                "to_completed_ms": {f"p{percent}": percentile(completed, percent) for percent in (50, 95, 99)},
                "late_ms_max": paid["late_ms_max"],
            },
        )
        for rate, paid, (credited, completed) in results
    ]


@contextmanager
def _network(folder: Path, progress: Callable[[str], None], *, batches: bool) -> Iterator[Run]:
    _note_times_of_commits(folder)
    environment = {"LOG_LEVEL": "WARNING", **packing(batches)}
    with open_run(bench_settings(folder, extra_environment=environment), progress) as run:
        yield run


def _note_times_of_commits(folder: Path) -> None:
    """Makes the network's PostgreSQL, before its first start, remember when each transaction was committed."""
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    try:
        with closing(connect_to(postgres.url(MAINTENANCE_DATABASE))) as connection, connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    finally:
        postgres.stop()


def _environment_of(network: Network, code: str) -> Mapping[str, str]:
    bank = network.bank(code)
    return {
        "DATABASE_URL": network.postgres.url(f"bank_{code}"),
        "KAFKA_BOOTSTRAP_SERVERS": network.broker.bootstrap_servers,
        "BANK_CODE": code,
        "BANK_NAME": bank.spec.name,
        "BANK_SECRET": bank.secret,
        "HUB_GRPC_ADDRESS": grpc_addresses(network)[0],
        "RESEND_FIRST_SECONDS": str(RESEND_FIRST_SECONDS),
        "LOG_LEVEL": "WARNING",
    }


def _written(network: Network) -> int:
    return int(query(network, _WRITTEN)[0][0])


def _await_end(network: Network, payers: Payers) -> None:
    def is_over() -> bool:
        return not payers.do("under_way")["under_way"] and not query(network, _OPEN)[0][0]

    wait_until(is_over, DRAIN_DEADLINE_SECONDS, "the last transfers to be completed", poll_seconds=0.2)


def _limit(limits: Limits | None, rows_per_transfer: float) -> tuple[float | None, str]:
    if limits is None:
        return None, ""
    rate = limits.postgres_per_second * ROWS_PER_LIFE_CYCLE / max(rows_per_transfer, 1.0)
    if rate < limits.kafka_per_second:
        return rate, "PostgreSQL: as many rows written in bulk, nothing else"
    return limits.kafka_per_second, "Apache Kafka: the same records produced and consumed, nothing else"


def _latencies(network: Network, paid: Sequence[str]) -> tuple[list[float], list[float]]:
    """Milliseconds to the payee's credit and to completion, each sorted; `paid` are `bank code:end-to-end id`."""
    ids = [each.partition(":")[2] for each in paid]
    paid_at: dict[str, datetime] = {}
    credited_at: dict[str, datetime] = {}
    for bank in network.banks:
        paid_at |= dict(query(network, _POSTED_AT, ("payment", ids), f"bank_{bank.code}"))
        credited_at |= dict(query(network, _POSTED_AT, ("credit", ids), f"bank_{bank.code}"))
    completed_at: dict[str, datetime] = dict(query(network, _COMPLETED_AT, (ids,)))
    return _differences(paid_at, credited_at), _differences(paid_at, completed_at)


def _differences(begun: Mapping[str, datetime], ended: Mapping[str, datetime]) -> list[float]:
    return sorted((ended[each] - at).total_seconds() * 1000 for each, at in begun.items() if each in ended)


def _audit(reader: NetworkReader) -> list[str]:
    report = reader.audit(AUDIT_WAIT_SECONDS)
    return [] if report.is_ok else [f"the audit is not green: {report}"[:500]]
