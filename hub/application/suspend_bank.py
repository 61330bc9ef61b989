"""The operator suspends a bank, and lets it take part again."""

from __future__ import annotations

from dataclasses import replace

from hub.application.ports import UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.errors import BankNotFound


class SuspendBank:
    """From the next batch on no transfer of the bank is confirmed (DS27); what is confirmed is completed."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, code: str) -> Bank:
        """A second time changes nothing. Raises BankNotFound."""
        return _set_active(self._units, code, active=False)


class ResumeBank:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, code: str) -> Bank:
        return _set_active(self._units, code, active=True)


def _set_active(units: UnitsOfWork, code: str, *, active: bool) -> Bank:
    with units() as unit:
        bank = next((bank for bank in unit.banks.all().values() if bank.code == code), None)
        if bank is None:
            raise BankNotFound("code", "no bank has this code")
        unit.banks.set_active(bank.ispb, active=active)
        unit.commit()
    return replace(bank, active=active)
