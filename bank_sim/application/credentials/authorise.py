"""OAuth 2.0 client credentials: a credential and its secret give a token, and the token tells who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bank_sim.application.credentials.tokens import Token, TokenSigner, credential_id_of
from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.domain.account import AccountStatus
from bank_sim.domain.credentials.model import ApiCredential, Merchant, is_credential_id
from pix.runtime.clock import Clock

TOKEN_SECONDS: Final = 3_600
SCOPES_ASKED_MAX: Final = 100


class ClientRejected(Exception):
    """The client id is unknown or revoked, or the secret is wrong. The error does not say which."""


class ScopeRejected(Exception):
    """The credential has none of the scopes that are asked for."""


class TokenRejected(Exception):
    """The token is forged, has expired, is of another certificate, or its credential was rotated or revoked."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, valid for `seconds` of real time."""

    token: str
    seconds: int
    scopes: tuple[str, ...]


class IssueToken:
    """Checks a secret and gives a token. How often one may try is the caller's to limit."""

    def __init__(self, units: UnitsOfWork, clock: Clock, signer: TokenSigner, token_seconds: int) -> None:
        self._units = units
        self._clock = clock
        self._signer = signer
        self._token_seconds = token_seconds

    def __call__(self, *, credential_id: str, secret: str, scope: str = "", thumbprint: str = "") -> IssuedToken:
        """A token with the scopes asked for, separated by spaces; with all of the credential's when none are.

        Scopes that the credential lacks are left out (RFC 6749, 3.3), because clients ask for all that a bank may
        have. With `thumbprint` the token is valid only over connections with that client certificate. Raises
        ClientRejected, ScopeRejected.
        """
        with self._units() as unit:
            credential = _active(unit, credential_id)
        if credential is None or not credential.secret_matches(secret):
            raise ClientRejected
        scopes = _granted(credential, scope)
        expires_at_ms = self._clock.real_now_ms() + self._token_seconds * 1_000
        token = Token(credential.credential_id, frozenset(scopes), expires_at_ms, thumbprint)
        return IssuedToken(self._signer.sign(credential, token), self._token_seconds, scopes)


def _granted(credential: ApiCredential, scope: str) -> tuple[str, ...]:
    asked = set(scope.split(maxsplit=SCOPES_ASKED_MAX))
    granted = tuple(each for each in credential.scopes if each in asked or not asked)
    if not granted:
        raise ScopeRejected
    return granted


class AuthoriseToken:
    """Tells on whose behalf a request acts."""

    def __init__(self, units: UnitsOfWork, clock: Clock, signer: TokenSigner) -> None:
        self._units = units
        self._clock = clock
        self._signer = signer

    def __call__(self, *, token: str, thumbprint: str = "") -> Merchant:
        """Raises TokenRejected."""
        credential_id = credential_id_of(token)
        if not credential_id:
            raise TokenRejected
        with self._units() as unit:
            credential = _active(unit, credential_id)
        content = None if credential is None else self._signer.read(credential, token)
        if credential is None or content is None:
            raise TokenRejected
        if self._clock.real_now_ms() >= content.expires_at_ms or content.thumbprint != thumbprint:
            raise TokenRejected
        scopes = content.scopes & frozenset(credential.scopes)
        return Merchant(credential.credential_id, credential.account_number, credential.tax_id, scopes)


def _active(unit: UnitOfWork, credential_id: str) -> ApiCredential | None:
    """The credential, unless it was revoked or its account is closed."""
    if not is_credential_id(credential_id):
        return None
    credential = unit.credentials.find(credential_id)
    if credential is None or not credential.is_active:
        return None
    account = unit.accounts.find(credential.account_number)
    return None if account is None or account.status is AccountStatus.CLOSED else credential
