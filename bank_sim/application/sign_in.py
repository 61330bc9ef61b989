"""A customer proves to be the holder of an account."""

from __future__ import annotations

from bank_sim.application.pins import UNKNOWN_ACCOUNTS_PIN_HASH, pin_matches
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import PIN_LENGTH_MAX, Account
from bank_sim.domain.errors import WrongCredentials


class SignIn:
    """Checks a PIN. How often one may try is the caller's to limit."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str, pin: str) -> Account:
        """Raises WrongCredentials, also for an account that does not exist."""
        with self._units() as unit:
            account = unit.accounts.find(account_number)
            pin_hash = unit.accounts.pin_hash(account_number)
        is_right = len(pin) <= PIN_LENGTH_MAX and pin_matches(pin, pin_hash or UNKNOWN_ACCOUNTS_PIN_HASH)
        if account is None or pin_hash is None or not is_right:
            raise WrongCredentials
        return account
