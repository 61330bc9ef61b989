"""An account is closed, for ever, and its keys leave the hub's directory."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from bank_sim.application.charges.remove_charges import RemoveChargesOfClosedAccounts
from bank_sim.application.flow_rows import has_undecided
from bank_sim.application.ports import Hub, UnitsOfWork
from bank_sim.domain.account import Account, AccountKey
from bank_sim.domain.errors import (
    AccountNotFound,
    BankError,
    HubCredentialsRejected,
    HubUnavailable,
    KeyNotFound,
    LookUpLimitReached,
)
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.errors import SchemeError

KEYS_PER_READ: Final = 100

log = logger(__name__)


class RemoveKeysOfClosedAccounts:
    """Removes the keys of closed accounts: from the directory, so that their holders can register them elsewhere.

    A key that is kept here for a closed account is a removal that is due. It survives a crash and a hub that is away,
    and the scheduler tries it again until the hub has answered. The hub removes a key only while it pays into the
    closed account: a repeated removal never takes the key from the account that has it by then.
    """

    def __init__(self, units: UnitsOfWork, hub: Hub, kept: Collection[str] = ()) -> None:
        """The accounts `kept` (their numbers) keep their keys: demo people who show what AC07 is."""
        self._units = units
        self._hub = hub
        self._kept = frozenset(kept)

    def __call__(self) -> None:
        """Raises HubUnavailable, HubCredentialsRejected, DatabaseUnavailable."""
        after = None
        while True:
            with self._units() as unit:
                entries = unit.keys.of_closed_accounts(after, KEYS_PER_READ)
            self._remove(entries)
            if len(entries) < KEYS_PER_READ:
                return
            after = entries[-1].key

    def of_account(self, account_number: str) -> None:
        """The same for one closed account."""
        with self._units() as unit:
            entries = unit.keys.of_account(account_number)
        self._remove(entries)

    def _remove(self, entries: Collection[AccountKey]) -> None:
        for entry in entries:
            if entry.account_number in self._kept:
                continue
            try:
                # Not there: removed before, and the answer was lost. What is left to do is ours.
                with suppress(KeyNotFound):
                    self._hub.remove_key(entry.key, entry.account_number)
            except (HubUnavailable, HubCredentialsRejected, LookUpLimitReached):
                raise
            except SchemeError as error:
                # One key that the hub refuses must not hold up the others.
                log.warning("the hub did not remove a key of a closed account", kind=entry.key.kind, error=str(error))
                continue
            with self._units() as unit:
                unit.keys.remove([entry.key], entry.account_number)
                unit.commit()


class CloseAccount:
    """Closes an empty account to which no money can come any more.

    Until its keys are removed, payments to them are rejected with AC07, as the scheme has it. Its charges are removed
    with it.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        remove_keys: RemoveKeysOfClosedAccounts,
        remove_charges: RemoveChargesOfClosedAccounts,
    ) -> None:
        self._units = units
        self._remove_keys = remove_keys
        self._remove_charges = remove_charges

    def __call__(self, *, account_number: str) -> Account:
        """Closing twice changes nothing. Works while the hub is down: the keys are removed once it answers.

        Raises AccountNotFound, AccountNotEmpty, AccountHasTransfers.
        """
        with self._units() as unit:
            # An acceptance and a debit lock the account too, so neither can come in between.
            account = unit.accounts.lock([account_number]).get(account_number)
            if account is None:
                raise AccountNotFound
            account = account.closed(has_undecided(unit, account_number))
            unit.accounts.save([account])
            unit.commit()
        # The account is closed whatever becomes of this; the scheduler goes on with what is left.
        with suppress(DatabaseUnavailable):
            self._remove_charges()
        with suppress(BankError, DatabaseUnavailable):
            self._remove_keys.of_account(account_number)
        return account
