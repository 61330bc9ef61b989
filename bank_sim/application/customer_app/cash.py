"""A customer pays test money in, and takes it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.account import Account
from bank_sim.domain.books import Posting
from bank_sim.domain.errors import AccountNotFound, BankError
from pix.runtime.clock import SchemeClock
from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, check_amount, format_brl

OPERATION_ID_LENGTH_MAX: Final = 64


class BalanceTooHigh(BankError):
    def __init__(self) -> None:
        super().__init__("amount_centavos", f"The balance can be at most {format_brl(AMOUNT_CENTAVOS_MAX)}.")


class MoveCash:
    """Books a deposit or a withdrawal, once per operation id."""

    def __init__(
        self, units: UnitsOfWork, scheme_clock: SchemeClock, make_posting: Callable[[str, str, int, int], Posting]
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._make_posting = make_posting

    def __call__(self, *, account_number: str, amount_centavos: int, operation_id: str) -> Account:
        """The account afterwards. The same operation id again changes nothing.

        Raises AccountNotFound, AccountBlocked, AccountClosed, InsufficientBalance, BalanceTooHigh, and
        SchemeError(field="amount_centavos" | "operation_id").
        """
        amount_centavos = check_amount(amount_centavos, "amount_centavos")
        if not 1 <= len(operation_id) <= OPERATION_ID_LENGTH_MAX or not operation_id.isascii():
            raise SchemeError("operation_id", f"Use 1 to {OPERATION_ID_LENGTH_MAX} ASCII characters.")
        with self._units() as unit:
            account = unit.accounts.lock([account_number]).get(account_number)
            if account is None:
                raise AccountNotFound
            # With the account in it, an operation of another account is not taken for this one.
            operation_id = f"{account_number}/{operation_id}"
            if unit.postings.known_operations([operation_id]):
                return account
            account.check_may_act()
            posting = self._make_posting(account_number, operation_id, amount_centavos, self._scheme_clock.now_ms())
            account, posting = books.book(account, posting)
            if account.balance_centavos > AMOUNT_CENTAVOS_MAX and posting.debit_account == books.CASH:
                raise BalanceTooHigh
            unit.postings.add([posting])
            unit.accounts.save([account])
            unit.commit()
        return account
