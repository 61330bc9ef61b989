"""`codepix cluster --faults`: pays at a steady rate while hosts and links of a cluster fail, and audits the money."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Population
from lab.drive.payments import Payment, good_payments
from lab.prove.cluster.plan import ClusterFault, Group, plan_faults
from lab.prove.cluster.rounds import PayingCluster, Round, RoundResult, kinds_document, round_document
from lab.prove.cluster.times import KindTimes, summary

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
    found: RoundResult
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether every transfer ended as it may, every part came back, and every invariant holds."""
        return self.found.is_ok


def faults_of(options: TrialOptions) -> list[ClusterFault]:
    """What strikes, which the seed decides."""
    return plan_faults(options.groups, options.faults_each, Random(f"faults/{options.seed}"))


def payments_of(cluster: PayingCluster, options: TrialOptions, prefix: str) -> list[Payment]:
    """What is paid, which the seed decides; `prefix` begins the idempotency keys. Raises `Unreachable`."""
    return good_payments(Population.of(cluster.rest), options.transfers, Random(options.seed), prefix)


def run_trial(cluster: PayingCluster, options: TrialOptions, progress: Callable[[str], None]) -> TrialResult:
    """Plays one seed on a cluster that is up. Another seed may follow on the same cluster. Raises PartError."""
    started = time.monotonic()
    faults = faults_of(options)
    payments = payments_of(cluster, options, f"cluster-{options.seed}")

    def report_step(text: str, *values: object) -> None:
        progress(text.format(*values))

    progress(f"Seed {options.seed}: paying {options.transfers} times, with {len(faults)} faults")
    played = Round(cluster, payments, options.rate_per_second, report_step)
    found = played.run(lambda injector: injector.run(faults, threading.Event()))
    return TrialResult(options, found, time.monotonic() - started)


def trial_document(result: TrialResult) -> dict[str, Any]:
    return {
        "ok": result.is_ok,
        "seed": result.options.seed,
        **round_document(result.found),
        "seconds": round(result.seconds, 2),
    }


def trial_table(result: TrialResult) -> Table:
    """One line a fault, in the order in which they struck."""
    options = result.options
    verdict = "[green]nothing lost[/]" if result.is_ok else "[bold red]BROKEN[/]"
    title = f"Cluster, seed {options.seed}: {options.transfers} payments, {len(result.found.times)} faults: {verdict}"
    table = Table("fault", "target", "lasted", "failover", "recovery", "longest transfer", title=title)
    table.title_justify = "left"
    for each in result.found.times:
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
    return kinds_document([each for result in results for each in result.found.times])


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
    return summary([each for result in results for each in result.found.times])


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"


def _recovery(seconds: float) -> str:
    text = _seconds(seconds)
    return text if seconds <= RECOVERY_SECONDS_GOAL else f"[bold red]{text}[/]"
