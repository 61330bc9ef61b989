"""`codepix experiment`: pays at a steady rate while parts die, and proves that nothing was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, good_payments, read_outcomes
from lab.drive.returns import ReturnDriver, ReturnOutcomes, plan_returns, read_return_outcomes
from lab.network.network import KafkaKind, NetworkSettings, bank_specs, keep_logs, network_folder
from lab.network.run import Run, open_run
from lab.network.supervisor import Supervisor
from lab.prove.faults import Injected, Injector, Target, plan_faults
from lab.read.audit import AuditReport
from lab.read.report import audit_document, percentile

TIMED_OUT: Final = "AB03"
TIMED_OUT_RETURNS: Final = ("AB11", "transfer-not-found", "original_end_to_end_id")
"""Its own answer comes too late, or the bank has no money to give back since the payment has timed out."""
RESEND_FIRST_SECONDS: Final = 1.0
RESEND_CAP_SECONDS: Final = 5.0
QUIET_SECONDS_MAX: Final = 120.0
AUDIT_SECONDS_MAX: Final = 20.0
RETRY_SECONDS_MAX: Final = 120.0
"""Payments to a bank that is down are retried for so long."""
SENDERS: Final = 16
"""So many that those who wait for a dead bank do not keep the others from paying."""
WIPE_FIRST_MOMENT: Final = 0.3
WIPE_LAST_MOMENT: Final = 0.7


@dataclass(frozen=True, slots=True)
class ExperimentOptions:
    seed: int = 1
    transfers: int = 300
    faults: Sequence[Target] = (Target.HUB, Target.BANK, Target.BROKER, Target.DATABASE)
    faults_each: int = 2
    rate_per_second: float = 20.0
    hubs: int = 1
    banks: int = 3
    kafka: KafkaKind = KafkaKind.APACHE
    transfer_timeout_seconds: float | None = None
    wipe_broker: bool = False
    keep: Path | None = None
    """Where the network's data and logs stay; None: nowhere, but for the logs of a run in which something broke."""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    options: ExperimentOptions
    injected: Sequence[Injected]
    outcomes: Mapping[str, int]
    unexpected: Sequence[str]
    returns_planned: int
    """Of a payment that timed out nothing goes back; so fewer may be sent."""
    returns: ReturnOutcomes
    retries: int
    restarts: Mapping[str, int]
    """Per service, how often it ended unexpectedly and was started again."""
    resends: int
    duplicates: int
    milliseconds: Sequence[int]
    is_quiet: bool
    quiet_seconds: float
    """From the last payment and return until nothing was under way any more."""
    report: AuditReport
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether every transfer ended as it may, and every invariant holds."""
        return (
            self.is_quiet
            and not self.unexpected
            and not self.returns.unexpected
            and sum(self.outcomes.values()) == self.options.transfers
            and sum(self.returns.by_outcome.values()) == self.returns_planned
            and self.report.is_final
        )


def experiment(options: ExperimentOptions, progress: Callable[[str], None]) -> ExperimentResult:
    """Starts a network in a temporary folder, pays and breaks, waits for quiet, audits, and stops it."""
    started = time.monotonic()
    random = Random(options.seed)
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        run = stack.enter_context(open_run(_settings(options, folder), progress))
        network, reader, rest = run.network, run.reader, run.rest
        population = Population.of(rest)
        payments = good_payments(population, options.transfers, random, f"seed{options.seed}")
        # Chosen apart from the faults: a seed has the same faults with and without returns.
        back = plan_returns(payments, Random(f"returns/{options.seed}"))
        duration = options.transfers / options.rate_per_second

        progress(f"Paying {options.transfers} times within {duration:g} seconds, and breaking: {_named(options)}")
        driver = PaymentDriver(rest, RETRY_SECONDS_MAX, SENDERS)
        run.afterwards.callback(driver.close)
        returner = ReturnDriver(rest, reader.hub, RETRY_SECONDS_MAX, SENDERS)
        run.afterwards.callback(returner.close)
        supervisor = Supervisor.of(network)
        run.in_background(supervisor.run)
        with _disturbed(run, supervisor, options, duration, random) as injector:
            stream = driver.start(payments, options.rate_per_second)
            returning = returner.follow(stream, back, population)
            progress("Waiting until the faults are over and all parts are up")
        sent, returned = stream.sent, [each.result() for each in returning]
        paid = time.monotonic()
        progress("Waiting until nothing is under way")
        is_quiet = reader.wait_for_quiet(QUIET_SECONDS_MAX)
        quiet_seconds = time.monotonic() - paid

        progress("Auditing")
        report = reader.audit(AUDIT_SECONDS_MAX)
        found = read_outcomes(reader.hub, sent)
        may_time_out = options.transfer_timeout_seconds is not None
        gone_back = read_return_outcomes(reader.hub, returned, TIMED_OUT_RETURNS if may_time_out else ())
        at_banks = [row for bank in rest.values() for row in (*bank.transfers(), *bank.returns("after", "next_cursor"))]
        result = ExperimentResult(
            options=options,
            injected=sorted(injector.injected, key=lambda each: each.from_seconds),
            outcomes=found.by_outcome,
            unexpected=[each for each in found.unexpected if not may_time_out or TIMED_OUT not in each],
            returns_planned=sum(len(parts) for parts in back.values()),
            returns=gone_back,
            retries=sum(each.retries for each in sent) + sum(each.retries for each in returned),
            restarts=dict(supervisor.restarts),
            resends=found.resends + gone_back.resends + sum(row["resend_count"] for row in at_banks),
            duplicates=found.duplicates + gone_back.duplicates + sum(row["duplicates"] for row in at_banks),
            milliseconds=found.milliseconds,
            is_quiet=is_quiet,
            quiet_seconds=quiet_seconds,
            report=report,
            seconds=time.monotonic() - started,
        )
        if not result.is_ok and options.keep is None:
            progress(f"The logs of all parts are kept in {keep_logs(folder)}")
        return result


def _settings(options: ExperimentOptions, folder: Path) -> NetworkSettings:
    return NetworkSettings(
        folder=folder,
        banks=bank_specs(options.banks),
        kafka=options.kafka,
        hubs=options.hubs,
        transfer_timeout_seconds=options.transfer_timeout_seconds,
        resend_first_seconds=RESEND_FIRST_SECONDS,
        resend_cap_seconds=RESEND_CAP_SECONDS,
    )


def _named(options: ExperimentOptions) -> str:
    names = [str(target) for target in options.faults] + (["the broker's log"] if options.wipe_broker else [])
    return ", ".join(names) or "nothing"


@contextmanager
def _disturbed(
    run: Run, supervisor: Supervisor, options: ExperimentOptions, duration: float, random: Random
) -> Iterator[Injector]:
    """Injects faults while the block runs; at its end waits until they are over and everything is up again."""
    faults = plan_faults(options.faults, options.faults_each, duration, options.hubs, options.banks, random)
    injector = Injector(run.network, supervisor)
    works = injector.works(faults)
    if options.wipe_broker:
        works.append(injector.wipe_at(random.uniform(WIPE_FIRST_MOMENT, WIPE_LAST_MOMENT) * duration))
    threads = [run.in_background(work) for work in works]
    yield injector
    for thread in threads:
        thread.join()
    for failure in (*injector.failures, *supervisor.failures):
        raise failure
    run.network.await_ready()


def experiment_document(result: ExperimentResult) -> dict[str, Any]:
    options = result.options
    return {
        "ok": result.is_ok,
        "seed": options.seed,
        "transfers": options.transfers,
        "kafka": options.kafka.value,
        "hubs": options.hubs,
        "banks": options.banks,
        "wipe_broker": options.wipe_broker,
        "faults": [
            {
                "part": each.part,
                "action": each.action,
                "from_seconds": round(each.from_seconds, 2),
                "to_seconds": round(each.to_seconds, 2),
            }
            for each in result.injected
        ],
        "outcomes": dict(result.outcomes),
        "unexpected": list(result.unexpected),
        "returns": {
            "requested": result.returns_planned,
            "completed": result.returns.by_outcome.get("completed", 0),
            "returned_centavos": result.returns.returned_centavos,
            "outcomes": dict(result.returns.by_outcome),
            "unexpected": list(result.returns.unexpected),
        },
        "customers_retries": result.retries,
        "restarts": dict(result.restarts),
        "resends": result.resends,
        "duplicates_ignored": result.duplicates,
        "latency_ms": {
            "p50": percentile(result.milliseconds, 50),
            "p99": percentile(result.milliseconds, 99),
            "max": max(result.milliseconds, default=None),
        },
        "quiet": result.is_quiet,
        "quiet_seconds": round(result.quiet_seconds, 2),
        "audit": audit_document(result.report),
        "seconds": round(result.seconds, 2),
    }


def experiment_table(result: ExperimentResult) -> Table:
    options = result.options
    title = (
        f"Experiment, seed {options.seed}: {options.transfers} payments, {options.hubs} hub(s), {options.kafka} Kafka"
    )
    table = Table("what", "found", title=title, title_justify="left")
    for each in result.injected:
        table.add_row(f"{each.action} {each.part}", f"from {each.from_seconds:.1f} s to {each.to_seconds:.1f} s")
    table.add_section()
    for outcome, count in sorted(result.outcomes.items()):
        table.add_row(f"transfers {outcome}", str(count))
    for outcome, count in sorted(result.returns.by_outcome.items()):
        table.add_row(f"returns {outcome}", str(count))
    longest = max(result.milliseconds, default=0) / 1000
    rows = [
        ("customers had to ask again", str(result.retries)),
        ("services ended by themselves", str(sum(result.restarts.values()))),
        ("messages resent", str(result.resends)),
        ("duplicates ignored", str(result.duplicates)),
        ("longest transfer", f"{longest:.1f} s"),
        ("quiet after the last order", f"{result.quiet_seconds:.1f} s" if result.is_quiet else "never"),
        ("verdict", "[green]nothing lost[/]" if result.is_ok else "[bold red]BROKEN[/]"),
    ]
    for what, value in rows:
        table.add_row(what, value)
    return table
