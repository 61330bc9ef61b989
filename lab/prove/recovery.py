"""A part is killed, stays away while payments wait for it, and comes back: how long until every payment is final."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Population
from lab.drive.payments import (
    AMOUNT_CENTAVOS_MAX,
    AMOUNT_CENTAVOS_MIN,
    Payment,
    PaymentDriver,
    payment,
)
from lab.network.network import (
    HUB_DATABASE,
    KafkaKind,
    Network,
    NetworkSettings,
    bank_specs,
    database_of,
    network_folder,
)
from lab.network.parts.errors import PartError
from lab.network.parts.process import ChildPart, is_true_within
from lab.network.run import Run, open_run
from lab.read.audit import AuditReport
from lab.read.report import audit_document
from lab.read.rest import Refused, Unreachable

BANKS: Final = 2
SENDERS: Final = 8
PAYMENTS_BEFORE: Final = 24
"""Payments that are open when the part is killed."""
PAYMENTS_MEANWHILE: Final = 12
"""Payments that customers try to make while it is away; a bank that cannot take one refuses it."""
ANSWER_DELAY_MS: Final = 3_000
"""The payee's bank holds the answers to these back for so long, so that they are open when the part is killed."""
OPEN_SECONDS_MAX: Final = 30.0
FINAL_SECONDS_GOAL: Final = 5.0
FINAL_SECONDS_MAX: Final = 120.0
FINAL_POLL_SECONDS: Final = 0.1
QUIET_SECONDS_MAX: Final = 60.0


class Part(StrEnum):
    """What is taken away."""

    BROKER = "broker"
    DATABASE = "database"
    """The PostgreSQL server with the databases of all participants."""
    HUB_DATABASE = "hub-database"
    """The hub's database alone: the server ends its connections, and takes none."""
    BANK_DATABASE = "bank-database"
    """The same of the payee's bank."""
    HUB = "hub"
    PAYERS_BANK = "payers-bank"
    PAYEES_BANK = "payees-bank"


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    parts: Sequence[Part]
    times: int = 1
    away_seconds: float = 20.0
    kafka: KafkaKind = KafkaKind.APACHE
    resend_first_seconds: float = 5.0
    resend_cap_seconds: float = 60.0
    """Both as in a network of production, where they are longest."""
    seed: int = 1
    keep: Path | None = None
    """Where the network's data and logs stay; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One outage."""

    part: Part
    waiting: int
    """Payments that waited when the part was ready again."""
    ready_seconds: float
    """From the start of the part until it said that it was ready."""
    final_seconds: float | None
    """From then until every payment was final at the hub and at both banks; None: it took too long."""


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    options: RecoveryOptions
    recoveries: Sequence[Recovery]
    report: AuditReport

    def of(self, part: Part) -> list[Recovery]:
        return [recovery for recovery in self.recoveries if recovery.part is part]

    @property
    def is_ok(self) -> bool:
        """Whether all was final within the goal each time, and every invariant holds."""
        in_time = (
            each.final_seconds is not None and each.final_seconds <= FINAL_SECONDS_GOAL for each in self.recoveries
        )
        return all(in_time) and self.report.is_final


def measure_recovery(options: RecoveryOptions, progress: Callable[[str], None]) -> RecoveryResult:
    """Starts a network of two banks, takes each part away as often as asked for, and measures.

    Raises `PartError` for the embedded broker, whose address changes with each start.
    """
    if options.kafka is KafkaKind.EMBEDDED and Part.BROKER in options.parts:
        raise PartError("The embedded broker comes back at another address; use Apache Kafka.")
    with network_folder(options.keep) as folder:
        settings = NetworkSettings(
            folder=folder,
            banks=bank_specs(BANKS),
            kafka=options.kafka,
            resend_first_seconds=options.resend_first_seconds,
            resend_cap_seconds=options.resend_cap_seconds,
        )
        with open_run(settings, progress) as run:
            outages = _Outages(run, options, progress)
            recoveries = [outages.measure(part, turn) for turn in range(options.times) for part in options.parts]
            progress("Auditing")
            return RecoveryResult(options, recoveries, run.reader.audit(QUIET_SECONDS_MAX))


class _Outages:
    """One outage after the other, in the same network."""

    def __init__(self, run: Run, options: RecoveryOptions, progress: Callable[[str], None]) -> None:
        self._run = run
        self._options = options
        self._progress = progress
        self._random = Random(options.seed)
        self._payer, self._payee = (bank.code for bank in run.network.banks)
        self._population = Population.of(run.rest)
        self._driver = PaymentDriver(run.rest, senders=SENDERS)
        # A bank that cannot take a payment now need not be asked for it again.
        self._impatient = PaymentDriver(run.rest, retry_seconds_max=0.0)
        for driver in (self._driver, self._impatient):
            run.afterwards.callback(driver.close)

    def measure(self, part: Part, turn: int) -> Recovery:
        name = f"{part} {turn + 1}"
        self._delay_answers(ANSWER_DELAY_MS)
        sent = self._driver.send_all(self._payments(PAYMENTS_BEFORE, f"{name} before"))
        ids = {each.end_to_end_id for each in sent}
        is_true_within(OPEN_SECONDS_MAX, lambda: ids <= self._open_at_payee())
        self._delay_answers(0)
        self._progress(f"Taking away: {name}, for {self._options.away_seconds:g} seconds")
        ends_at = time.monotonic() + self._options.away_seconds
        with _taken_away(self._run.network, part) as bring_back:
            for each in self._payments(PAYMENTS_MEANWHILE, f"{name} meanwhile"):
                with suppress(Unreachable, Refused):
                    self._impatient.send(each)
                self._impatient.pause(max(0.0, ends_at - time.monotonic()) / PAYMENTS_MEANWHILE)
            self._impatient.pause(max(0.0, ends_at - time.monotonic()))
            ready_seconds = bring_back()
        return self._await_final(part, ready_seconds)

    def _await_final(self, part: Part, ready_seconds: float) -> Recovery:
        ready_at = time.monotonic()
        waiting: list[int] = []

        def is_final() -> bool:
            with suppress(Unreachable):
                under_way = self._run.reader.activity().under_way
                waiting.append(under_way)
                return under_way == 0
            return False

        in_time = is_true_within(FINAL_SECONDS_MAX, is_final, FINAL_POLL_SECONDS)
        final_seconds = time.monotonic() - ready_at if in_time else None
        took = "not within the limit" if final_seconds is None else f"{final_seconds:.1f} s"
        self._progress(f"{part}: ready after {ready_seconds:.1f} s, all final {took} later")
        return Recovery(part, max(waiting, default=0), ready_seconds, final_seconds)

    def _payments(self, count: int, name: str) -> Iterator[Payment]:
        payer, payees = self._population.rich(self._payer), self._population.friends(self._payee)
        for number in range(count):
            amount = self._random.randint(AMOUNT_CENTAVOS_MIN, AMOUNT_CENTAVOS_MAX)
            yield payment(payer, self._random.choice(payees), amount, f"{name} {number}".replace(" ", "-"))

    def _delay_answers(self, delay_ms: int) -> None:
        self._run.rest[self._payee].call("PUT", "/behaviour", json={"answer_delay_ms": delay_ms})

    def _open_at_payee(self) -> set[str]:
        return {row["end_to_end_id"] for row in self._run.rest[self._payee].transfers(undecided=True)}


@contextmanager
def _taken_away(network: Network, part: Part) -> Iterator[Callable[[], float]]:
    """Takes the part away; gives what brings it back and returns the seconds until it was ready."""
    match part:
        case Part.HUB_DATABASE | Part.BANK_DATABASE:
            database = HUB_DATABASE if part is Part.HUB_DATABASE else database_of(network.banks[1].spec)
            network.postgres.close_database(database)

            def bring_back() -> float:
                network.postgres.open_database(database)
                return 0.0

        case _:
            process = _process_of(network, part)
            process.kill()

            def bring_back() -> float:
                began = time.monotonic()
                process.start()
                return time.monotonic() - began

    yield bring_back


def _process_of(network: Network, part: Part) -> ChildPart:
    payer, payee = network.banks
    processes: Mapping[Part, ChildPart] = {
        Part.BROKER: network.broker,
        Part.DATABASE: network.postgres,
        Part.HUB: network.hubs[0],
        Part.PAYERS_BANK: payer.service,
        Part.PAYEES_BANK: payee.service,
    }
    return processes[part]


def recovery_document(result: RecoveryResult) -> dict[str, Any]:
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in result.recoveries:
        parts[each.part.value].append(
            {
                "waiting": each.waiting,
                "ready_seconds": round(each.ready_seconds, 2),
                "final_seconds": None if each.final_seconds is None else round(each.final_seconds, 2),
            }
        )
    return {
        "ok": result.is_ok,
        "kafka": result.options.kafka.value,
        "away_seconds": result.options.away_seconds,
        "final_seconds_goal": FINAL_SECONDS_GOAL,
        "parts": dict(parts),
        "audit": audit_document(result.report),
    }


def recovery_table(result: RecoveryResult) -> Table:
    """For each part how often it was away, and the seconds from its readiness until all was final."""
    title = f"Recovery after {result.options.away_seconds:g} s away, {result.options.kafka.value} broker"
    table = Table("part", "times", "waiting", "median", "longest", title=title, title_justify="left")
    for part in dict.fromkeys(result.options.parts):
        recoveries = result.of(part)
        seconds = [FINAL_SECONDS_MAX if each.final_seconds is None else each.final_seconds for each in recoveries]
        is_slow = max(seconds) > FINAL_SECONDS_GOAL
        longest = f"{max(seconds):.1f} s"
        table.add_row(
            part.value,
            str(len(recoveries)),
            str(max(each.waiting for each in recoveries)),
            f"{median(seconds):.1f} s",
            f"[bold red]{longest}[/]" if is_slow else longest,
        )
    return table
