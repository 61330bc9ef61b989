"""The views of the panel's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.network.health_monitor import PartReport
from lab.network.network import CONSUMER_SUFFIX, KafkaKind, Network, RunningBank
from lab.network.supervisor import PartKind
from pix.web.languages import Language, translate
from pix.web.marks import translatable
from pix.web.palette import derive_palette

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
"""Of audits and scenarios; their last word is the unit."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of a part: a bank's code in its colour, or an icon."""

    code: str = ""
    fill: str = ""
    on_fill: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class PartView:
    title: str
    mark: Mark
    report: PartReport


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
    """The suffix of a hub's title, where there are several."""
    rest = name.removeprefix("hub").removeprefix("-")
    return f"({translate(language, 'consumer')})" if f"-{rest}" == CONSUMER_SUFFIX else rest


def _mark(network: Network, report: PartReport) -> Mark:
    icons = {PartKind.HUB: "gauge", PartKind.DATABASE: "book", PartKind.BROKER: "letter"}
    if report.kind is not PartKind.BANK:
        return Mark(icon=icons[report.kind])
    bank = _bank_of(network, report)
    return bank_mark(bank.code, bank.spec.color)


def bank_mark(code: str, color: str) -> Mark:
    palette = derive_palette(color, "light")
    return Mark(code, palette["brand"], palette["on-brand"])


def _bank_of(network: Network, report: PartReport) -> RunningBank:
    banks = (*network.banks, *network.course_banks)
    return next(bank for bank in banks if report.name in [service.name for service in bank.services])
