"""`codepix cluster --faults`: pays at a steady rate while hosts and links of a cluster fail, and audits the money."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, good_payments, read_outcomes
from lab.network.cluster.cluster import Cluster
from lab.prove.cluster.injector import ClusterInjector
from lab.prove.cluster.plan import Group, plan_faults
from lab.prove.cluster.times import FaultTimes, KindTimes, Life, summary, times_of
from lab.read.audit import AuditReport
from lab.read.report import audit_document
from lab.read.rest import HubRest

QUIET_SECONDS_MAX: Final = 180.0
AUDIT_SECONDS_MAX: Final = 30.0
RETRY_SECONDS_MAX: Final = 300.0
"""Payments to a bank that cannot be reached are retried for so long."""
SENDERS: Final = 16
RECOVERY_SECONDS_GOAL: Final = 5.0


@dataclass(frozen=True, slots=True)
class TrialOptions:
    seed: int = 1
    transfers: int = 2_000
    groups: Sequence[Group] = (Group.BROKERS, Group.DATABASE, Group.HUBS, Group.PARTITIONS)
    faults_each: int = 2
    rate_per_second: float = 10.0


@dataclass(frozen=True, slots=True)
class TrialResult:
    options: TrialOptions
    times: Sequence[FaultTimes]
    not_ready: Sequence[str]
    outcomes: Mapping[str, int]
    unexpected: Sequence[str]
    retries: int
    resends: int
    duplicates: int
    is_quiet: bool
    report: AuditReport
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether every transfer ended as it may, every part came back, and every invariant holds."""
        return (
            self.is_quiet
            and not self.unexpected
            and not self.not_ready
            and sum(self.outcomes.values()) == self.options.transfers
            and self.report.is_final
        )


def run_trial(cluster: Cluster, options: TrialOptions, progress: Callable[[str], None]) -> TrialResult:
    """Plays one seed on a cluster that is up. Another seed may follow on the same cluster. Raises PartError."""
    started = time.monotonic()
    faults = plan_faults(options.groups, options.faults_each, Random(f"faults/{options.seed}"))
    population = Population.of(cluster.rest)
    payments = good_payments(population, options.transfers, Random(options.seed), f"cluster-{options.seed}")

    def oldest_open_ms() -> int | None:
        rows = cluster.reader().hub.transfers(open_only=True)
        return min((int(row["requested_at_ms"]) for row in rows), default=None)

    injector = ClusterInjector(cluster, progress, oldest_open_ms)
    with closing(PaymentDriver(cluster.rest, RETRY_SECONDS_MAX, SENDERS)) as driver:
        progress(f"Seed {options.seed}: paying {options.transfers} times, with {len(faults)} faults")
        stream = driver.start(payments, options.rate_per_second)
        injector.run(faults, threading.Event())
        stream.wait()
    progress("Waiting until every transfer is final")
    reader = cluster.reader()
    is_quiet = reader.wait_for_quiet(QUIET_SECONDS_MAX)
    progress("Auditing")
    report = reader.audit(AUDIT_SECONDS_MAX)
    found = read_outcomes(reader.hub, stream.sent)
    lives = _lives(reader.hub, stream.ids)
    return TrialResult(
        options=options,
        times=[times_of(struck, lives) for struck in injector.struck],
        not_ready=injector.not_ready,
        outcomes=found.by_outcome,
        unexpected=found.unexpected,
        retries=sum(each.retries for each in stream.sent),
        resends=found.resends,
        duplicates=found.duplicates,
        is_quiet=is_quiet,
        report=report,
        seconds=time.monotonic() - started,
    )


def _lives(hub: HubRest, ids: set[str]) -> list[Life]:
    return [
        Life(row["requested_at_ms"], row["closed_at_ms"])
        for row in hub.transfers()
        if row["end_to_end_id"] in ids and row["closed_at_ms"] is not None
    ]


def trial_document(result: TrialResult) -> dict[str, Any]:
    options = result.options
    return {
        "ok": result.is_ok,
        "seed": options.seed,
        "transfers": options.transfers,
        "faults": [
            {
                "kind": each.struck.kind.value,
                "target": each.struck.target,
                "from_ms": each.struck.from_ms,
                "mended_ms": each.struck.mended_ms,
                "ready_ms": each.struck.ready_ms,
                "failover_seconds": each.failover_seconds,
                "recovery_seconds": each.recovery_seconds,
                "longest_transfer_seconds": each.longest_seconds,
            }
            for each in result.times
        ],
        "not_ready": list(result.not_ready),
        "outcomes": dict(result.outcomes),
        "unexpected": list(result.unexpected),
        "customers_retries": result.retries,
        "resends": result.resends,
        "duplicates_ignored": result.duplicates,
        "quiet": result.is_quiet,
        "audit": audit_document(result.report),
        "seconds": round(result.seconds, 2),
    }


def trial_table(result: TrialResult) -> Table:
    """One line a fault, in the order in which they struck."""
    options = result.options
    verdict = "[green]nothing lost[/]" if result.is_ok else "[bold red]BROKEN[/]"
    title = f"Cluster, seed {options.seed}: {options.transfers} payments, {len(result.times)} faults: {verdict}"
    table = Table("fault", "target", "lasted", "failover", "recovery", "longest transfer", title=title)
    table.title_justify = "left"
    for each in result.times:
        lasted = (each.struck.ready_ms - each.struck.from_ms) / 1_000
        table.add_row(
            each.struck.kind.value,
            each.struck.target,
            f"{lasted:.1f} s",
            _seconds(each.failover_seconds),
            _recovery(each.recovery_seconds),
            f"{each.longest_seconds:.1f} s",
        )
    return table


def summary_document(results: Sequence[TrialResult]) -> list[dict[str, Any]]:
    return [
        {
            "kind": line.kind.value,
            "faults": line.faults,
            "failover_seconds": {"median": line.failover_median, "longest": line.failover_longest},
            "recovery_seconds": {"median": line.recovery_median, "longest": line.recovery_longest},
            "longest_transfer_seconds": line.longest_transfer,
        }
        for line in _summary(results)
    ]


def summary_table(results: Sequence[TrialResult]) -> Table:
    """One line a kind of fault, over all seeds: median and longest."""
    table = Table("fault", "times", "failover", "longest", "recovery", "longest", "longest transfer")
    table.title = f"All {len(results)} seeds"
    table.title_justify = "left"
    for line in _summary(results):
        table.add_row(
            line.kind.value,
            str(line.faults),
            _seconds(line.failover_median),
            _seconds(line.failover_longest),
            _recovery(line.recovery_median),
            _recovery(line.recovery_longest),
            f"{line.longest_transfer:.1f} s",
        )
    return table


def _summary(results: Sequence[TrialResult]) -> list[KindTimes]:
    return summary([each for result in results for each in result.times])


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"


def _recovery(seconds: float) -> str:
    text = _seconds(seconds)
    return text if seconds <= RECOVERY_SECONDS_GOAL else f"[bold red]{text}[/]"
