"""A customer registers a key: at the hub first, which decides, and then here."""

from __future__ import annotations

from collections.abc import Callable

from bank_sim.application.ports import Hub, UnitsOfWork
from bank_sim.domain.account import AccountKey
from bank_sim.domain.errors import AccountNotFound
from pix.runtime.clock import Clock
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, check_key_owner, normalize_key


class RegisterKey:
    """Registers a key for an account. A crash between hub and bank is mended by `reconcile_keys`."""

    def __init__(self, units: UnitsOfWork, hub: Hub, clock: Clock, new_id: Callable[[], str]) -> None:
        self._units = units
        self._hub = hub
        self._clock = clock
        self._new_id = new_id

    def __call__(self, *, account_number: str, kind: KeyKind, key: str, request_id: str = "") -> AccountKey:
        """The key as registered; `key` is empty for EVP, which the hub makes. Repeating it changes nothing.

        A second random key with the same `request_id`, a UUID, is the first one; without it each is a new one.

        Raises SchemeError(field="key"), AccountNotFound, AccountBlocked, AccountClosed, KeyTaken, KeyLimitReached,
        HubUnavailable.
        """
        with self._units() as unit:
            account = unit.accounts.find(account_number)
        if account is None:
            raise AccountNotFound
        account.check_may_act()
        if kind is KeyKind.EVP:
            if key.strip():
                raise SchemeError("key", "The hub generates random keys; you cannot choose one.")
        else:
            normalized = normalize_key(kind, key)
            check_key_owner(normalized, account.tax_id)
            key = normalized.key
        registered = self._hub.register_key(account, kind, key, request_id or self._new_id())
        with self._units() as unit:
            unit.keys.put([registered], self._clock.real_now_ms())
            unit.commit()
        return registered
