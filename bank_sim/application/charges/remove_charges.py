"""An account that is closed is paid no more, so its charges leave with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.charges.model import ChargeStatus

CHARGES_PER_TRANSACTION: Final = 100


class RemoveChargesOfClosedAccounts:
    """Removes the active charges of closed accounts (REMOVIDA_PELO_PSP); the scheduler repeats it.

    A charge that a transfer holds pins its account by that transfer, so none is removed under a payment.
    """

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self) -> int:
        """How many it has removed. Raises DatabaseUnavailable."""
        removed = 0
        while True:
            with self._units() as unit:
                charges = unit.charges.lock_open_of_closed_accounts(CHARGES_PER_TRANSACTION)
                unit.charges.save([replace(charge, status=ChargeStatus.REMOVED_BY_BANK) for charge in charges])
                unit.commit()
            removed += len(charges)
            if len(charges) < CHARGES_PER_TRANSACTION:
                return removed
