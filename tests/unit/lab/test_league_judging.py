"""Which centavos are wrong at an entrant, and by how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.prove.league.judging import Account, Books, Evidence, HubTransfer, Posting, Wrong, judge

PAID = HubTransfer("E1", "completed", 300, payer_account="7", payee_account=None)
RECEIVED = HubTransfer("E2", "completed", 500, payer_account=None, payee_account="7")
FAILED = HubTransfer("E3", "failed", 110, payer_account="7", payee_account=None)
LATE = HubTransfer("E4", "failed", 120, payer_account=None, payee_account="7")
TRANSFERS = (PAID, RECEIVED, FAILED, LATE)
RIGHT = (
    Posting("", 1_000),
    Posting("E1", -300),
    Posting("E2", 500),
    Posting("E3", -110),
    Posting("E3", 110),
)


def evidence(*postings: Posting, transfers: tuple[HubTransfer, ...] = TRANSFERS, tells: bool = True) -> Evidence:
    balance = sum(posting.amount_centavos for posting in postings)
    account = Account("7", 1_000, balance, postings if tells else None)
    return Evidence([account], transfers, settlement_change_centavos=200)


def found(given: Evidence) -> list[tuple[Wrong, int, str]]:
    return [(each.wrong, each.centavos, each.transfer_id) for each in judge(given).findings]


def test_right_money_has_no_finding() -> None:
    assert found(evidence(*RIGHT)) == []
    assert found(evidence(*RIGHT, tells=False)) == []
    assert judge(evidence(*RIGHT)).centavos_wrong == 0


@pytest.mark.parametrize(
    ("more", "without", "wrong"),
    [
        ([Posting("E2", 500)], [], (Wrong.DOUBLED, 500, "E2")),
        ([Posting("E1", -300)], [], (Wrong.DOUBLED, 300, "E1")),
        ([Posting("E4", 120)], [], (Wrong.CREATED, 120, "E4")),
        ([Posting("E3", 110)], [], (Wrong.CREATED, 110, "E3")),
        ([], [Posting("E2", 500)], (Wrong.LOST, 500, "E2")),
        ([], [Posting("E1", -300)], (Wrong.CREATED, 300, "E1")),
        ([], [Posting("E3", 110)], (Wrong.LOST, 110, "E3")),
        ([Posting("E2", 499)], [Posting("E2", 500)], (Wrong.LOST, 1, "E2")),
        ([Posting("E9", -40)], [], (Wrong.LOST, 40, "E9")),
    ],
    ids=[
        "credited twice",
        "debited twice",
        "a late acceptance is credited",
        "refunded twice",
        "not credited",
        "not debited",
        "not refunded",
        "another amount",
        "the hub never got it",
    ],
)
def test_each_mistake_is_found_once(more: list[Posting], without: list[Posting], wrong: tuple[Wrong, int, str]) -> None:
    postings = [posting for posting in RIGHT if posting not in without] + more
    assert found(evidence(*postings)) == [wrong]


def test_without_postings_the_balance_is_judged() -> None:
    assert found(evidence(*RIGHT, Posting("E2", 500), tells=False)) == [(Wrong.CREATED, 500, "")]


def test_a_balance_that_the_postings_do_not_make_is_wrong() -> None:
    given = evidence(*RIGHT)
    account = replace(given.accounts[0], balance_centavos=given.accounts[0].balance_centavos - 5)
    assert found(replace(given, accounts=[account])) == [(Wrong.LOST, 5, "")]


def test_a_pending_payment_is_held() -> None:
    pending = HubTransfer("E5", "pending", 70, payer_account="7", payee_account=None)
    assert found(evidence(*RIGHT, Posting("E5", -70), transfers=(*TRANSFERS, pending))) == []


def test_an_order_that_is_paid_twice_is_doubled() -> None:
    again = replace(PAID, id="E6")
    given = evidence(*RIGHT, Posting("E6", -300), transfers=(*TRANSFERS, again))
    assert found(given) == [(Wrong.DOUBLED, 300, "E6")]


def test_money_that_the_customer_did_not_have_is_created() -> None:
    overdraft = HubTransfer("E7", "completed", 1_500, payer_account="7", payee_account=None)
    given = evidence(*RIGHT, Posting("E7", -1_500), transfers=(*TRANSFERS, overdraft))
    assert found(given) == [(Wrong.CREATED, 300, "")]


BOOKS_BEFORE = Books(1_000, 0, -9_000, 8_000)
BOOKS = Books(1_200, 0, -9_200, 8_000)


@pytest.mark.parametrize(
    ("books", "centavos"),
    [
        (BOOKS, 0),
        (replace(BOOKS, customers_centavos=1_207, equity_centavos=7_993), 7),
        (replace(BOOKS, equity_centavos=8_003), 3),
        (replace(BOOKS, settlement_centavos=-9_000, clearing_centavos=-200), 200),
    ],
    ids=["right", "not the accounts", "not zero", "not the hub's"],
)
def test_books_must_agree(books: Books, centavos: int) -> None:
    judgement = judge(replace(evidence(*RIGHT), books=books, books_before=BOOKS_BEFORE))
    assert judgement.centavos(Wrong.BOOKS) == judgement.centavos_wrong == centavos


def test_books_cost_only_what_the_accounts_have_not_shown() -> None:
    given = evidence(*RIGHT, Posting("E2", 500))
    books = replace(BOOKS, customers_centavos=1_700, equity_centavos=7_500)
    assert judge(replace(given, books=books, books_before=BOOKS_BEFORE)).centavos_wrong == 500
    assert judge(replace(given, books=BOOKS, books_before=BOOKS_BEFORE)).centavos_wrong == 500
