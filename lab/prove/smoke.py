"""`codepix smoke`: a fresh network, payments and returns that must complete or fail, forgeries, and the audit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Key, Population
from lab.drive.forgeries import Forger, Participant, Verdict, send_forgeries
from lab.drive.payments import (
    AMOUNT_CENTAVOS_MAX,
    Payment,
    PaymentDriver,
    SentPayment,
    good_payments,
    payment,
    read_outcomes,
)
from lab.drive.returns import ReturnOutcomes, read_return_outcomes
from lab.network.network import KafkaKind, Network, NetworkSettings, bank_specs, network_folder
from lab.network.run import open_run
from lab.prove.smoke_returns import SmokeReturns
from lab.read.audit import AuditReport
from lab.read.report import audit_document, percentile
from lab.read.rest import BankRest
from lab.read.snapshot import NetworkReader
from pix.scheme.money import AMOUNT_CENTAVOS_MAX as SCHEME_AMOUNT_CENTAVOS_MAX

SETTLEMENT_FUNDS_CENTAVOS: Final = 1_000_000_00
"""Less than the richest customers have, so that a bank can run out of it."""
FAILING_SHARE: Final = 4
"""One in this many payments must fail."""
FINAL_SECONDS_MAX: Final = 60.0
AUDIT_SECONDS_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class SmokeOptions:
    transfers: int = 60
    banks: int = 3
    kafka: KafkaKind = KafkaKind.EMBEDDED
    seed: int = 1
    keep: Path | None = None
    """Where the network's data and logs stay; None: nowhere."""


@dataclass(frozen=True, slots=True)
class SmokeResult:
    options: SmokeOptions
    expected: Mapping[str, int]
    """The number of payments by expected outcome."""
    seen: Mapping[str, int]
    unexpected: Sequence[str]
    returns_expected: Mapping[str, int]
    """The number of returns by expected outcome."""
    returns: ReturnOutcomes
    forgeries: Sequence[Verdict]
    report: AuditReport
    is_quiet: bool
    milliseconds: Sequence[int]
    network_up_seconds: float
    seconds: float

    @property
    def is_ok(self) -> bool:
        return (
            self.is_quiet
            and self.expected == self.seen
            and not self.unexpected
            and self.returns_expected == self.returns.by_outcome
            and not self.returns.unexpected
            and all(verdict.is_ok for verdict in self.forgeries)
            and self.report.is_final
        )


def smoke(options: SmokeOptions, progress: Callable[[str], None]) -> SmokeResult:
    """Starts a network in a temporary folder, tries it, and stops it."""
    started = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        banks = [
            replace(spec, settlement_funds_centavos=SETTLEMENT_FUNDS_CENTAVOS) for spec in bank_specs(options.banks)
        ]
        settings = NetworkSettings(folder=folder, banks=banks, kafka=options.kafka, virtual_clock=True)
        run = stack.enter_context(open_run(settings, progress))
        network_up_seconds = time.monotonic() - started
        network, reader, rest = run.network, run.reader, run.rest
        random = Random(options.seed)

        progress(f"Paying {options.transfers} times")
        population = Population.of(rest)
        first, then = plan(population, options.transfers, random)
        driver = PaymentDriver(rest)
        run.afterwards.callback(driver.close)
        sent = [*driver.send_all(first), *driver.send_all(then)]
        progress("Waiting until every transfer is final")
        is_quiet = reader.wait_for_quiet(FINAL_SECONDS_MAX)

        progress("Returning payments between every pair of banks")
        returns = SmokeReturns(rest, reader.hub, population)
        run.afterwards.callback(returns.close)
        returns.send(sent)

        progress("Sending forgeries")
        forgeries = send_forgeries(network.broker.bootstrap_servers, _forger(network, reader, rest, random).all())
        progress("Turning the clock by 91 days, and returning too late")
        returns.send_too_late()
        is_quiet = reader.wait_for_quiet(FINAL_SECONDS_MAX) and is_quiet
        progress("Auditing")
        report = reader.audit(AUDIT_SECONDS_MAX)
        outcomes = read_outcomes(reader.hub, sent)
        return SmokeResult(
            options=options,
            expected=dict(Counter(each.payment.expected for each in sent)),
            seen=outcomes.by_outcome,
            unexpected=[*outcomes.unexpected, *_wrongly_taken(sent)],
            returns_expected=dict(Counter(each.order.expected for each in returns.sent)),
            returns=read_return_outcomes(reader.hub, returns.sent),
            forgeries=forgeries,
            report=report,
            is_quiet=is_quiet,
            milliseconds=outcomes.milliseconds,
            network_up_seconds=network_up_seconds,
            seconds=time.monotonic() - started,
        )


def plan(population: Population, count: int, random: Random) -> tuple[list[Payment], list[Payment]]:
    """The payments, and those that are to be sent once the others are: a quarter must fail, each kind in turn."""
    failing_count = min(max(count // FAILING_SHARE, len(FAILURES)), count // 2)
    good = good_payments(population, count - failing_count, random, "good")
    failing = [
        _failing(FAILURES[number % len(FAILURES)], population, good, random, f"bad-{number}")
        for number in range(failing_count)
    ]
    # A key that comes again for another content makes a conflict only behind the payment that it belongs to.
    then = [each for each in failing if each.expected == "idempotency-conflict"]
    first = good + [each for each in failing if each.expected != "idempotency-conflict"]
    random.shuffle(first)
    return first, then


def _failing(kind: str, population: Population, good: Sequence[Payment], random: Random, name: str) -> Payment:
    """A payment that must fail; `kind` is one of `FAILURES`, `name` the idempotency key."""
    payer, payee = _two(population, random)
    rich, other = population.rich(payer), population.rich(payee)
    match kind:
        case "AC03":
            return payment(rich, Key("EMAIL", f"{name}@unknown.example"), 10_00, name, kind)
        case "AC06":
            return payment(rich, population.blocked(payee), 11_00, name, kind)
        case "AC07":
            return payment(rich, population.closed(payee), 12_00, name, kind)
        case "AM04":
            # More than the bank can have, whatever the other payments bring to it.
            amount = SETTLEMENT_FUNDS_CENTAVOS + (len(good) + 1) * AMOUNT_CENTAVOS_MAX
            return payment(rich, other, amount, name, kind)
        case "insufficient-balance":
            return payment(population.broke(payer), other, 1_00, name, kind)
        case "payer-is-payee":
            return payment(rich, rich, 13_00, name, kind)
        case "idempotency-conflict":
            earlier = random.choice(good)
            return replace(earlier, amount_centavos=earlier.amount_centavos + 1, expected=kind)
        case _:
            return payment(rich, other, WRONG_AMOUNTS_CENTAVOS[kind], name, "amount_centavos")


WRONG_AMOUNTS_CENTAVOS: Final = {"nothing": 0, "less than nothing": -5_00, "too much": SCHEME_AMOUNT_CENTAVOS_MAX + 1}
FAILURES: Final = (
    "AC03",
    "AC06",
    "AC07",
    "AM04",
    "insufficient-balance",
    "payer-is-payee",
    *WRONG_AMOUNTS_CENTAVOS,
    "idempotency-conflict",
)


def _two(population: Population, random: Random) -> tuple[str, str]:
    codes = population.codes
    if len(codes) == 1:
        return codes[0], codes[0]
    payer, payee = random.sample(codes, 2)
    return payer, payee


def _wrongly_taken(sent: Sequence[SentPayment]) -> list[str]:
    """Payments that made a transfer though the bank should have refused them, as far as the ids show it."""
    times = Counter(each.end_to_end_id for each in sent if each.end_to_end_id is not None)
    return [f"{end_to_end_id}: answers {count} orders" for end_to_end_id, count in times.items() if count > 1]


def _forger(network: Network, reader: NetworkReader, rest: Mapping[str, BankRest], random: Random) -> Forger:
    """Makes forgeries after a completed transfer within the first bank, of which another bank is no part."""
    payer = network.banks[0]
    stranger = network.banks[-1]
    rows = {row["end_to_end_id"]: row for row in reader.hub.transfers(bank=payer.ispb, status="completed")}
    row = next(
        row for row in rows.values() if row["payer"]["ispb"] == payer.ispb and row["payee"]["ispb"] == payer.ispb
    )
    participants = [Participant(bank.code, bank.ispb, bank.secret, rest[bank.code]) for bank in (payer, stranger)]
    return Forger(reader.hub, participants[0], participants[1], row, random)


def smoke_document(result: SmokeResult) -> dict[str, Any]:
    return {
        "ok": result.is_ok,
        "kafka": result.options.kafka.value,
        "banks": result.options.banks,
        "seed": result.options.seed,
        "transfers": {
            "requested": result.options.transfers,
            "completed": result.seen.get("completed", 0),
            "failed_or_refused": sum(result.seen.values()) - result.seen.get("completed", 0),
            "final": result.is_quiet and not result.report.in_flight,
        },
        "outcomes": _compared(result.expected, result.seen),
        "unexpected": list(result.unexpected),
        "returns": {
            "requested": sum(result.returns_expected.values()),
            "completed": result.returns.by_outcome.get("completed", 0),
            "failed_or_refused": sum(result.returns.by_outcome.values())
            - result.returns.by_outcome.get("completed", 0),
            "returned_centavos": result.returns.returned_centavos,
            "outcomes": _compared(result.returns_expected, result.returns.by_outcome),
            "unexpected": list(result.returns.unexpected),
        },
        "forgeries": {
            verdict.name: {"expected": verdict.expected, "ok": verdict.is_ok} for verdict in result.forgeries
        },
        "audit": audit_document(result.report),
        "seconds": round(result.seconds, 2),
        "network_up_seconds": round(result.network_up_seconds, 2),
        "latency_ms": {"p50": percentile(result.milliseconds, 50), "p99": percentile(result.milliseconds, 99)},
    }


def _compared(expected: Mapping[str, int], seen: Mapping[str, int]) -> dict[str, dict[str, int]]:
    names = sorted({*expected, *seen})
    return {name: {"expected": expected.get(name, 0), "seen": seen.get(name, 0)} for name in names}


def smoke_table(result: SmokeResult) -> Table:
    title = f"{result.options.transfers} payments between {result.options.banks} banks, Kafka: {result.options.kafka}"
    table = Table("outcome", "expected", "seen", "verdict", title=title, title_justify="left")
    _add_outcomes(table, "", result.expected, result.seen)
    table.add_section()
    _add_outcomes(table, "return ", result.returns_expected, result.returns.by_outcome)
    table.add_section()
    for verdict in result.forgeries:
        table.add_row(verdict.name, verdict.expected, "yes" if verdict.is_ok else "no", _verdict(verdict.is_ok))
    return table


def _add_outcomes(table: Table, prefix: str, expected: Mapping[str, int], seen: Mapping[str, int]) -> None:
    for name in sorted({*expected, *seen}, key=lambda name: (name != "completed", name)):
        counts = (expected.get(name, 0), seen.get(name, 0))
        table.add_row(f"{prefix}{name}", *map(str, counts), _verdict(counts[0] == counts[1]))


def _verdict(is_ok: bool) -> str:
    return "[green]ok[/]" if is_ok else "[bold red]WRONG[/]"
