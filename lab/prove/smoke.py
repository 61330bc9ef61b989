"""`codepix smoke`: a fresh network, payments that must complete, payments that must fail, forgeries, and the audit."""

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
    Outcomes,
    Payment,
    PaymentDriver,
    SentPayment,
    good_payments,
    payment,
    read_outcomes,
)
from lab.network.network import KafkaKind, Network, NetworkSettings, bank_specs, network_folder
from lab.network.run import open_run
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
    forgeries: Sequence[Verdict]
    report: AuditReport
    is_quiet: bool
    milliseconds: Sequence[int]
    network_up_seconds: float
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether everything came as it must."""
        return (
            self.is_quiet
            and self.expected == self.seen
            and not self.unexpected
            and all(verdict.is_ok for verdict in self.forgeries)
            and self.report.is_ok
            and not self.report.in_flight
            and not self.report.moving
        )


def smoke(options: SmokeOptions, progress: Callable[[str], None]) -> SmokeResult:
    """Starts a network in a temporary folder, tries it, and stops it."""
    started = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        banks = [
            replace(spec, settlement_funds_centavos=SETTLEMENT_FUNDS_CENTAVOS) for spec in bank_specs(options.banks)
        ]
        run = stack.enter_context(open_run(NetworkSettings(folder=folder, banks=banks, kafka=options.kafka), progress))
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

        progress("Sending forgeries")
        forgeries = send_forgeries(network.broker.bootstrap_servers, _forger(network, reader, rest, random).all())
        progress("Auditing")
        report = reader.audit(AUDIT_SECONDS_MAX)
        outcomes = read_outcomes(reader.hub, sent)
        return SmokeResult(
            options=options,
            expected=dict(Counter(each.payment.expected for each in sent)),
            seen=_seen(outcomes, sent),
            unexpected=[*outcomes.unexpected, *_wrongly_taken(sent), *_wrongly_refused(sent)],
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
        FAILURES[number % len(FAILURES)](population, good, random, f"bad-{number}") for number in range(failing_count)
    ]
    # A key that comes again for another content makes a conflict only behind the payment that it belongs to.
    then = [each for each in failing if each.expected == "idempotency-conflict"]
    first = good + [each for each in failing if each.expected != "idempotency-conflict"]
    random.shuffle(first)
    return first, then


Failure = Callable[[Population, Sequence[Payment], Random, str], Payment]
"""Makes one payment that must fail: from who there is, the good payments, chance, and the idempotency key."""


def _unknown_key(population: Population, _good: Sequence[Payment], random: Random, name: str) -> Payment:
    payer = population.rich(random.choice(population.codes))
    return payment(payer, Key("EMAIL", f"{name}@unknown.example"), 10_00, name, "AC03")


def _blocked_payee(population: Population, _good: Sequence[Payment], random: Random, name: str) -> Payment:
    payer, payee = _two(population, random)
    return payment(population.rich(payer), population.blocked(payee), 11_00, name, "AC06")


def _closed_payee(population: Population, _good: Sequence[Payment], random: Random, name: str) -> Payment:
    payer, payee = _two(population, random)
    return payment(population.rich(payer), population.closed(payee), 12_00, name, "AC07")


def _no_settlement_funds(population: Population, good: Sequence[Payment], random: Random, name: str) -> Payment:
    payer, payee = _two(population, random)
    # More than the bank can have, whatever the other payments bring to it.
    amount = SETTLEMENT_FUNDS_CENTAVOS + (len(good) + 1) * AMOUNT_CENTAVOS_MAX
    return payment(population.rich(payer), population.rich(payee), amount, name, "AM04")


def _insufficient_balance(population: Population, _good: Sequence[Payment], random: Random, name: str) -> Payment:
    payer, payee = _two(population, random)
    return payment(population.broke(payer), population.rich(payee), 1_00, name, "insufficient-balance")


def _payer_is_payee(population: Population, _good: Sequence[Payment], random: Random, name: str) -> Payment:
    customer = population.rich(random.choice(population.codes))
    return payment(customer, customer, 13_00, name, "payer-is-payee")


def _amount(amount_centavos: int) -> Failure:
    def make(population: Population, _good: Sequence[Payment], random: Random, name: str) -> Payment:
        payer, payee = _two(population, random)
        return payment(population.rich(payer), population.rich(payee), amount_centavos, name, "amount_centavos")

    return make


def _idempotency_conflict(_population: Population, good: Sequence[Payment], random: Random, _name: str) -> Payment:
    earlier = random.choice(good)
    return replace(earlier, amount_centavos=earlier.amount_centavos + 1, expected="idempotency-conflict")


FAILURES: Final[tuple[Failure, ...]] = (
    _unknown_key,
    _blocked_payee,
    _closed_payee,
    _no_settlement_funds,
    _insufficient_balance,
    _payer_is_payee,
    _amount(0),
    _amount(-5_00),
    _amount(SCHEME_AMOUNT_CENTAVOS_MAX + 1),
    _idempotency_conflict,
)


def _two(population: Population, random: Random) -> tuple[str, str]:
    """Two banks, another one if there is another one."""
    codes = population.codes
    if len(codes) == 1:
        return codes[0], codes[0]
    payer, payee = random.sample(codes, 2)
    return payer, payee


def _seen(outcomes: Outcomes, sent: Sequence[SentPayment]) -> dict[str, int]:
    refusals = Counter(each.refusal for each in sent if each.refusal is not None)
    return dict(Counter(outcomes.by_outcome) + refusals)


def _wrongly_taken(sent: Sequence[SentPayment]) -> list[str]:
    """Payments that made a transfer though the bank should have refused them, as far as the ids show it."""
    times = Counter(each.end_to_end_id for each in sent if each.end_to_end_id is not None)
    return [f"{end_to_end_id}: answers {count} orders" for end_to_end_id, count in times.items() if count > 1]


def _wrongly_refused(sent: Sequence[SentPayment]) -> list[str]:
    return [
        f"{each.payment.idempotency_key}: {each.refused} instead of {each.payment.expected}"
        for each in sent
        if each.refusal is not None and each.refusal != each.payment.expected
    ]


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
        "outcomes": {
            name: {"expected": result.expected.get(name, 0), "seen": result.seen.get(name, 0)}
            for name in sorted({*result.expected, *result.seen})
        },
        "unexpected": list(result.unexpected),
        "forgeries": {
            verdict.name: {"expected": verdict.expected, "ok": verdict.is_ok} for verdict in result.forgeries
        },
        "audit": audit_document(result.report),
        "seconds": round(result.seconds, 2),
        "network_up_seconds": round(result.network_up_seconds, 2),
        "latency_ms": {"p50": percentile(result.milliseconds, 50), "p99": percentile(result.milliseconds, 99)},
    }


def smoke_table(result: SmokeResult) -> Table:
    title = f"{result.options.transfers} payments between {result.options.banks} banks, Kafka: {result.options.kafka}"
    table = Table("outcome", "expected", "seen", "verdict", title=title, title_justify="left")
    for name in sorted({*result.expected, *result.seen}, key=lambda name: (name != "completed", name)):
        expected, seen = result.expected.get(name, 0), result.seen.get(name, 0)
        table.add_row(name, str(expected), str(seen), _verdict(expected == seen))
    table.add_section()
    for verdict in result.forgeries:
        table.add_row(verdict.name, verdict.expected, "yes" if verdict.is_ok else "no", _verdict(verdict.is_ok))
    return table


def _verdict(is_ok: bool) -> str:
    return "[green]ok[/]" if is_ok else "[bold red]WRONG[/]"
