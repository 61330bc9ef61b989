"""The bank blocks an account, and unblocks it."""

from __future__ import annotations

from collections.abc import Callable

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountNotFound


class BlockAccount:
    """A blocked account neither pays nor is offered money; what was promised before is still credited."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str) -> Account:
        """Blocking twice changes nothing. Raises AccountNotFound, AccountClosed."""
        return _change(self._units, account_number, Account.blocked)


class UnblockAccount:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str) -> Account:
        """Raises AccountNotFound, AccountClosed."""
        return _change(self._units, account_number, Account.unblocked)


def _change(units: UnitsOfWork, account_number: str, change: Callable[[Account], Account]) -> Account:
    with units() as unit:
        account = unit.accounts.lock([account_number]).get(account_number)
        if account is None:
            raise AccountNotFound
        account = change(account)
        unit.accounts.save([account])
        unit.commit()
    return account
