"""What making and changing a charge have in common: its payee, its key and its location."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bank_sim.application.ports import UnitOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.charges.errors import KeyNotOfAccount, LocationNotFound, LocationOfOtherKind, LocationTaken
from bank_sim.domain.charges.model import Charge, ChargeKind, Location
from bank_sim.domain.errors import AccountNotFound
from pix.scheme.keys import PixKey

NewToken = Callable[[], str]
"""Makes the last part of a location's address."""

LOCATION_ID_MAX: Final = 2**63 - 1
SKIP_MAX: Final = 2**31 - 1
"""No merchant has more to skip; a larger number is more than the database counts with."""


def payee_of(unit: UnitOfWork, account_number: str) -> Account:
    """The active account that is to be paid. Raises AccountNotFound, AccountBlocked, AccountClosed."""
    account = unit.accounts.find(account_number)
    if account is None:
        raise AccountNotFound
    account.check_may_act()
    return account


def check_key(unit: UnitOfWork, key: PixKey, account_number: str) -> None:
    """Raises KeyNotOfAccount."""
    if unit.keys.owners([key]).get(key) != account_number:
        raise KeyNotOfAccount


def find_location(unit: UnitOfWork, tax_id: str, location_id: int) -> Location:
    """A merchant's location. Raises LocationNotFound."""
    location = unit.locations.find(tax_id, location_id) if 0 < location_id <= LOCATION_ID_MAX else None
    if location is None:
        raise LocationNotFound
    return location


def free_location(unit: UnitOfWork, tax_id: str, location_id: int, kind: ChargeKind, txid: str) -> Location:
    """A location for the charge with this txid, which may have it already.

    Raises LocationNotFound, LocationOfOtherKind, LocationTaken.
    """
    location = find_location(unit, tax_id, location_id)
    if location.kind is not kind:
        raise LocationOfOtherKind
    if location.txid not in ("", txid):
        raise LocationTaken
    return location


def location_of(unit: UnitOfWork, charge: Charge) -> Location | None:
    """The one that shows the charge; None: it has none."""
    if charge.location_id is None:
        return None
    location = unit.locations.find(charge.tax_id, charge.location_id)
    return None if location is None else replace(location, txid=charge.txid)
