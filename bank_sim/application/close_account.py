"""An account is closed, for ever."""

from __future__ import annotations

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountNotFound


class CloseAccount:
    """Closes an empty account to which no money can come any more.

    Its keys stay registered until somebody removes them: payments to them are rejected with AC07, as the scheme has it.
    """

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str) -> Account:
        """Closing twice changes nothing. Raises AccountNotFound, AccountNotEmpty, AccountHasTransfers."""
        with self._units() as unit:
            # Whoever promises a credit or debits the account locks it too, so nothing can come in between.
            account = unit.accounts.lock([account_number]).get(account_number)
            if account is None:
                raise AccountNotFound
            account = account.closed(unit.transfers.has_undecided(account_number))
            unit.accounts.save([account])
            unit.commit()
        return account
