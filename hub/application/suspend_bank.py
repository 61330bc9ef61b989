"""The operator suspends a bank, and lets it take part again."""

from __future__ import annotations

from dataclasses import replace

from hub.application.ports import UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.errors import BankNotFound
from hub.domain.trail import COMMAND_LINE, Act, Author, entry
from pix.runtime.clock import Clock


class SuspendBank:
    """From the next batch on no transfer of the bank is confirmed (DS27); what is confirmed is completed."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, code: str, by: Author = COMMAND_LINE) -> Bank:
        """A second time changes nothing. Raises BankNotFound."""
        return _set_active(self._units, self._clock, code, by, active=False)


class ResumeBank:
    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, code: str, by: Author = COMMAND_LINE) -> Bank:
        return _set_active(self._units, self._clock, code, by, active=True)


def _set_active(units: UnitsOfWork, clock: Clock, code: str, by: Author, *, active: bool) -> Bank:
    with units() as unit:
        bank = next((bank for bank in unit.banks.all().values() if bank.code == code), None)
        if bank is None:
            raise BankNotFound("code", "no bank has this code")
        if bank.active != active:
            unit.banks.set_active(bank.ispb, active=active)
            act = Act.BANK_RESUMED if active else Act.BANK_SUSPENDED
            unit.trail.add(entry(clock.real_now_ms(), act, by, code=code))
            unit.commit()
    return replace(bank, active=active)
