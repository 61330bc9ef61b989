"""Counts the centavos that are wrong at an entrant, by what the hub has decided. Pure arithmetic on plain data.

The hub's decisions are the truth: a bank's customer has paid what was confirmed, and has been paid what was confirmed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pix.web.marks import translatable

CONFIRMED: Final = frozenset({"confirmed", "completed"})
PENDING: Final = "pending"
TIMES: Final = translatable("booked {} times instead of once")


class Wrong(StrEnum):
    LOST = "lost"
    """A customer has less than is theirs."""
    CREATED = "created"
    """A customer has more than is theirs, or the bank has let them spend what they did not have."""
    DOUBLED = "doubled"
    """A payment is booked, or made, more than once."""
    BOOKS = "books"
    """The bank's books disagree with its accounts, with the hub, or with themselves."""


@dataclass(frozen=True, slots=True)
class HubTransfer:
    """A transfer as the hub has it. The accounts are those of the entrant, and None where another bank's are meant."""

    id: str
    status: str
    amount_centavos: int
    payer_account: str | None
    payee_account: str | None


@dataclass(frozen=True, slots=True)
class Posting:
    transfer_id: str
    amount_centavos: int
    """Positive: the customer has more."""


@dataclass(frozen=True, slots=True)
class Account:
    number: str
    opening_centavos: int
    balance_centavos: int
    postings: Sequence[Posting] | None = None
    """None: the bank does not tell them, and only the balance is judged."""


@dataclass(frozen=True, slots=True)
class Books:
    customers_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    equity_centavos: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read once the payments were over."""

    accounts: Sequence[Account]
    transfers: Sequence[HubTransfer]
    """Those of the hub in which the entrant takes part."""
    settlement_change_centavos: int
    """Of the entrant's settlement account at the hub, since `books_before` were read."""
    books: Books | None = None
    books_before: Books | None = None
    """Before the first payment. Only the change of the settlement account is judged, as the contract has it."""
    other_balances_centavos: int = 0
    """Of accounts that the league did not open."""


@dataclass(frozen=True, slots=True)
class Finding:
    wrong: Wrong
    centavos: int
    """Above 0."""
    account: str
    """Empty for the whole bank."""
    transfer_id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    findings: Sequence[Finding] = field(default_factory=tuple)

    @property
    def centavos_wrong(self) -> int:
        return sum(finding.centavos for finding in self.findings)

    def centavos(self, wrong: Wrong) -> int:
        return sum(finding.centavos for finding in self.findings if finding.wrong is wrong)


def judge(evidence: Evidence) -> Judgement:
    """All centavos that are wrong, each counted once."""
    effects = _effects_due(evidence.transfers)
    findings: list[Finding] = []
    for account in evidence.accounts:
        findings += _judge_account(account, effects.get(account.number, {}))
    findings += _judge_repetitions(evidence.transfers)
    findings += _judge_books(evidence, sum(finding.centavos for finding in findings))
    return Judgement(findings)


def _effects_due(transfers: Sequence[HubTransfer]) -> Mapping[str, Mapping[str, int]]:
    """By account and transfer, what the customer must have more (or less) of."""
    effects: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for transfer in transfers:
        is_confirmed = transfer.status in CONFIRMED
        if transfer.payer_account is not None:
            # While the hub has not decided, the bank holds its customer's money.
            holds = is_confirmed or transfer.status == PENDING
            effects[transfer.payer_account][transfer.id] -= transfer.amount_centavos if holds else 0
        if transfer.payee_account is not None:
            effects[transfer.payee_account][transfer.id] += transfer.amount_centavos if is_confirmed else 0
    return effects


def _judge_account(account: Account, due: Mapping[str, int]) -> list[Finding]:
    findings = []
    explained = account.opening_centavos
    if account.postings is None:
        explained += sum(due.values())
        rest = translatable("the balance is not what the opening deposit and the hub's decisions make")
    else:
        booked: defaultdict[str, int] = defaultdict(int)
        for posting in account.postings:
            if posting.transfer_id:
                booked[posting.transfer_id] += posting.amount_centavos
        for transfer_id in sorted(due.keys() | booked.keys()):
            is_known = transfer_id in due
            finding = _judge_effect(
                account.number, transfer_id, due.get(transfer_id, 0), booked[transfer_id], is_known=is_known
            )
            findings += [] if finding is None else [finding]
        explained += sum(booked.values())
        rest = translatable("the balance is not what the account's postings make")
    difference = account.balance_centavos - explained
    if difference:
        wrong = Wrong.CREATED if difference > 0 else Wrong.LOST
        findings.append(Finding(wrong, abs(difference), account.number, "", rest))
    if account.balance_centavos < 0 and not findings:
        sentence = translatable("the customer has spent money that the account did not have")
        findings.append(Finding(Wrong.CREATED, -account.balance_centavos, account.number, "", sentence))
    return findings


def _judge_effect(account: str, transfer_id: str, due: int, booked: int, *, is_known: bool) -> Finding | None:
    difference = booked - due
    if difference == 0:
        return None
    if due and difference % due == 0 and difference // due > 0:
        times = difference // due + 1
        return Finding(Wrong.DOUBLED, abs(difference), account, transfer_id, TIMES.format(times))
    if difference > 0:
        if booked == 0:
            sentence = translatable("the payment is confirmed, and the payer was not debited")
        elif due == 0:
            sentence = translatable("credited, though the hub has not confirmed it")
        else:
            sentence = translatable("booked with another amount")
        return Finding(Wrong.CREATED, difference, account, transfer_id, sentence)
    if booked == 0:
        sentence = translatable("the payment is confirmed, and the payee was not credited")
    elif due == 0:
        sentence = (
            translatable("debited and not refunded, though the payment failed")
            if is_known
            else translatable("debited and not refunded, and the hub never got the payment")
        )
    else:
        sentence = translatable("booked with another amount")
    return Finding(Wrong.LOST, -difference, account, transfer_id, sentence)


def _judge_repetitions(transfers: Sequence[HubTransfer]) -> list[Finding]:
    """No two orders have the same amount, so a second payment of an account and amount is the first one made again."""
    paid: defaultdict[tuple[str, int], list[HubTransfer]] = defaultdict(list)
    for transfer in transfers:
        if transfer.payer_account is not None and transfer.status in CONFIRMED:
            paid[transfer.payer_account, transfer.amount_centavos].append(transfer)
    return [
        Finding(Wrong.DOUBLED, again.amount_centavos, account, again.id, translatable("one order was paid again"))
        for (account, _), (_, *more) in paid.items()
        for again in more
    ]


def _judge_books(evidence: Evidence, found_centavos: int) -> list[Finding]:
    """The largest disagreement of the books, less what the accounts have shown already: it is the same money."""
    books = evidence.books
    if books is None:
        return []
    customers = sum(account.balance_centavos for account in evidence.accounts) + evidence.other_balances_centavos
    total = books.customers_centavos + books.clearing_centavos + books.settlement_centavos + books.equity_centavos
    differences = {
        translatable("the accounts do not sum up to the customers' money in the books"): books.customers_centavos
        - customers,
        translatable("the books do not sum up to zero"): total,
    }
    if evidence.books_before is not None:
        changed = books.settlement_centavos - evidence.books_before.settlement_centavos
        sentence = translatable("the settlement account in the books has not changed as the hub's has")
        differences[sentence] = changed + evidence.settlement_change_centavos
    sentence, difference = max(differences.items(), key=lambda each: abs(each[1]))
    beyond = abs(difference) - found_centavos
    return [Finding(Wrong.BOOKS, beyond, "", "", sentence)] if beyond > 0 else []
