"""A merchant looks charges up."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bank_sim.application.charges.making import SKIP_MAX, location_of
from bank_sim.application.charges.ports import ChargeFilter
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.charges.errors import ChargeNotFound, RevisionNotFound
from bank_sim.domain.charges.model import Charge, ChargeKind, Location
from pix.scheme.initiation import is_dynamic_txid

REVISION_MAX: Final = 2**31 - 1


class FindCharge:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(
        self, tax_id: str, txid: str, kind: ChargeKind, revision: int | None = None
    ) -> tuple[Charge, Location | None]:
        """The charge with its location, if it has one; with a revision, the charge as it was then.

        Raises ChargeNotFound, RevisionNotFound.
        """
        if not is_dynamic_txid(txid):
            raise ChargeNotFound
        with self._units() as unit:
            charge = unit.charges.find((tax_id, txid))
            if charge is None or charge.kind is not kind:
                raise ChargeNotFound
            if revision is not None:
                known = 0 <= revision <= REVISION_MAX
                found = unit.charges.find_revision((tax_id, txid), revision) if known else None
                if found is None:
                    raise RevisionNotFound
                charge = found
            return charge, location_of(unit, charge)


class ListCharges:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, narrow: ChargeFilter, skip: int, size: int) -> tuple[list[tuple[Charge, Location | None]], int]:
        """A merchant's charges with their locations, and how many the filter has in all.

        `skip` and `size` are not negative; the caller bounds `size`.
        """
        if "\0" in narrow.debtor_tax_id + narrow.batch_id:
            # A text that no row has is not looked up: the database refuses it.
            return [], 0
        with self._units() as unit:
            charges = unit.charges.list(narrow, min(skip, SKIP_MAX), size)
            total = unit.charges.count(narrow)
            ids = [charge.location_id for charge in charges if charge.location_id is not None]
            locations = unit.locations.find_many(narrow.tax_id, ids)
        found: list[tuple[Charge, Location | None]] = []
        for charge in charges:
            location = None if charge.location_id is None else locations.get(charge.location_id)
            found.append((charge, None if location is None else replace(location, txid=charge.txid)))
        return found, total
