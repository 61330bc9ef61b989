"""A customer creates, rotates and revokes credentials of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bank_sim.application.ports import RowExists, UnitOfWork, UnitsOfWork
from bank_sim.domain.credentials.model import (
    ACTIVE_CREDENTIALS_MAX,
    ALL_SCOPES,
    REVOKED_CREDENTIALS_KEPT,
    ApiCredential,
    CredentialNotFound,
    CredentialTaken,
    Scope,
    TooManyCredentials,
    check_credential_id,
    check_name,
    check_scopes,
    check_secret,
    hash_secret,
    is_credential_id,
)
from bank_sim.domain.errors import AccountNotFound
from pix.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential with its secret, which is shown this once and kept nowhere."""

    credential: ApiCredential
    secret: str


class CreateCredential:
    """Makes a credential of an account."""

    def __init__(
        self, units: UnitsOfWork, clock: Clock, new_id: Callable[[], str], new_secret: Callable[[], str]
    ) -> None:
        self._units = units
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret

    def __call__(
        self,
        *,
        account_number: str,
        name: str = "",
        scopes: Iterable[str] = ALL_SCOPES,
        credential_id: str = "",
        secret: str = "",
    ) -> NewCredential:
        """The credential and its secret. Without scopes it has all.

        `credential_id` and `secret` are made unless they are given, for a network that is to be the same each time;
        the same again then changes nothing. Raises SchemeError(field="name" | "scopes" | "credential_id" | "secret"),
        AccountNotFound, AccountBlocked, AccountClosed, TooManyCredentials, CredentialTaken.
        """
        name, wanted = check_name(name), check_scopes(scopes)
        chosen_id = check_credential_id(credential_id) if credential_id else ""
        secret = check_secret(secret) if secret else self._new_secret()
        try:
            credential = self._create(account_number, name, wanted, chosen_id, secret)
        except RowExists:
            raise CredentialTaken from None
        return NewCredential(credential, secret)

    def _create(
        self, account_number: str, name: str, scopes: tuple[Scope, ...], chosen_id: str, secret: str
    ) -> ApiCredential:
        with self._units() as unit:
            account = unit.accounts.lock([account_number]).get(account_number)
            if account is None:
                raise AccountNotFound
            account.check_may_act()
            credential = ApiCredential(
                credential_id=chosen_id or self._new_id(),
                account_number=account.number,
                tax_id=account.tax_id,
                name=name,
                scopes=scopes,
                secret_hash=hash_secret(secret),
                created_at_ms=self._clock.real_now_ms(),
            )
            if chosen_id and (known := unit.credentials.find(chosen_id)) is not None:
                return _same(known, credential)
            _make_room(unit, account.number)
            unit.credentials.add(credential)
            unit.commit()
        return credential


def _same(known: ApiCredential, wanted: ApiCredential) -> ApiCredential:
    """The credential that is there. Raises CredentialTaken for one of another account, with other rights or revoked."""
    of_known = (known.account_number, known.scopes, known.secret_hash, known.is_active)
    if of_known != (wanted.account_number, wanted.scopes, wanted.secret_hash, True):
        raise CredentialTaken
    return known


def _make_room(unit: UnitOfWork, account_number: str) -> None:
    """Raises TooManyCredentials. The lock on the account keeps the numbers."""
    credentials = unit.credentials.of_account(account_number)
    if sum(each.is_active for each in credentials) >= ACTIVE_CREDENTIALS_MAX:
        raise TooManyCredentials
    revoked = [each for each in credentials if not each.is_active]
    if over := revoked[REVOKED_CREDENTIALS_KEPT:]:
        unit.credentials.remove([each.credential_id for each in over])


class RotateSecret:
    """Gives a credential another secret; the one before and its tokens end at once."""

    def __init__(self, units: UnitsOfWork, clock: Clock, new_secret: Callable[[], str]) -> None:
        self._units = units
        self._clock = clock
        self._new_secret = new_secret

    def __call__(self, *, account_number: str, credential_id: str) -> NewCredential:
        """Raises CredentialNotFound, CredentialRevoked."""
        secret = self._new_secret()
        with self._units() as unit:
            credential = _lock(unit, account_number, credential_id)
            credential = credential.rotated(hash_secret(secret), self._clock.real_now_ms())
            unit.credentials.save(credential)
            unit.commit()
        return NewCredential(credential, secret)


class RevokeCredential:
    """Ends a credential and its tokens for ever."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, *, account_number: str, credential_id: str) -> ApiCredential:
        """Revoking twice changes nothing. Raises CredentialNotFound."""
        with self._units() as unit:
            credential = _lock(unit, account_number, credential_id).revoked(self._clock.real_now_ms())
            unit.credentials.save(credential)
            unit.commit()
        return credential


def _lock(unit: UnitOfWork, account_number: str, credential_id: str) -> ApiCredential:
    credential = unit.credentials.lock(credential_id) if is_credential_id(credential_id) else None
    if credential is None or credential.account_number != account_number:
        raise CredentialNotFound
    return credential


class CredentialQueries:
    """Reads, each in a separate transaction."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def list(self, account_number: str) -> list[ApiCredential]:
        """The active ones, then the revoked; the newest of each first. Raises AccountNotFound."""
        with self._units() as unit:
            if unit.accounts.find(account_number) is None:
                raise AccountNotFound
            return unit.credentials.of_account(account_number)

    def find(self, account_number: str, credential_id: str) -> ApiCredential:
        """Raises CredentialNotFound, also for another account's."""
        with self._units() as unit:
            credential = unit.credentials.find(credential_id) if is_credential_id(credential_id) else None
        if credential is None or credential.account_number != account_number:
            raise CredentialNotFound
        return credential
