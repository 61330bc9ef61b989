"""A merchant changes an active charge, or removes it."""

from __future__ import annotations

from typing import Final

from bank_sim.application.charges.making import check_key, free_location, location_of
from bank_sim.application.ports import RowExists, UnitOfWork, UnitsOfWork
from bank_sim.domain.charges.batches import ItemStatus
from bank_sim.domain.charges.checks import check_charge
from bank_sim.domain.charges.errors import ChargeNotFound, TxidInBatch
from bank_sim.domain.charges.model import Charge, ChargeKind, Location
from bank_sim.domain.charges.orders import ChargeChange, changed
from pix.scheme.initiation import is_dynamic_txid

ATTEMPTS_MAX: Final = 3


class ChangeCharge:
    """Changes what the merchant names (PATCH). A payment that was accepted before goes on all the same."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(
        self, tax_id: str, txid: str, kind: ChargeKind, change: ChargeChange
    ) -> tuple[Charge, Location | None]:
        """The charge with its location, if it has one.

        Raises SchemeError as `check_charge`, ChargeNotFound, TxidInBatch, ChargeNotActive, RemovalWithChanges,
        KeyNotOfAccount, LocationNotFound, LocationOfOtherKind, LocationTaken.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self._units() as unit:
                    charge = self.within(unit, tax_id, txid, kind, change)
                    location = location_of(unit, charge)
                    unit.commit()
                return charge, location
            except RowExists:
                # Another charge has taken the location: read again.
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def within(self, unit: UnitOfWork, tax_id: str, txid: str, kind: ChargeKind, change: ChargeChange) -> Charge:
        """The same in the caller's transaction."""
        if not is_dynamic_txid(txid):
            # A text that cannot be a txid is not looked up: the database may refuse it.
            raise ChargeNotFound
        before = unit.charges.lock([(tax_id, txid)]).get((tax_id, txid))
        if before is None or before.kind is not kind:
            item = unit.batches.find_items(tax_id, [txid]).get(txid) if before is None else None
            raise TxidInBatch if item is not None and item.status is not ItemStatus.MADE else ChargeNotFound
        after = changed(before, change)
        if change.key is not None:
            check_key(unit, change.key, before.account_number)
        if change.location_id is not None:
            free_location(unit, tax_id, change.location_id, kind, txid)
        if not change.is_removed:
            after = check_charge(after)
        unit.charges.save([after], changed_by_merchant=True)
        return after
