"""Accounts, their numbers, and the double entry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.domain import books
from bank_sim.domain.account import ACCOUNT_SERIAL_MAX, AccountStatus, account_number, check_pin
from bank_sim.domain.errors import (
    AccountBlocked,
    AccountClosed,
    AccountHasTransfers,
    AccountNotEmpty,
    InsufficientBalance,
)
from bank_sim.domain.flows.postings import posting
from pix.scheme.errors import SchemeError
from pix.scheme.postings import PostingKind
from tests.support.bank_builders import ANA, NOW_MS, in_status, incoming, outgoing

BLOCKED, CLOSED = in_status(ANA, AccountStatus.BLOCKED), in_status(ANA, AccountStatus.CLOSED)


def test_an_account_number_is_six_digits_and_a_check_digit() -> None:
    assert account_number(100_001) == "100001-2"
    assert account_number(101) == "000101-5"
    numbers = {account_number(serial) for serial in range(1, 2_000)}
    assert len(numbers) == 1_999
    assert all(len(number) == 8 and number[6] == "-" for number in numbers)


def test_a_mistyped_digit_almost_always_breaks_the_check_digit() -> None:
    number = account_number(123_456)
    for position in range(6):
        for digit in "0123456789":
            typed = int(number[:position] + digit + number[position + 1 : 6])
            if typed not in (0, 123_456):
                assert account_number(typed)[:6] != number[:6]
    assert account_number(123_457)[-1] != number[-1]


@pytest.mark.parametrize("serial", [0, -1, ACCOUNT_SERIAL_MAX + 1])
def test_there_is_no_number_beyond_the_series(serial: int) -> None:
    with pytest.raises(ValueError, match="serial"):
        account_number(serial)


def test_a_debit_takes_what_is_there_and_not_more() -> None:
    assert ANA.debited(100_00).balance_centavos == 0
    with pytest.raises(InsufficientBalance) as refusal:
        ANA.debited(100_01)
    assert refusal.value.field == "amount_centavos"


def test_blocked_and_closed_accounts_do_not_pay() -> None:
    with pytest.raises(AccountBlocked):
        BLOCKED.debited(1)
    with pytest.raises(AccountClosed):
        CLOSED.debited(1)


def test_a_credit_is_always_taken() -> None:
    assert BLOCKED.credited(1).balance_centavos == 100_01
    assert CLOSED.credited(1).balance_centavos == 100_01


def test_blocking_can_be_undone_and_closing_cannot() -> None:
    assert ANA.blocked().blocked().unblocked() == ANA
    with pytest.raises(AccountClosed):
        CLOSED.blocked()
    with pytest.raises(AccountClosed):
        CLOSED.unblocked()


def test_only_an_empty_account_that_expects_nothing_is_closed() -> None:
    with pytest.raises(AccountNotEmpty):
        ANA.closed(has_unfinished_transfers=False)
    empty = replace(ANA, balance_centavos=0)
    with pytest.raises(AccountHasTransfers):
        empty.closed(has_unfinished_transfers=True)
    assert empty.closed(has_unfinished_transfers=False).status is AccountStatus.CLOSED


@pytest.mark.parametrize("pin", ["1234", "123456"])
def test_a_pin_is_four_to_six_digits(pin: str) -> None:
    assert check_pin(pin) == pin


@pytest.mark.parametrize("pin", ["", "123", "1234567", "12a4", "１２３４"])
def test_anything_else_is_no_pin(pin: str) -> None:
    with pytest.raises(SchemeError) as refusal:
        check_pin(pin)
    assert refusal.value.field == "pin"


def test_each_posting_debits_and_credits_the_accounts_of_the_plan() -> None:
    customer = books.customer_ledger(ANA.number)
    plan = {
        books.deposit(ANA.number, "d-1", 5, NOW_MS): ("cash", customer),
        posting(outgoing(), PostingKind.PAYMENT, NOW_MS): (customer, "clearing"),
        posting(outgoing(), PostingKind.SETTLEMENT_OUT, NOW_MS): ("clearing", "settlement"),
        posting(outgoing(), PostingKind.REFUND, NOW_MS): ("clearing", customer),
        posting(incoming(), PostingKind.CREDIT, NOW_MS): ("settlement", customer),
        books.settlement_funding("f-1", 5, NOW_MS): ("settlement", "capital"),
        books.settlement_funding("f-2", -5, NOW_MS): ("capital", "settlement"),
    }
    for each, (debit, credit) in plan.items():
        assert (each.debit_account, each.credit_account) == (debit, credit)
        assert each.amount_centavos > 0
        assert (each.account_number is not None) == (customer in (debit, credit))
        assert (each.end_to_end_id is None) != (each.operation_id is None)


def test_booking_keeps_the_balance_in_the_posting() -> None:
    account, booked = books.book(ANA, posting(outgoing(), PostingKind.PAYMENT, NOW_MS))
    assert account.balance_centavos == booked.balance_after_centavos == 80_00
    account, booked = books.book(account, posting(outgoing(), PostingKind.REFUND, NOW_MS))
    assert account.balance_centavos == booked.balance_after_centavos == 100_00


def test_a_posting_changes_no_other_customers_balance() -> None:
    with pytest.raises(ValueError, match="account"):
        books.book(replace(ANA, number="999999-9"), posting(outgoing(), PostingKind.PAYMENT, NOW_MS))
