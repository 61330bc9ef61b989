"""A customer removes a key: at the hub first, so that no payment finds it any more, and then here."""

from __future__ import annotations

from contextlib import suppress

from bank_sim.application.ports import Hub, UnitsOfWork
from bank_sim.domain.errors import AccountNotFound, KeyNotFound
from pix.scheme.keys import PixKey


class RemoveKey:
    """Removes a key of an account. A crash between hub and bank is mended by `reconcile_keys`."""

    def __init__(self, units: UnitsOfWork, hub: Hub) -> None:
        self._units = units
        self._hub = hub

    def __call__(self, *, account_number: str, key: PixKey) -> None:
        """Raises AccountNotFound, KeyNotFound (not this account's), HubUnavailable."""
        with self._units() as unit:
            if unit.accounts.find(account_number) is None:
                raise AccountNotFound
            if unit.keys.owners([key]).get(key) != account_number:
                raise KeyNotFound
        # Not there: removed before, and the answer was lost. What is left to do is ours.
        with suppress(KeyNotFound):
            self._hub.remove_key(key, account_number)
        with self._units() as unit:
            unit.keys.remove([key], account_number)
            unit.commit()
