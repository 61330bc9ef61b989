"""A customer chooses another PIN."""

from __future__ import annotations

from bank_sim.application.pins import hash_pin, pin_matches
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import PIN_LENGTH_MAX, AccountStatus, check_pin
from bank_sim.domain.errors import AccountClosed, AccountNotFound, BankError
from pix.scheme.errors import SchemeError


class WrongPin(BankError):
    def __init__(self) -> None:
        super().__init__("pin", "This isn't your current PIN.")


class ChangePin:
    """How often one may try is the caller's to limit."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str, pin: str, new_pin: str) -> None:
        """From now on the new PIN alone counts.

        Raises AccountNotFound, AccountClosed, WrongPin, and SchemeError(field="new_pin").
        """
        try:
            check_pin(new_pin)
        except SchemeError as error:
            raise SchemeError("new_pin", error.rule) from None
        if new_pin == pin:
            raise SchemeError("new_pin", "Choose a PIN that differs from the current one.")
        with self._units() as unit:
            pin_hash = unit.accounts.pin_hash(account_number)
        if pin_hash is None:
            raise AccountNotFound
        # Both take tens of milliseconds: no transaction is open meanwhile.
        if len(pin) > PIN_LENGTH_MAX or not pin_matches(pin, pin_hash):
            raise WrongPin
        new_hash = hash_pin(new_pin)
        with self._units() as unit:
            account = unit.accounts.lock([account_number])[account_number]
            if account.status is AccountStatus.CLOSED:
                raise AccountClosed
            # Of two changes at the same time the second has checked a PIN that counts no more.
            if unit.accounts.pin_hash(account_number) != pin_hash:
                raise WrongPin
            unit.accounts.save_pin_hash(account_number, new_hash)
            unit.commit()
