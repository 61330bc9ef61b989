"""What the panel's pages show, ready for the templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.network.conditions import PartReport
from lab.network.network import CONSUMER_SUFFIX, KafkaKind, Network, RunningBank
from lab.network.supervisor import PartKind
from lab.panel.programme import Act
from lab.prove.scenarios.script import Step
from lab.read.audit import AuditReport, Finding
from pix.web.formats import seconds_between
from pix.web.languages import Language, translate, translate_rule
from pix.web.marks import translatable
from pix.web.palette import derive_palette

CENTAVOS: Final = "_centavos"
MILLISECONDS: Final = "_ms"

NUMBER_NAMES: Final[Mapping[str, str]] = {
    "customers_centavos": translatable("customers' money"),
    "clearing_centavos": translatable("in clearing"),
    "between_banks_centavos": translatable("in transit between banks"),
    "put_in_centavos": translatable("deposits"),
    "difference_centavos": translatable("difference"),
    "transfers": translatable("transfers"),
    "at_hub": translatable("at the hub"),
    "at_payers_banks": translatable("at payers' banks"),
    "at_payees_banks": translatable("at payees' banks"),
    "disagreeing": translatable("in disagreement"),
    "at_hub_centavos": translatable("at the hub"),
    "in_banks_books_centavos": translatable("in the banks' books"),
    "funded_centavos": translatable("funded"),
    "reserved_centavos": translatable("reserved"),
    "pending_centavos": translatable("pending"),
    "negative": translatable("below zero"),
    "banks": translatable("banks"),
    "postings": translatable("postings"),
    "unbalanced": translatable("unbalanced"),
    "misposted": translatable("with wrong postings"),
    "payments": translatable("payments"),
    "payments_completed": translatable("completed"),
    "payments_AB03": translatable("failed with AB03"),
    "payments_AM04": translatable("failed with AM04"),
    "duplicates_ignored": translatable("duplicates ignored by the hub"),
    "longest_ms": translatable("longest"),
    "customers_asked_again": translatable("customer retries"),
    "waited_for_the_bank": translatable("awaited the bank"),
    "taken_while_the_hub_was_dead": translatable("accepted while the hub was down"),
    "answered_before": translatable("answered before"),
    "late_answers_refused": translatable("late answers ignored"),
    "records": translatable("different records"),
    "repeated": translatable("records repeated"),
}
"""What the numbers of audits and scenarios are called."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands for a part: a bank's code in its colour, or a picture."""

    code: str = ""
    fill: str = ""
    on_fill: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class PartView:
    """A part as a line of the list."""

    title: str
    mark: Mark
    report: PartReport


@dataclass(frozen=True, slots=True)
class NumberView:
    """A number with its name; money is in centavos, and a time is a text."""

    name: str
    value: int | str
    is_money: bool


@dataclass(frozen=True, slots=True)
class FindingView:
    """An invariant with its numbers."""

    finding: Finding
    sentence: str
    numbers: Sequence[NumberView]


@dataclass(frozen=True, slots=True)
class StepView:
    """A step in the visitor's language."""

    at_seconds: float
    sentence: str


def part_views(network: Network, reports: Sequence[PartReport], language: Language) -> list[PartView]:
    """Every part, the hub first, for that is how people think of it."""
    order = (PartKind.HUB, PartKind.BANK, PartKind.BROKER, PartKind.DATABASE)
    ranked = sorted(reports, key=lambda report: order.index(report.kind))
    return [PartView(_title(network, report, language), _mark(network, report), report) for report in ranked]


def _title(network: Network, report: PartReport, language: Language) -> str:
    match report.kind:
        case PartKind.BANK:
            name = _bank_of(network, report).spec.name
            return f"{name}: {translate(language, 'consumer')}" if report.name.endswith(CONSUMER_SUFFIX) else name
        case PartKind.HUB:
            return f"{translate(language, 'Hub')} {_number_of_hub(report.name, language)}".strip()
        case PartKind.DATABASE:
            return "PostgreSQL"
        case PartKind.BROKER:
            is_apache = network.settings.kafka is KafkaKind.APACHE
            return "Apache Kafka" if is_apache else translate(language, "Embedded Kafka broker")


def _number_of_hub(name: str, language: Language) -> str:
    """What tells hubs apart, where there are several of them."""
    rest = name.removeprefix("hub").removeprefix("-")
    return f"({translate(language, 'consumer')})" if f"-{rest}" == CONSUMER_SUFFIX else rest


def _mark(network: Network, report: PartReport) -> Mark:
    icons = {PartKind.HUB: "gauge", PartKind.DATABASE: "book", PartKind.BROKER: "letter"}
    if report.kind is not PartKind.BANK:
        return Mark(icon=icons[report.kind])
    bank = _bank_of(network, report)
    return bank_mark(bank.code, bank.spec.color)


def bank_mark(code: str, color: str) -> Mark:
    """A bank's, in its own colour."""
    palette = derive_palette(color, "light")
    return Mark(code, palette["brand"], palette["on-brand"])


def _bank_of(network: Network, report: PartReport) -> RunningBank:
    return next(bank for bank in network.banks if report.name in [service.name for service in bank.services])


def step_views(steps: Sequence[Step], language: Language) -> list[StepView]:
    """Each sentence in the visitor's language, with its values."""
    return [StepView(step.at_seconds, translate(language, step.text).format(*step.values)) for step in steps]


def number_views(numbers: Mapping[str, int], language: Language) -> list[NumberView]:
    """Each number with its name."""
    return [
        NumberView(
            translate(language, NUMBER_NAMES.get(name, name.replace("_", " "))),
            seconds_between(0, value, language) if name.endswith(MILLISECONDS) else value,
            name.endswith(CENTAVOS),
        )
        for name, value in numbers.items()
    ]


def finding_views(report: AuditReport, language: Language) -> list[FindingView]:
    """Each invariant of the audit."""
    return [
        FindingView(finding, translate(language, finding.sentence), number_views(finding.numbers, language))
        for finding in report.findings
    ]


def failure_sentences(act: Act, language: Language) -> list[str]:
    """What was otherwise than it must be."""
    return [translate_rule(language, failure) for failure in act.failures]
