"""A bank is away while payments to it pile up, and comes back: how long until all are complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Population
from lab.drive.payments import (
    AMOUNT_CENTAVOS_MAX,
    AMOUNT_CENTAVOS_MIN,
    PaymentDriver,
    payment,
    read_outcomes,
)
from lab.network.network import KafkaKind, NetworkSettings, bank_specs, network_folder
from lab.network.parts.process import is_true_within
from lab.network.run import open_run
from lab.read.audit import AuditReport
from lab.read.report import audit_document

BANKS: Final = 3
SENDERS: Final = 8
COMPLETE_SECONDS_GOAL: Final = 15.0
COMPLETE_SECONDS_MAX: Final = 120.0
ARRIVE_SECONDS_MAX: Final = 60.0
QUIET_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class OutageOptions:
    transfers: int = 500
    kafka: KafkaKind = KafkaKind.EMBEDDED
    hubs: int = 1
    seed: int = 1
    keep: Path | None = None
    """Where the network's data and logs stay; None: nowhere."""


@dataclass(frozen=True, slots=True)
class OutageResult:
    options: OutageOptions
    bank: str
    away_seconds: float
    complete_seconds: float
    """From the start of the bank's process until the hub had closed every transfer."""
    ready_seconds: float
    """From the same moment until the bank said that it was ready."""
    outcomes: Mapping[str, int]
    report: AuditReport

    @property
    def is_ok(self) -> bool:
        """Whether all completed within the goal, and every invariant holds."""
        return (
            self.outcomes == {"completed": self.options.transfers}
            and self.complete_seconds <= COMPLETE_SECONDS_GOAL
            and self.report.is_ok
            and not self.report.in_flight
        )


def measure_outage(options: OutageOptions, progress: Callable[[str], None]) -> OutageResult:
    """Starts a network, stops its last bank, pays it, starts it again, and measures."""
    random = Random(options.seed)
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        settings = NetworkSettings(folder=folder, banks=bank_specs(BANKS), kafka=options.kafka, hubs=options.hubs)
        run = stack.enter_context(open_run(settings, progress))
        reader = run.reader
        population = Population.of(run.rest)
        *payers, parked = run.network.banks
        payments = [
            payment(
                population.rich(payers[number % len(payers)].code),
                random.choice(population.friends(parked.code)),
                random.randint(AMOUNT_CENTAVOS_MIN, AMOUNT_CENTAVOS_MAX),
                f"parked-{number}",
            )
            for number in range(options.transfers)
        ]
        progress(f"Stopping bank {parked.code}, and sending it {options.transfers} payments")
        parked.service.stop()
        stopped = time.monotonic()
        driver = PaymentDriver(run.rest, senders=SENDERS)
        run.afterwards.callback(driver.close)
        sent = driver.send_all(payments)

        def counted(status: str) -> bool:
            return bool(reader.hub.get("/transfers/counts")[status] == options.transfers)

        is_true_within(ARRIVE_SECONDS_MAX, lambda: counted("pending"))
        progress(f"Starting bank {parked.code} again")
        back = time.monotonic()
        parked.service.start()
        ready_seconds = time.monotonic() - back
        is_true_within(COMPLETE_SECONDS_MAX, lambda: counted("completed"))
        complete_seconds = time.monotonic() - back
        progress("Auditing")
        reader.wait_for_quiet(QUIET_SECONDS_MAX)
        return OutageResult(
            options=options,
            bank=parked.code,
            away_seconds=back - stopped,
            complete_seconds=complete_seconds,
            ready_seconds=ready_seconds,
            outcomes=read_outcomes(reader.hub, sent).by_outcome,
            report=reader.audit(QUIET_SECONDS_MAX),
        )


def outage_document(result: OutageResult) -> dict[str, Any]:
    return {
        "ok": result.is_ok,
        "transfers": result.options.transfers,
        "kafka": result.options.kafka.value,
        "bank": result.bank,
        "away_seconds": round(result.away_seconds, 2),
        "ready_seconds": round(result.ready_seconds, 2),
        "complete_seconds": round(result.complete_seconds, 2),
        "complete_seconds_goal": COMPLETE_SECONDS_GOAL,
        "outcomes": dict(result.outcomes),
        "audit": audit_document(result.report),
    }


def outage_table(result: OutageResult) -> Table:
    table = Table("what", "found", title=f"Bank {result.bank} was away", title_justify="left")
    table.add_row("payments sent to it meanwhile", str(result.options.transfers))
    table.add_row("away", f"{result.away_seconds:.1f} s")
    table.add_row("ready after its start", f"{result.ready_seconds:.1f} s")
    table.add_row("all complete after its start", f"{result.complete_seconds:.1f} s (goal {COMPLETE_SECONDS_GOAL:g} s)")
    for outcome, count in sorted(result.outcomes.items()):
        table.add_row(f"transfers {outcome}", str(count))
    table.add_row("verdict", "[green]nothing lost[/]" if result.is_ok else "[bold red]BROKEN[/]")
    return table
