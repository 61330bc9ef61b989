"""The audit: what must hold of a network's books, whatever has happened to it. Pure arithmetic on plain data.

`lab.read.snapshot` reads the data through public interfaces. The hub is read before and after the banks: what it had
decided before must be what the banks then have or have yet to hear, and what a bank has been told must be what the hub
has decided afterwards. So the outcomes are compared soundly even while transfers move; the sums want a quiet network.

A return is a row as well: for the books it is a transfer, under its return id, of the original's payee to its payer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

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
from pix.scheme.postings import POSTINGS_DUE
from pix.scheme.reasons import REASONS_WITHOUT_ROW
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
    ledger = _Ledger(snapshot)
    in_flight = ledger.in_flight()
    by_status = Counter(row.status for row in ledger.hub.values() if not row.original_end_to_end_id)
    unknown_to_hub = {row.end_to_end_id for _, row in ledger.rows() if row.end_to_end_id not in ledger.hub}
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
        transfers={**by_status, "unknown_to_hub": len(unknown_to_hub)},
        in_flight=in_flight,
        moving=moving,
        not_examined=tuple(f"{bank.code} {bank.name}" for bank in snapshot.course),
        owed=_shown(
            f"{ledger.course[each.ispb].code}: {each.amount_centavos} centavos, {each.kind} {each.course_id}, "
            f"{each.state}{f' ({each.reason})' if each.reason else ''}"
            for each in snapshot.owed
        ),
    )


class _Ledger:
    def __init__(self, snapshot: NetworkSnapshot) -> None:
        self.before = {transfer.end_to_end_id: transfer for transfer in snapshot.hub_before}
        self.hub = {transfer.end_to_end_id: transfer for transfer in snapshot.hub_after}
        self.settlement = snapshot.settlement
        self.banks = snapshot.banks
        self.course = {bank.ispb: bank for bank in snapshot.course}
        self.by_ispb = {bank.ispb: bank for bank in snapshot.banks}
        self.sides = {
            (bank.ispb, row.end_to_end_id, row.direction): row for bank in snapshot.banks for row in bank.transfers
        }

    def rows(self) -> Iterable[tuple[BankView, BankTransfer]]:
        return ((bank, row) for bank in self.banks for row in bank.transfers)

    def payer_side(self, transfer: HubTransfer) -> BankTransfer | None:
        return self.sides.get((transfer.payer.ispb, transfer.end_to_end_id, OUTGOING))

    def payee_side(self, transfer: HubTransfer) -> BankTransfer | None:
        if transfer.payee is None:
            return None
        return self.sides.get((transfer.payee.ispb, transfer.end_to_end_id, INCOMING))

    def in_flight(self) -> tuple[str, ...]:
        moving = {transfer.end_to_end_id for transfer in self.hub.values() if not transfer.is_closed}
        moving |= {row.end_to_end_id for _, row in self.rows() if row.status in UNDECIDED_AT_BANK}
        return tuple(sorted(moving))


def _money_is_conserved(ledger: _Ledger) -> Finding:
    customers = sum(bank.books.customers_centavos for bank in ledger.banks)
    clearing = sum(bank.books.clearing_centavos for bank in ledger.banks)
    deposits = sum(bank.books.deposits_centavos for bank in ledger.banks)
    # A confirmed transfer that one bank has booked and the other not yet is in neither's books, or in both's. So is
    # one with a course bank, whose books are not read.
    between_banks = 0
    at_course_banks = 0
    confirmed = {e2e for (_, e2e, _), row in ledger.sides.items() if row.status == CONFIRMED}
    for end_to_end_id in confirmed:
        transfer = ledger.hub.get(end_to_end_id)
        if transfer is None:
            continue
        has_left = _is_confirmed(ledger.payer_side(transfer))
        has_come = _is_confirmed(ledger.payee_side(transfer))
        centavos = transfer.amount_centavos * (has_left - has_come)
        if transfer.payer.ispb in ledger.course or (
            transfer.payee is not None and transfer.payee.ispb in ledger.course
        ):
            at_course_banks += centavos
        else:
            between_banks += centavos
    found = customers + clearing + between_banks + at_course_banks
    return Finding(
        "money_is_conserved",
        translatable("Customer money + clearing + in transit = deposits"),
        found == deposits,
        {
            "customers_centavos": customers,
            "clearing_centavos": clearing,
            "between_banks_centavos": between_banks,
            **({"at_course_banks_centavos": at_course_banks} if ledger.course else {}),
            "put_in_centavos": deposits,
            "difference_centavos": found - deposits,
        },
    )


def _is_confirmed(row: BankTransfer | None) -> bool:
    return row is not None and row.status == CONFIRMED


def _outcomes_agree(ledger: _Ledger) -> Finding:
    offenders: dict[str, str] = {}
    for bank, row in ledger.rows():
        why = _why_row_disagrees(ledger, bank, row)
        if why:
            offenders.setdefault(row.end_to_end_id, f"{row.end_to_end_id} at {bank.code}: {why}")
    for transfer in ledger.hub.values():
        why = _why_side_is_missing(ledger, transfer)
        if why:
            offenders.setdefault(transfer.end_to_end_id, f"{transfer.end_to_end_id}: {why}")
    everywhere = set(ledger.hub) | {row.end_to_end_id for _, row in ledger.rows()}
    return Finding(
        "outcomes_agree",
        translatable("Each transfer has the same outcome, amount and parties at the hub and at both banks"),
        not offenders,
        {
            "transfers": len(everywhere),
            "at_hub": len(ledger.hub),
            "at_payers_banks": sum(1 for _, row in ledger.rows() if row.direction == OUTGOING),
            "at_payees_banks": sum(1 for _, row in ledger.rows() if row.direction == INCOMING),
            "disagreeing": len(offenders),
        },
        _shown(offenders.values()),
    )


def _why_row_disagrees(ledger: _Ledger, bank: BankView, row: BankTransfer) -> str:
    transfer = ledger.hub.get(row.end_to_end_id)
    if transfer is None:
        if row.direction == INCOMING:
            return "the hub does not know it"
        is_on_its_way = row.status == PENDING and row.owes_message
        was_refused = row.status == FAILED and row.reason in REASONS_WITHOUT_ROW
        return "" if is_on_its_way or was_refused else f"{row.status}, but the hub does not know it"
    if row.amount_centavos != transfer.amount_centavos:
        return f"amount {row.amount_centavos}, at the hub {transfer.amount_centavos}"
    own = transfer.payer if row.direction == OUTGOING else transfer.payee
    if own is None or own.ispb != bank.ispb:
        return f"it is no {row.direction} transfer of this bank's by the hub's word"
    if row.payer != transfer.payer:
        return "the payer is another than at the hub"
    if row.payee is not None and row.payee != transfer.payee:
        return "the payee is another than at the hub"
    return _why_status_disagrees(row, ledger.before.get(row.end_to_end_id), transfer)


def _why_status_disagrees(row: BankTransfer, before: HubTransfer | None, after: HubTransfer) -> str:
    if row.status not in UNDECIDED_AT_BANK:
        if row.status != after.outcome:
            return f"{row.status}, at the hub {after.status}"
        if row.status == FAILED and row.reason != after.reason:
            return f"failed for {row.reason}, at the hub for {after.reason}"
        return ""
    if before is not None and before.is_closed:
        return f"still {row.status}, though it told the hub that it had processed the outcome"
    if row.direction == OUTGOING and not row.owes_message:
        return f"still {row.status}, and nothing is sent again"
    return ""


def _why_side_is_missing(ledger: _Ledger, transfer: HubTransfer) -> str:
    payer_bank = ledger.by_ispb.get(transfer.payer.ispb)
    if payer_bank is not None and ledger.payer_side(transfer) is None and transfer.end_to_end_id in ledger.before:
        return f"the payer's bank {payer_bank.code} does not know it"
    # Before the hub confirms, the payee's bank has made its promise durable; of a failed one it need not know.
    before = ledger.before.get(transfer.end_to_end_id)
    if before is not None and before.outcome == CONFIRMED and transfer.payee is not None:
        payee_bank = ledger.by_ispb.get(transfer.payee.ispb)
        if payee_bank is not None and ledger.payee_side(transfer) is None:
            return f"confirmed, but the payee's bank {payee_bank.code} does not know it"
    return ""


def _settlement_agrees(ledger: _Ledger) -> Finding:
    offenders = []
    reserved_due: defaultdict[str, int] = defaultdict(int)
    not_yet_left: defaultdict[str, int] = defaultdict(int)
    not_yet_come: defaultdict[str, int] = defaultdict(int)
    for transfer in ledger.hub.values():
        if transfer.status == PENDING:
            reserved_due[transfer.payer.ispb] += transfer.amount_centavos
        if transfer.outcome == CONFIRMED and transfer.payee is not None:
            if not _is_confirmed(ledger.payer_side(transfer)):
                not_yet_left[transfer.payer.ispb] += transfer.amount_centavos
            if not _is_confirmed(ledger.payee_side(transfer)):
                not_yet_come[transfer.payee.ispb] += transfer.amount_centavos
    for bank in ledger.banks:
        account = ledger.settlement.get(bank.ispb)
        if account is None:
            offenders.append(f"{bank.code}: has no settlement account at the hub")
            continue
        expected = account.balance_centavos + not_yet_left[bank.ispb] - not_yet_come[bank.ispb]
        if bank.books.settlement_centavos != expected:
            offenders.append(
                f"{bank.code}: settlement is {bank.books.settlement_centavos} in its books, {expected} by the hub's"
            )
        if account.reserved_centavos != reserved_due[bank.ispb]:
            offenders.append(
                f"{bank.code}: {account.reserved_centavos} reserved, pending are {reserved_due[bank.ispb]}"
            )
        if bank.books.capital_centavos != account.funded_centavos:
            offenders.append(
                f"{bank.code}: capital {bank.books.capital_centavos}, funded with {account.funded_centavos}"
            )
    balances = sum(account.balance_centavos for account in ledger.settlement.values())
    funded = sum(account.funded_centavos for account in ledger.settlement.values())
    if balances != funded:
        offenders.append(f"all settlement accounts together: {balances}, funded with {funded}")
    return Finding(
        "settlement_agrees",
        translatable(
            "Each bank's settlement balance equals the hub's, reserved balances equal pending transfers, and all "
            "balances add up to the fundings"
        ),
        not offenders,
        {
            "at_hub_centavos": balances,
            "in_banks_books_centavos": sum(bank.books.settlement_centavos for bank in ledger.banks),
            "funded_centavos": funded,
            "reserved_centavos": sum(account.reserved_centavos for account in ledger.settlement.values()),
            "pending_centavos": sum(reserved_due.values()),
        },
        _shown(offenders),
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
        offenders += [f"{bank.code}: sums differ from the postings: {name}" for name in _sums_that_differ(bank)]
    return Finding(
        "books_balance",
        translatable("In each bank, debits equal credits, and each balance is the sum of its postings"),
        not offenders,
        {
            "banks": len(ledger.banks),
            "postings": sum(len(bank.postings) for bank in ledger.banks),
            "unbalanced": len(offenders),
        },
        _shown(offenders),
    )


def _sums_that_differ(bank: BankView) -> list[str]:
    """Adds the postings up ourselves, rather than take the bank's word for its sums."""
    sums: defaultdict[str, int] = defaultdict(int)
    for posting in bank.postings:
        sums[posting.credit_account.partition(":")[0]] += posting.amount_centavos
        sums[posting.debit_account.partition(":")[0]] -= posting.amount_centavos
    books = bank.books
    # Customers, clearing and capital are what the bank owes; cash and settlement are what it holds.
    claimed = {
        "customer": books.customers_posted_centavos,
        "clearing": books.clearing_centavos,
        "capital": books.capital_centavos,
        "cash": -books.cash_centavos,
        "settlement": -books.settlement_centavos,
    }
    unknown = set(sums) - set(claimed)
    return sorted(unknown | {name for name, centavos in claimed.items() if sums[name] != centavos})


def _nothing_is_posted_twice(ledger: _Ledger) -> Finding:
    offenders: list[str] = []
    for bank in ledger.banks:
        offenders += [f"{bank.code}: {end_to_end_id}" for end_to_end_id in bank.books.unbalanced_transfers]
        offenders += _misposted(bank)
    return Finding(
        "nothing_is_posted_twice",
        translatable("Each transfer has the postings of its state, each exactly once and with its amount"),
        not offenders,
        {"postings": sum(len(bank.postings) for bank in ledger.banks), "misposted": len(offenders)},
        _shown(dict.fromkeys(offenders)),
    )


def _returns_keep_to_their_originals(ledger: _Ledger) -> Finding:
    """The sum of a transfer's returns, without those that failed, is at most the transfer, which is confirmed."""
    returned: defaultdict[str, int] = defaultdict(int)
    returns = [row for row in ledger.hub.values() if row.original_end_to_end_id]
    for row in returns:
        if row.status != FAILED:
            returned[row.original_end_to_end_id] += row.amount_centavos
    offenders = []
    for end_to_end_id, centavos in sorted(returned.items()):
        original = ledger.hub.get(end_to_end_id)
        if original is None or original.outcome != CONFIRMED:
            state = "unknown" if original is None else original.status
            offenders.append(f"{end_to_end_id}: {centavos} returned, though it is {state}")
        elif centavos > original.amount_centavos:
            offenders.append(f"{end_to_end_id}: {centavos} returned of {original.amount_centavos}")
    return Finding(
        "returns_keep_to_their_originals",
        translatable("All returns of a transfer together are at most the transfer"),
        not offenders,
        {"returns": len(returns), "returned_centavos": sum(returned.values()), "exceeding": len(offenders)},
        _shown(offenders),
    )


def _course_banks_agree(ledger: _Ledger) -> Finding:
    """The books of course banks are not read: the adapter's table stands for them, with what is owed beside it."""
    offenders = []
    for bank in ledger.course.values():
        moved, is_open = 0, False
        reserved_due = 0
        for transfer in ledger.hub.values():
            payee_ispb = "" if transfer.payee is None else transfer.payee.ispb
            if transfer.payer.ispb == bank.ispb and transfer.status == PENDING:
                reserved_due += transfer.amount_centavos
            if transfer.outcome == CONFIRMED and bank.ispb in (transfer.payer.ispb, payee_ispb):
                moved += transfer.amount_centavos * ((payee_ispb == bank.ispb) - (transfer.payer.ispb == bank.ispb))
                is_open = is_open or not transfer.is_closed
        account = ledger.settlement.get(bank.ispb)
        if account is None:
            offenders.append(f"{bank.code}: has no settlement account at the hub")
            continue
        if account.balance_centavos - account.funded_centavos != moved:
            offenders.append(
                f"{bank.code}: settlement has moved by {account.balance_centavos - account.funded_centavos}, "
                f"its transfers by {moved}"
            )
        if account.reserved_centavos != reserved_due:
            offenders.append(f"{bank.code}: {account.reserved_centavos} reserved, pending are {reserved_due}")
        # While an outcome is on its way to the adapter, the two may differ by it.
        in_table = bank.came_centavos - bank.went_centavos
        if not is_open and in_table != moved:
            offenders.append(f"{bank.code}: by the adapter's table {in_table} have moved, by the hub's {moved}")
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


def _misposted(bank: BankView) -> list[str]:
    found = []
    posted: defaultdict[tuple[str, str], list[Posting]] = defaultdict(list)
    operations: Counter[str] = Counter()
    for posting in bank.postings:
        if posting.end_to_end_id is None:
            operations[posting.operation_id or f"posting {posting.posting_id}"] += 1
        else:
            posted[posting.end_to_end_id, posting.direction or ""].append(posting)
    found += [
        f"{bank.code}: {operation} is booked {times} times" for operation, times in operations.items() if times > 1
    ]
    for row in bank.transfers:
        postings = posted.pop((row.end_to_end_id, row.direction), [])
        kinds = sorted(posting.kind for posting in postings)
        due = sorted(POSTINGS_DUE.get((row.direction, row.status), ()))
        if kinds != due:
            what = f"{row.direction}, {row.status}, but posted: {', '.join(kinds) or 'nothing'}"
            found.append(f"{bank.code}: {row.end_to_end_id} ({what})")
        elif any(posting.amount_centavos != row.amount_centavos for posting in postings):
            found.append(f"{bank.code}: {row.end_to_end_id} (posted with another amount)")
    found += [f"{bank.code}: {end_to_end_id} (posted, but no transfer)" for end_to_end_id, _ in posted]
    return found


def _shown(offenders: Iterable[str]) -> tuple[str, ...]:
    listed: Sequence[str] = list(offenders)
    if len(listed) <= OFFENDERS_SHOWN_MAX:
        return tuple(listed)
    return (*listed[:OFFENDERS_SHOWN_MAX], f"and {len(listed) - OFFENDERS_SHOWN_MAX} more")
