"""The audit: what must hold of a network's books, whatever has happened to it. Pure arithmetic on plain data.

`lab.read.snapshot` reads the data through public interfaces. The hub is read before and after the banks: what it had
decided before must be what the banks then have or have yet to hear, and what a bank has been told must be what the hub
has decided afterwards. So the outcomes are compared soundly even while transfers move; the sums want a quiet network.

A return is a row as well: for the books it is a transfer, under its return id, of the original's payee to its payer.

`lab.read.per_transfer` walks through the rows once; the findings here are made of what it has summed up.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.read.audited import (
    COMPLETED,
    CONFIRMED,
    FAILED,
    INCOMING,
    OFFENDERS_SHOWN_MAX,
    OUTGOING,
    PENDING,
    UNDECIDED_AT_BANK,
    AccountReference,
    AuditReport,
    BankTransfer,
    BankView,
    Books,
    CourseBankView,
    Finding,
    HubTransfer,
    NetworkSnapshot,
    OwedMoney,
    Posting,
    SettlementAccount,
)
from lab.read.per_transfer import Examined, OfBank, Offenders, examine
from pix.web.marks import translatable

__all__ = [
    "COMPLETED",
    "CONFIRMED",
    "FAILED",
    "INCOMING",
    "OFFENDERS_SHOWN_MAX",
    "OUTGOING",
    "PENDING",
    "UNDECIDED_AT_BANK",
    "AccountReference",
    "AuditReport",
    "BankTransfer",
    "BankView",
    "Books",
    "CourseBankView",
    "Finding",
    "HubTransfer",
    "NetworkSnapshot",
    "OwedMoney",
    "Posting",
    "SettlementAccount",
    "audit",
]


def audit(snapshot: NetworkSnapshot, *, moving: bool = False) -> AuditReport:
    """Raises OutOfOrder for rows that do not come in the order of their ids."""
    ledger = _Ledger(snapshot, examine(snapshot))
    found = ledger.found
    return AuditReport(
        findings=(
            _money_is_conserved(ledger),
            _outcomes_agree(ledger),
            _settlement_agrees(ledger),
            _nothing_is_negative(ledger),
            _books_balance(ledger),
            _nothing_is_posted_twice(ledger),
            _returns_keep_to_their_originals(ledger),
            *([_course_banks_agree(ledger)] if ledger.course else []),
        ),
        transfers={**found.by_status, "unknown_to_hub": found.unknown_to_hub},
        in_flight=tuple(found.in_flight),
        moving=moving,
        not_examined=tuple(f"{bank.code} {bank.name}" for bank in snapshot.course),
        owed=_shown(
            f"{ledger.course[each.ispb].code}: {each.amount_centavos} centavos, {each.kind} {each.course_id}, "
            f"{each.state}{f' ({each.reason})' if each.reason else ''}"
            for each in snapshot.owed
        ),
        in_flight_count=found.in_flight_count,
    )


class _Ledger:
    def __init__(self, snapshot: NetworkSnapshot, found: Examined) -> None:
        self.found = found
        self.settlement = snapshot.settlement
        self.banks = snapshot.banks
        self.course = {bank.ispb: bank for bank in snapshot.course}

    def of(self, bank: BankView | CourseBankView) -> OfBank:
        return self.found.banks[bank.ispb]


def _money_is_conserved(ledger: _Ledger) -> Finding:
    customers = sum(bank.books.customers_centavos for bank in ledger.banks)
    clearing = sum(bank.books.clearing_centavos for bank in ledger.banks)
    deposits = sum(bank.books.deposits_centavos for bank in ledger.banks)
    found = customers + clearing + ledger.found.between_banks + ledger.found.at_course_banks
    return Finding(
        "money_is_conserved",
        translatable("Customer money + clearing + in transit = deposits"),
        found == deposits,
        {
            "customers_centavos": customers,
            "clearing_centavos": clearing,
            "between_banks_centavos": ledger.found.between_banks,
            **({"at_course_banks_centavos": ledger.found.at_course_banks} if ledger.course else {}),
            "put_in_centavos": deposits,
            "difference_centavos": found - deposits,
        },
    )


def _outcomes_agree(ledger: _Ledger) -> Finding:
    found = ledger.found
    return Finding(
        "outcomes_agree",
        translatable("Each transfer has the same outcome, amount and parties at the hub and at both banks"),
        not found.disagreeing.count,
        {
            "transfers": found.transfers,
            "at_hub": found.at_hub,
            "at_payers_banks": found.at_banks[OUTGOING],
            "at_payees_banks": found.at_banks[INCOMING],
            "disagreeing": found.disagreeing.count,
        },
        found.disagreeing.lines(),
    )


def _settlement_agrees(ledger: _Ledger) -> Finding:
    offenders = Offenders()
    for bank in ledger.banks:
        account = ledger.settlement.get(bank.ispb)
        if account is None:
            offenders.add(f"{bank.code}: has no settlement account at the hub")
            continue
        of_bank = ledger.of(bank)
        expected = account.balance_centavos + of_bank.not_yet_left - of_bank.not_yet_come
        if bank.books.settlement_centavos != expected:
            offenders.add(
                f"{bank.code}: settlement is {bank.books.settlement_centavos} in its books, {expected} by the hub's"
            )
        if account.reserved_centavos != of_bank.reserved_due:
            offenders.add(f"{bank.code}: {account.reserved_centavos} reserved, pending are {of_bank.reserved_due}")
        if bank.books.capital_centavos != account.funded_centavos:
            offenders.add(f"{bank.code}: capital {bank.books.capital_centavos}, funded with {account.funded_centavos}")
    balances = sum(account.balance_centavos for account in ledger.settlement.values())
    funded = sum(account.funded_centavos for account in ledger.settlement.values())
    if balances != funded:
        offenders.add(f"all settlement accounts together: {balances}, funded with {funded}")
    return Finding(
        "settlement_agrees",
        translatable(
            "Each bank's settlement balance equals the hub's, reserved balances equal pending transfers, and all "
            "balances add up to the fundings"
        ),
        not offenders.count,
        {
            "at_hub_centavos": balances,
            "in_banks_books_centavos": sum(bank.books.settlement_centavos for bank in ledger.banks),
            "funded_centavos": funded,
            "reserved_centavos": sum(account.reserved_centavos for account in ledger.settlement.values()),
            "pending_centavos": sum(of_bank.reserved_due for of_bank in ledger.found.banks.values()),
        },
        offenders.lines(),
    )


def _nothing_is_negative(ledger: _Ledger) -> Finding:
    offenders = [f"{bank.code}: account {number}" for bank in ledger.banks for number in bank.books.negative_accounts]
    for bank in ledger.banks:
        offenders += [
            f"{bank.code}: {name} is {centavos}"
            for name, centavos in (("clearing", bank.books.clearing_centavos), ("cash", bank.books.cash_centavos))
            if centavos < 0
        ]
    for ispb, account in sorted(ledger.settlement.items()):
        if not 0 <= account.reserved_centavos <= account.balance_centavos:
            offenders.append(
                f"settlement of {ispb}: balance {account.balance_centavos}, reserved {account.reserved_centavos}"
            )
    return Finding(
        "nothing_is_negative",
        translatable("No customer, clearing or settlement account is below zero"),
        not offenders,
        {"negative": len(offenders)},
        _shown(offenders),
    )


def _books_balance(ledger: _Ledger) -> Finding:
    offenders = []
    for bank in ledger.banks:
        books = bank.books
        owed = books.customers_posted_centavos + books.clearing_centavos + books.capital_centavos
        held = books.cash_centavos + books.settlement_centavos
        if owed != held:
            offenders.append(f"{bank.code}: owes {owed} and holds {held}")
        if books.customers_centavos != books.customers_posted_centavos:
            offenders.append(
                f"{bank.code}: balances of customers are {books.customers_centavos}, "
                f"their postings {books.customers_posted_centavos}"
            )
        offenders += [
            f"{bank.code}: balance of account {number} is not its postings" for number in books.unbalanced_accounts
        ]
        differ = _sums_that_differ(bank, ledger.of(bank))
        offenders += [f"{bank.code}: sums differ from the postings: {name}" for name in differ]
    return Finding(
        "books_balance",
        translatable("In each bank, debits equal credits, and each balance is the sum of its postings"),
        not offenders,
        {
            "banks": len(ledger.banks),
            "postings": _postings(ledger),
            "unbalanced": len(offenders),
        },
        _shown(offenders),
    )


def _sums_that_differ(bank: BankView, of_bank: OfBank) -> list[str]:
    """The postings are added up by the audit, which does not take the bank's word for its sums."""
    sums, books = of_bank.credited, bank.books
    # Customers, clearing and capital are what the bank owes; cash and settlement are what it holds.
    claimed = {
        "customer": books.customers_posted_centavos,
        "clearing": books.clearing_centavos,
        "capital": books.capital_centavos,
        "cash": -books.cash_centavos,
        "settlement": -books.settlement_centavos,
    }
    unknown = set(sums) - set(claimed)
    return sorted(unknown | {name for name, centavos in claimed.items() if sums.get(name, 0) != centavos})


def _postings(ledger: _Ledger) -> int:
    return sum(ledger.of(bank).postings for bank in ledger.banks)


def _nothing_is_posted_twice(ledger: _Ledger) -> Finding:
    offenders = Offenders()
    for bank in ledger.banks:
        for end_to_end_id in bank.books.unbalanced_transfers:
            offenders.add(f"{bank.code}: {end_to_end_id}")
        misposted = ledger.of(bank).misposted
        for offender in misposted.shown:
            offenders.add(offender)
        offenders.count += misposted.count - len(misposted.shown)
    return Finding(
        "nothing_is_posted_twice",
        translatable("Each transfer has the postings of its state, each exactly once and with its amount"),
        not offenders.count,
        {"postings": _postings(ledger), "misposted": offenders.count},
        offenders.lines(),
    )


def _returns_keep_to_their_originals(ledger: _Ledger) -> Finding:
    found = ledger.found
    return Finding(
        "returns_keep_to_their_originals",
        translatable("All returns of a transfer together are at most the transfer"),
        not found.exceeding.count,
        {
            "returns": found.returns,
            "returned_centavos": found.returned_centavos,
            "exceeding": found.exceeding.count,
        },
        found.exceeding.lines(),
    )


def _course_banks_agree(ledger: _Ledger) -> Finding:
    """The books of course banks are not read: the adapter's table stands for them, with what is owed beside it."""
    offenders = []
    for bank in ledger.course.values():
        of_bank = ledger.of(bank)
        account = ledger.settlement.get(bank.ispb)
        if account is None:
            offenders.append(f"{bank.code}: has no settlement account at the hub")
            continue
        if account.balance_centavos - account.funded_centavos != of_bank.moved:
            offenders.append(
                f"{bank.code}: settlement has moved by {account.balance_centavos - account.funded_centavos}, "
                f"its transfers by {of_bank.moved}"
            )
        if account.reserved_centavos != of_bank.reserved_due:
            offenders.append(f"{bank.code}: {account.reserved_centavos} reserved, pending are {of_bank.reserved_due}")
        # While an outcome is on its way to the adapter, the two may differ by it.
        in_table = bank.came_centavos - bank.went_centavos
        if not of_bank.is_open and in_table != of_bank.moved:
            offenders.append(f"{bank.code}: by the adapter's table {in_table} have moved, by the hub's {of_bank.moved}")
    return Finding(
        "course_banks_agree",
        translatable("For each course bank, the adapter's table and the hub's settlement account say the same"),
        not offenders,
        {
            "banks_not_examined": len(ledger.course),
            "owed_to_customers_centavos": sum(bank.owed_to_customers_centavos for bank in ledger.course.values()),
            "uncovered_centavos": sum(bank.uncovered_centavos for bank in ledger.course.values()),
            "credits_announced_again": sum(bank.answered_again for bank in ledger.course.values()),
        },
        _shown(offenders),
    )


def _shown(offenders: Iterable[str]) -> tuple[str, ...]:
    all_of_them = Offenders()
    for offender in offenders:
        all_of_them.add(offender)
    return all_of_them.lines()
