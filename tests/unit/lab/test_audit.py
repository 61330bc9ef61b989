"""The audit's arithmetic on plain data: what is sound passes, and each kind of harm is found and named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.read.audit import (
    OFFENDERS_SHOWN_MAX,
    AccountReference,
    AuditReport,
    BankTransfer,
    BankView,
    Books,
    Finding,
    HubTransfer,
    NetworkSnapshot,
    Posting,
    SettlementAccount,
    audit,
)
from lab.read.per_transfer import OutOfOrder

ANA, BRUNO = AccountReference("00000001", "1-1"), AccountReference("00000002", "2-2")
FUNDS = 1_000
DEPOSIT = 500
AMOUNT = 100
E2E = "E1"


def posting(number: int, kind: str, debit: str, credit: str, amount: int = AMOUNT, **rest: Any) -> Posting:
    values: dict[str, Any] = {"end_to_end_id": None, "direction": None, "operation_id": None, **rest}
    return Posting(number, kind, debit, credit, amount, **values)


def opening(number: int, customer: str) -> tuple[Posting, ...]:
    return (
        posting(1, "deposit", "cash", f"customer:{customer}", DEPOSIT, operation_id=f"deposit-{number}"),
        posting(2, "settlement_funding", "settlement", "capital", FUNDS, operation_id=f"funding-{number}"),
    )


def out(kind: str, debit: str, credit: str, number: int) -> Posting:
    return posting(number, kind, debit, credit, end_to_end_id=E2E, direction="outgoing")


PAYMENT = out("payment", "customer:1-1", "clearing", 3)
SETTLED = out("settlement_out", "clearing", "settlement", 4)
REFUND = out("refund", "clearing", "customer:1-1", 4)
CREDIT = posting(3, "credit", "settlement", "customer:2-2", end_to_end_id=E2E, direction="incoming")


def books_of(postings: tuple[Posting, ...]) -> Books:
    """What an honest bank says of these postings."""

    def owed(account: str) -> int:
        credited = sum(each.amount_centavos for each in postings if each.credit_account.startswith(account))
        return credited - sum(each.amount_centavos for each in postings if each.debit_account.startswith(account))

    return Books(
        customers_centavos=owed("customer:"),
        customers_posted_centavos=owed("customer:"),
        clearing_centavos=owed("clearing"),
        settlement_centavos=-owed("settlement"),
        cash_centavos=-owed("cash"),
        capital_centavos=owed("capital"),
        deposits_centavos=sum(each.amount_centavos for each in postings if each.kind == "deposit"),
    )


def bank(number: int, *postings: Posting, transfers: tuple[BankTransfer, ...] = ()) -> BankView:
    place = (ANA, BRUNO)[number - 1]
    everything = (*opening(number, place.account_number), *postings)
    return BankView(
        place.ispb, f"00{number}", f"Bank {number}", books_of(everything), by_id(transfers), in_order(everything)
    )


def by_id(transfers: tuple[BankTransfer, ...]) -> tuple[BankTransfer, ...]:
    return tuple(sorted(transfers, key=lambda each: (each.end_to_end_id, each.direction)))


def in_order(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    """As a bank exports them."""

    def place(each: Posting) -> tuple[str, str, int]:
        return each.end_to_end_id or "", each.operation_id or "", each.posting_id

    return tuple(sorted(postings, key=place))


def row(direction: str, status: str, reason: str | None = None, *, owes: bool | None = None) -> BankTransfer:
    undecided = status in ("pending", "accepted", "rejected")
    payee = None if direction == "outgoing" and undecided else BRUNO
    return BankTransfer(
        E2E, direction, status, reason, AMOUNT, ANA, payee, owes_message=undecided if owes is None else owes
    )


def at_hub(status: str, reason: str | None = None, *, is_closed: bool | None = None) -> HubTransfer:
    return HubTransfer(
        E2E, status, reason, AMOUNT, ANA, BRUNO, status == "completed" if is_closed is None else is_closed
    )


def network(
    hub: tuple[HubTransfer, ...],
    first: BankView,
    second: BankView,
    *,
    moved: int = 0,
    reserved: int = 0,
    before: tuple[HubTransfer, ...] | None = None,
) -> NetworkSnapshot:
    settlement = {
        ANA.ispb: SettlementAccount(FUNDS - moved, reserved, FUNDS),
        BRUNO.ispb: SettlementAccount(FUNDS + moved, 0, FUNDS),
    }
    return NetworkSnapshot(hub if before is None else before, settlement, (first, second), hub)


def completed() -> NetworkSnapshot:
    return network(
        (at_hub("completed"),),
        bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)),
        bank(2, CREDIT, transfers=(row("incoming", "confirmed"),)),
        moved=AMOUNT,
    )


SOUND = {
    "nothing has happened": network((), bank(1), bank(2)),
    "completed": completed(),
    "on its way to the hub": network((), bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)), bank(2)),
    "offered": network(
        (at_hub("pending"),), bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)), bank(2), reserved=AMOUNT
    ),
    "accepted": network(
        (at_hub("pending"),),
        bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)),
        bank(2, transfers=(row("incoming", "accepted"),)),
        reserved=AMOUNT,
    ),
    "confirmed, neither bank has heard": network(
        (at_hub("confirmed"),),
        bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)),
        bank(2, transfers=(row("incoming", "accepted"),)),
        moved=AMOUNT,
    ),
    "confirmed, only the payer's bank has heard": network(
        (at_hub("confirmed"),),
        bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)),
        bank(2, transfers=(row("incoming", "accepted"),)),
        moved=AMOUNT,
    ),
    "confirmed, only the payee's bank has heard": network(
        (at_hub("confirmed"),),
        bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)),
        bank(2, CREDIT, transfers=(row("incoming", "confirmed"),)),
        moved=AMOUNT,
    ),
    "failed and refunded": network(
        (at_hub("failed", "AC06", is_closed=True),),
        bank(1, PAYMENT, REFUND, transfers=(row("outgoing", "failed", "AC06"),)),
        bank(2, transfers=(row("incoming", "failed", "AC06"),)),
    ),
    "failed, the payer's bank has not heard": network(
        (at_hub("failed", "AM04"),), bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)), bank(2)
    ),
    "refused without a trace at the hub": network(
        (), bank(1, PAYMENT, REFUND, transfers=(row("outgoing", "failed", "FF08"),)), bank(2)
    ),
    "decided while the banks were read": network(
        (at_hub("confirmed"),),
        bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)),
        bank(2, CREDIT, transfers=(row("incoming", "confirmed"),)),
        moved=AMOUNT,
        before=(at_hub("pending"),),
    ),
    "known to the hub only after the banks were read": network(
        (at_hub("pending"),), bank(1), bank(2), reserved=AMOUNT, before=()
    ),
}


@pytest.mark.parametrize("snapshot", SOUND.values(), ids=SOUND)
def test_what_is_sound_passes(snapshot: NetworkSnapshot) -> None:
    report = audit(snapshot)
    assert report.is_ok, [finding for finding in report.findings if not finding.is_ok]


def broken(report: AuditReport) -> dict[str, Finding]:
    return {finding.invariant: finding for finding in report.findings if not finding.is_ok}


def with_books(snapshot: NetworkSnapshot, number: int, **changes: Any) -> NetworkSnapshot:
    """The snapshot with another word of one bank's for its sums."""
    banks = list(snapshot.banks)
    banks[number - 1] = replace(banks[number - 1], books=replace(banks[number - 1].books, **changes))
    return replace(snapshot, banks=tuple(banks))


def with_account(snapshot: NetworkSnapshot, place: AccountReference, account: SettlementAccount) -> NetworkSnapshot:
    """The snapshot with another settlement account of one bank's."""
    return replace(snapshot, settlement={**snapshot.settlement, place.ispb: account})


def test_money_from_nothing_breaks_conservation() -> None:
    more = completed().banks[1].books.customers_centavos + 7
    found = broken(audit(with_books(completed(), 2, customers_centavos=more)))
    assert found["money_is_conserved"].numbers["difference_centavos"] == 7
    assert "002: balances of customers are 607, their postings 600" in found["books_balance"].offenders


def test_money_between_two_banks_is_counted_once() -> None:
    finding = audit(SOUND["confirmed, only the payer's bank has heard"]).findings[0]
    assert finding.numbers["between_banks_centavos"] == AMOUNT
    finding = audit(SOUND["confirmed, only the payee's bank has heard"]).findings[0]
    assert finding.numbers["between_banks_centavos"] == -AMOUNT


HARM = {
    "the payee's bank says failed": (
        network(
            (at_hub("completed"),),
            bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)),
            bank(2, transfers=(row("incoming", "failed", "AC06"),)),
            moved=AMOUNT,
        ),
        "outcomes_agree",
        "E1 at 002: failed, at the hub completed",
    ),
    "another reason": (
        network(
            (at_hub("failed", "AM04", is_closed=True),),
            bank(1, PAYMENT, REFUND, transfers=(row("outgoing", "failed", "AC03"),)),
            bank(2),
        ),
        "outcomes_agree",
        "E1 at 001: failed for AC03, at the hub for AM04",
    ),
    "lost by the hub": (
        network((), bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)), bank(2)),
        "outcomes_agree",
        "E1 at 001: confirmed, but the hub does not know it",
    ),
    "lost by the payer's bank": (
        network((at_hub("pending"),), bank(1), bank(2), reserved=AMOUNT),
        "outcomes_agree",
        "E1: the payer's bank 001 does not know it",
    ),
    "confirmed behind the payee's bank's back": (
        network(
            (at_hub("confirmed"),), bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)), bank(2), moved=AMOUNT
        ),
        "outcomes_agree",
        "E1: confirmed, but the payee's bank 002 does not know it",
    ),
    "known to a payee's bank alone": (
        network((), bank(1), bank(2, transfers=(row("incoming", "accepted"),))),
        "outcomes_agree",
        "E1 at 002: the hub does not know it",
    ),
    "no message is retransmitted": (
        network((), bank(1, PAYMENT, transfers=(row("outgoing", "pending", owes=False),)), bank(2)),
        "outcomes_agree",
        "E1 at 001: pending, but the hub does not know it",
    ),
    "said to be processed, and is not": (
        network(
            (at_hub("completed"),),
            bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)),
            bank(2, CREDIT, transfers=(row("incoming", "confirmed"),)),
            moved=AMOUNT,
        ),
        "outcomes_agree",
        "E1 at 001: still pending, though it told the hub that it had processed the outcome",
    ),
    "booked without the decision": (
        network(
            (at_hub("pending"),),
            bank(1, PAYMENT, transfers=(row("outgoing", "pending"),)),
            bank(2, CREDIT, transfers=(row("incoming", "confirmed"),)),
            reserved=AMOUNT,
        ),
        "settlement_agrees",
        "002: settlement is 1100 in its books, 1000 by the hub's",
    ),
    "reserved for nothing": (
        network((), bank(1), bank(2), reserved=AMOUNT),
        "settlement_agrees",
        "001: 100 reserved, pending are 0",
    ),
    "settlement money from nothing": (
        with_account(completed(), BRUNO, SettlementAccount(FUNDS + 105, 0, FUNDS)),
        "settlement_agrees",
        "all settlement accounts together: 2005, funded with 2000",
    ),
    "a funding that was not mirrored": (
        with_books(completed(), 1, capital_centavos=FUNDS - 1),
        "settlement_agrees",
        "001: capital 999, funded with 1000",
    ),
    "a customer below zero": (
        with_books(completed(), 1, negative_accounts=("1-1",)),
        "nothing_is_negative",
        "001: account 1-1",
    ),
    "more reserved than there is": (
        with_account(completed(), ANA, SettlementAccount(FUNDS, FUNDS + 1, FUNDS)),
        "nothing_is_negative",
        "settlement of 00000001: balance 1000, reserved 1001",
    ),
    "a balance that is not its postings": (
        with_books(completed(), 2, unbalanced_accounts=("2-2",)),
        "books_balance",
        "002: balance of account 2-2 is not its postings",
    ),
    "a sum that the postings do not have": (
        with_books(completed(), 1, cash_centavos=DEPOSIT + 1),
        "books_balance",
        "001: sums differ from the postings: cash",
    ),
    "credited twice": (
        network(
            (at_hub("completed"),),
            bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)),
            bank(2, CREDIT, CREDIT._replace(posting_id=4), transfers=(row("incoming", "confirmed"),)),
            moved=AMOUNT,
        ),
        "nothing_is_posted_twice",
        "002: E1 (incoming, confirmed, but posted: credit, credit)",
    ),
    "credited with another amount": (
        network(
            (at_hub("completed"),),
            bank(1, PAYMENT, SETTLED, transfers=(row("outgoing", "confirmed"),)),
            bank(2, CREDIT._replace(amount_centavos=AMOUNT + 1), transfers=(row("incoming", "confirmed"),)),
            moved=AMOUNT,
        ),
        "nothing_is_posted_twice",
        "002: E1 (posted with another amount)",
    ),
    "posted without a transfer": (
        network((), bank(1), bank(2, CREDIT)),
        "nothing_is_posted_twice",
        "002: E1 (posted, but no transfer)",
    ),
    "a deposit twice": (
        network((), bank(1, opening(1, "1-1")[0]._replace(posting_id=9)), bank(2)),
        "nothing_is_posted_twice",
        "001: deposit-1 is booked 2 times",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("snapshot", "invariant", "offender"), HARM.values(), ids=HARM)
def test_harm_is_found_and_named(snapshot: NetworkSnapshot, invariant: str, offender: str) -> None:
    assert offender in broken(audit(snapshot))[invariant].offenders


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"amount_centavos": AMOUNT + 1}, "amount 101, at the hub 100"),
        ({"payer": AccountReference("00000001", "9-9")}, "the payer is another than at the hub"),
        ({"payee": AccountReference("00000002", "9-9")}, "the payee is another than at the hub"),
    ],
)
def test_amount_and_parties_are_compared(changes: dict[str, Any], word: str) -> None:
    sound = completed()
    payer_bank = replace(sound.banks[0], transfers=(row("outgoing", "confirmed")._replace(**changes),))
    offenders = broken(audit(replace(sound, banks=(payer_bank, sound.banks[1]))))["outcomes_agree"].offenders
    assert offenders == (f"E1 at 001: {word}",)


def returned(*amounts: int, original: str = "completed") -> NetworkSnapshot:
    """Bruno has sent back so much of what Ana paid, as rows of a return read: in the other direction."""
    hub, sent, taken, posted, credited = [at_hub(original)], [], [], [], []
    for number, amount in enumerate(amounts):
        name = f"D{number}"
        hub.append(HubTransfer(name, "completed", None, amount, BRUNO, ANA, True, E2E))
        sent.append(BankTransfer(name, "outgoing", "confirmed", None, amount, BRUNO, ANA, owes_message=False))
        taken.append(BankTransfer(name, "incoming", "confirmed", None, amount, BRUNO, ANA, owes_message=False))
        place: dict[str, Any] = {"amount": amount, "end_to_end_id": name}
        posted.append(posting(20 + number, "payment", "customer:2-2", "clearing", direction="outgoing", **place))
        posted.append(posting(40 + number, "settlement_out", "clearing", "settlement", direction="outgoing", **place))
        credited.append(posting(60 + number, "credit", "settlement", "customer:1-1", direction="incoming", **place))
    return network(
        tuple(sorted(hub)),
        bank(1, PAYMENT, SETTLED, *credited, transfers=(row("outgoing", "confirmed"), *taken)),
        bank(2, CREDIT, *posted, transfers=(row("incoming", "confirmed"), *sent)),
        moved=AMOUNT - sum(amounts),
    )


def test_returns_are_rows_of_the_books_too() -> None:
    report = audit(returned(AMOUNT - 30, 30))
    assert report.is_final, broken(report)
    assert report.transfers == {"completed": 1, "unknown_to_hub": 0}
    unheard = returned(AMOUNT)
    forgetful = replace(unheard.banks[0], transfers=(row("outgoing", "confirmed"),))
    offenders = broken(audit(replace(unheard, banks=(forgetful, unheard.banks[1]))))
    assert offenders["outcomes_agree"].offenders == ("D0: confirmed, but the payee's bank 001 does not know it",)


@pytest.mark.parametrize(
    ("snapshot", "offender"),
    [
        (returned(AMOUNT, 1), f"E1: {AMOUNT + 1} returned of {AMOUNT}"),
        (returned(AMOUNT, original="failed"), f"E1: {AMOUNT} returned, though it is failed"),
    ],
)
def test_returns_keep_to_their_originals(snapshot: NetworkSnapshot, offender: str) -> None:
    assert broken(audit(snapshot))["returns_keep_to_their_originals"].offenders == (offender,)


def test_what_is_under_way_is_listed_and_no_fault() -> None:
    report = audit(SOUND["accepted"])
    assert report.in_flight == ("E1",)
    assert report.transfers == {"pending": 1, "unknown_to_hub": 0}
    assert audit(completed()).in_flight == ()
    assert audit(SOUND["on its way to the hub"]).transfers == {"unknown_to_hub": 1}


def test_long_lists_of_offenders_are_cut() -> None:
    accounts = tuple(f"{number}-0" for number in range(OFFENDERS_SHOWN_MAX + 5))
    finding = broken(audit(with_books(completed(), 1, negative_accounts=accounts)))["nothing_is_negative"]
    assert len(finding.offenders) == OFFENDERS_SHOWN_MAX + 1
    assert finding.offenders[-1] == "and 5 more"
    assert finding.numbers["negative"] == OFFENDERS_SHOWN_MAX + 5


def test_rows_out_of_order_are_no_audit() -> None:
    sound = returned(AMOUNT)
    with pytest.raises(OutOfOrder, match="the hub gives D0 behind E1, out of order"):
        audit(replace(sound, hub_after=tuple(sound.hub_after)[::-1]))


def test_a_return_of_an_unknown_transfer_is_found() -> None:
    sound = returned(AMOUNT)
    unknown = tuple(each for each in sound.hub_after if each.end_to_end_id != E2E)
    found = broken(audit(replace(sound, hub_after=unknown)))["returns_keep_to_their_originals"]
    assert found.offenders == (f"E1: {AMOUNT} returned, though it is unknown",)
