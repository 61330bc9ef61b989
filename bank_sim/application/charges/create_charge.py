"""A merchant creates a charge, or replaces an active one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bank_sim.application.charges.making import NewToken, check_key, free_location, payee_of
from bank_sim.application.ports import RowExists, UnitOfWork, UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.charges.batches import ItemStatus
from bank_sim.domain.charges.checks import check_charge
from bank_sim.domain.charges.errors import TxidInBatch
from bank_sim.domain.charges.model import Charge, Location
from bank_sim.domain.charges.orders import ChargeOrder, check_replaceable, new_charge, replaced
from pix.runtime.clock import SchemeClock
from pix.scheme.initiation import Initiation, check_txid

ATTEMPTS_MAX: Final = 3

NoteNewCharge = Callable[[UnitOfWork, Charge, Location], None]


class CreateCharge:
    """Puts a charge as the merchant orders it, together with the location that shows it."""

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        new_txid: Callable[[], str],
        new_token: NewToken,
        note_new: NoteNewCharge | None = None,
    ) -> None:
        """`note_new` is called in the transaction of each charge that is new."""
        self._note_new = note_new
        self._units = units
        self._scheme_clock = scheme_clock
        self._new_txid = new_txid
        self._new_token = new_token

    def __call__(self, order: ChargeOrder) -> tuple[Charge, Location]:
        """The charge with its location.

        With the txid of an active charge, that charge as replaced: the revision goes up unless nothing but the location
        is new. Raises SchemeError as `check_charge`, AccountNotFound, AccountBlocked, AccountClosed, KeyNotOfAccount,
        TxidTaken, TxidInBatch, ChargeNotActive, LocationNotFound, LocationOfOtherKind, LocationTaken.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self._units() as unit:
                    taken = self.within(unit, order)
                    unit.commit()
                return taken
            except RowExists:
                # Another request has made the same charge, or taken the location: read again, and there it is.
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def within(self, unit: UnitOfWork, order: ChargeOrder, batch_id: str = "") -> tuple[Charge, Location]:
        """The same in the caller's transaction; `batch_id` names the batch that makes the charge."""
        account = payee_of(unit, order.account_number)
        txid = check_txid(order.txid or self._new_txid(), Initiation.QRDN)
        before = unit.charges.lock([(account.tax_id, txid)]).get((account.tax_id, txid))
        if before is None and not batch_id:
            _check_no_batch(unit, account, txid)
        if before is not None:
            check_replaceable(before, order.kind)
        check_key(unit, order.key, account.number)
        # Checked before anything is written: a batch goes on when one of its charges is denied.
        if before is None:
            charge = check_charge(new_charge(order, account.tax_id, txid, self._scheme_clock.now_ms(), batch_id))
        else:
            charge = check_charge(replaced(before, order))
        location = self._location(unit, order, account, txid, before)
        charge = replace(charge, location_id=location.location_id)
        if before is None:
            unit.charges.add([charge])
            if self._note_new is not None:
                self._note_new(unit, charge, location)
        else:
            unit.charges.save([charge], changed_by_merchant=True)
        return charge, replace(location, txid=txid)

    def _location(
        self, unit: UnitOfWork, order: ChargeOrder, account: Account, txid: str, before: Charge | None
    ) -> Location:
        wanted = order.location_id if order.location_id is not None else before.location_id if before else None
        if wanted is not None:
            return free_location(unit, account.tax_id, wanted, order.kind, txid)
        return unit.locations.add(account.tax_id, order.kind, self._new_token(), self._scheme_clock.now_ms())


def _check_no_batch(unit: UnitOfWork, account: Account, txid: str) -> None:
    item = unit.batches.find_items(account.tax_id, [txid]).get(txid)
    if item is not None and item.status is not ItemStatus.MADE:
        raise TxidInBatch
