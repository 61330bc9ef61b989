"""Locations on their own: made before a charge, looked up, and taken from a charge."""

from __future__ import annotations

from dataclasses import replace

from bank_sim.application.charges.making import SKIP_MAX, NewToken, find_location, payee_of
from bank_sim.application.charges.ports import LocationFilter
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.charges.model import ChargeKind, Location
from pix.runtime.clock import SchemeClock


class Locations:
    """What a merchant does with locations."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, new_token: NewToken) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._new_token = new_token

    def create(self, account_number: str, kind: ChargeKind) -> Location:
        """A new one, which serves no charge yet. Raises AccountNotFound, AccountBlocked, AccountClosed."""
        with self._units() as unit:
            account = payee_of(unit, account_number)
            location = unit.locations.add(account.tax_id, kind, self._new_token(), self._scheme_clock.now_ms())
            unit.commit()
        return location

    def find(self, tax_id: str, location_id: int) -> Location:
        """Raises LocationNotFound."""
        with self._units() as unit:
            return find_location(unit, tax_id, location_id)

    def list(self, narrow: LocationFilter, skip: int, size: int) -> tuple[list[Location], int]:
        """A merchant's, oldest first, and how many the filter has in all."""
        with self._units() as unit:
            return unit.locations.list(narrow, min(skip, SKIP_MAX), size), unit.locations.count(narrow)

    def unbind(self, tax_id: str, location_id: int) -> Location:
        """The location, which serves no charge any more; the charge keeps its status and revision.

        One that serves none stays as it is. Raises LocationNotFound.
        """
        with self._units() as unit:
            location = find_location(unit, tax_id, location_id)
            place = (tax_id, location.txid)
            charge = unit.charges.lock([place]).get(place) if location.txid else None
            # It may have got another location since.
            if charge is not None and charge.location_id == location_id:
                unit.charges.save([replace(charge, location_id=None)])
                unit.commit()
        return replace(location, txid="")
