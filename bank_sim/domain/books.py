"""The bank's books, by double entry: each posting debits one account and credits another, and never changes.

Money that has left a payer and is not settled is in the clearing account.
"""

from __future__ import annotations

from typing import Final

from bank_sim.domain.account import Account
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.values import replacing, value_object

CASH: Final = "cash"
"""What customers have paid in and not taken out again: an asset."""
CAPITAL: Final = "capital"
"""What the owners have put into the settlement account: a liability."""
CLEARING: Final = "clearing"
"""Money on its way out, debited and not yet decided on: a liability."""
SETTLEMENT: Final = "settlement"
"""The bank's account at the hub, mirrored: an asset."""
CUSTOMER_PREFIX: Final = "customer:"

KINDS_IN: Final = frozenset({PostingKind.DEPOSIT, PostingKind.CREDIT})
"""They bring a customer new money."""
KINDS_OUT: Final = frozenset({PostingKind.PAYMENT, PostingKind.WITHDRAWAL})
"""They take a customer's money."""
KINDS_OF_CUSTOMERS: Final = KINDS_IN | KINDS_OUT | {PostingKind.REFUND}
"""All that change a customer's balance."""


@value_object
class Posting:
    """One entry: debits one ledger account and credits another by the same amount, which is more than zero.

    Of a transfer it has the end-to-end id and direction, and is unique with its kind; of cash or a funding it has
    the id of that operation. `account_number` is the customer's whose balance it changes, and
    `balance_after_centavos` that balance once `book` has applied the posting.
    """

    kind: PostingKind
    debit_account: str
    credit_account: str
    amount_centavos: int
    posted_at_ms: int
    end_to_end_id: str | None = None
    direction: Direction | None = None
    operation_id: str | None = None
    account_number: str | None = None
    balance_after_centavos: int | None = None


_replaced: Final = replacing(Posting)


def customer_ledger(account_number: str) -> str:
    return f"{CUSTOMER_PREFIX}{account_number}"


def deposit(account_number: str, operation_id: str, amount_centavos: int, at_ms: int) -> Posting:
    return Posting(
        kind=PostingKind.DEPOSIT,
        debit_account=CASH,
        credit_account=customer_ledger(account_number),
        amount_centavos=amount_centavos,
        posted_at_ms=at_ms,
        operation_id=operation_id,
        account_number=account_number,
    )


def withdrawal(account_number: str, operation_id: str, amount_centavos: int, at_ms: int) -> Posting:
    return Posting(
        kind=PostingKind.WITHDRAWAL,
        debit_account=customer_ledger(account_number),
        credit_account=CASH,
        amount_centavos=amount_centavos,
        posted_at_ms=at_ms,
        operation_id=operation_id,
        account_number=account_number,
    )


def settlement_funding(funding_id: str, amount_centavos: int, at_ms: int) -> Posting:
    """The operator has put money into the settlement account (positive) or taken some out (negative)."""
    debit_account, credit_account = (SETTLEMENT, CAPITAL) if amount_centavos > 0 else (CAPITAL, SETTLEMENT)
    return Posting(
        kind=PostingKind.SETTLEMENT_FUNDING,
        debit_account=debit_account,
        credit_account=credit_account,
        amount_centavos=abs(amount_centavos),
        posted_at_ms=at_ms,
        operation_id=funding_id,
    )


def book(account: Account, posting: Posting) -> tuple[Account, Posting]:
    """The customer's account after a posting that concerns it, and the posting with that balance written in.

    Raises AccountBlocked, AccountClosed, InsufficientBalance for a debit; a credit is always taken.
    """
    if posting.account_number != account.number:
        raise ValueError("a posting changes the balance of the account that it names")
    if posting.debit_account == customer_ledger(account.number):
        after = account.debited(posting.amount_centavos)
    else:
        after = account.credited(posting.amount_centavos)
    return after, _replaced(posting, balance_after_centavos=after.balance_centavos)
