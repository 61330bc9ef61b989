"""A receipt's content, from which its page, the text to share and its files are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bank_sim.application.returns.queries import ReturnsOfTransfer
from bank_sim.domain.flows.returns.model import Return
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.entrypoints.http.return_view import return_reason_sentence
from pix.scheme.messages import Party
from pix.scheme.postings import Direction
from pix.web.formats import brl, initiation_name, localtime_full, pix_key
from pix.web.languages import Language, translate, translations


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    is_code: bool = False
    """Whether it is compared character by character, so that it needs a type for that."""


@dataclass(frozen=True, slots=True)
class Section:
    """Facts under a title, or a single text under it."""

    title: str
    facts: tuple[Fact, ...] = ()
    text: str = ""
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything in it is in the reader's language."""

    title: str
    amount: str
    decided_at_ms: int
    decided_at: str
    zone: str
    sections: tuple[Section, ...]
    place: str
    """`transfers` or `returns`: the part of an address in front of the row's id."""
    row_id: str
    direction: Direction

    @property
    def back(self) -> str:
        """The address of the page that it is the receipt of."""
        return f"/{self.place}/{self.row_id}?direction={self.direction}"

    def file_url(self, kind: str) -> str:
        """The address of its file of a kind, `pdf` or `png`."""
        return f"/{self.place}/{self.row_id}/receipt.{kind}?direction={self.direction}"

    def lines(self, bank_name: str, language: Language) -> list[str]:
        """A line for each fact, as it is read in a chat."""
        amount, date = translate(language, "Amount"), translate(language, "Date")
        found = [
            f"{self.title} – {bank_name}",
            f"{amount}: {self.amount}",
            f"{date}: {self.decided_at} ({self.zone})",
        ]
        for section in self.sections:
            if section.text:
                found.append(f"{section.title}: {section.text}")
                continue
            found += [section.title] if section.title else []
            found += [f"{fact.name}: {fact.value}" for fact in section.facts]
        return found


def receipt_of_transfer(
    transfer: Transfer,
    payee: Party,
    returns: ReturnsOfTransfer | None,
    bank_name: Callable[[str], str],
    language: Language,
) -> Receipt:
    """Of a confirmed transfer. `payee` is the party that its payer was shown, or the hub has named."""
    say = partial(translate, language)
    to_facts = _facts_of(payee, bank_name(payee.ispb) or transfer.payee_bank_name, language)
    if transfer.payee_key:
        to_facts += (Fact(say("Pix key"), pix_key(transfer.payee_key.key, transfer.payee_key.kind)),)
    how: tuple[Fact, ...] = (Fact(say("Initiation"), initiation_name(transfer.initiation, language)),)
    if transfer.txid:
        how += (Fact("txid", transfer.txid, is_code=True),)
    sections = [
        *_message(transfer.description, language),
        Section(_to(language), to_facts),
        Section(
            _from(language),
            _facts_of(transfer.payer, bank_name(transfer.payer.ispb), language),
        ),
        Section("", how),
    ]
    if returns and returns.returned_centavos:
        told = say("%(returned)s of %(amount)s returned") % {
            "returned": brl(returns.returned_centavos),
            "amount": brl(transfer.amount_centavos),
        }
        sections.append(Section(say("Returns"), text=told))
    sections.append(Section(say("Transaction ID"), text=transfer.end_to_end_id, is_code=True))
    return _receipt(say("Pix receipt"), transfer, "transfers", transfer.end_to_end_id, sections, language)


def receipt_of_return(row: Return, bank_name: Callable[[str], str], language: Language) -> Receipt:
    """Of a confirmed return: the money went from the payee of the original Pix to its payer."""
    say = partial(translate, language)
    sections = [
        Section(say("Reason"), text=return_reason_sentence(row.return_reason, language)),
        *_message(row.description, language),
        Section(
            _to(language),
            _facts_of(row.payer, bank_name(row.payer.ispb), language),
        ),
        Section(
            _from(language),
            _facts_of(row.payee, bank_name(row.payee.ispb), language),
        ),
        Section(say("Return ID"), text=row.return_id, is_code=True),
        Section(say("ID of the original Pix"), text=row.original_end_to_end_id, is_code=True),
    ]
    return _receipt(say("Return receipt"), row, "returns", row.return_id, sections, language)


def _receipt(
    title: str, row: Transfer | Return, place: str, row_id: str, sections: list[Section], language: Language
) -> Receipt:
    assert row.decided_at_ms is not None, "a confirmed row has been decided"
    return Receipt(
        title=title,
        amount=brl(row.amount_centavos),
        decided_at_ms=row.decided_at_ms,
        decided_at=localtime_full(row.decided_at_ms, language),
        zone=translate(language, "Brasília time"),
        sections=tuple(sections),
        place=place,
        row_id=row_id,
        direction=row.direction,
    )


def _message(description: str, language: Language) -> list[Section]:
    return [Section(translate(language, "Message"), text=description)] if description else []


def _to(language: Language) -> str:
    return str(translations(language).pgettext("receipt", "To"))


def _from(language: Language) -> str:
    return str(translations(language).pgettext("receipt", "From"))


def _facts_of(party: Party, bank: str, language: Language) -> tuple[Fact, ...]:
    say = partial(translate, language)
    facts: tuple[Fact, ...] = (
        Fact(say("Name"), party.name),
        Fact(say("CPF or CNPJ"), party.tax_id_masked, is_code=True),
        Fact(say("Bank"), bank),
    )
    if party.account_number:
        facts += (Fact(say("Branch and account"), f"{party.branch} · {party.account_number}"),)
    return facts
