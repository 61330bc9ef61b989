"""A credential of the API Pix: what it may do, and who it acts for.

Scopes are those of the Central Bank's API Pix (OAuth 2.0 client credentials, RFC 6749, 4.4). Times are Unix
milliseconds of real time: no virtual clock moves secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from bank_sim.domain.errors import BankError
from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_line
from pix.scheme.values import value_object

NAME_LENGTH_MAX: Final = 60
SECRET_LENGTH_MIN: Final = 32
SECRET_LENGTH_MAX: Final = 128
ACTIVE_CREDENTIALS_MAX: Final = 20
"""Of an account."""
REVOKED_CREDENTIALS_KEPT: Final = 20
"""Of an account, the newest: the older ones are removed when another is made."""

_CREDENTIAL_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]+")


class Scope(StrEnum):
    """What a token may do."""

    COB_READ = "cob.read"
    COB_WRITE = "cob.write"
    COBV_READ = "cobv.read"
    COBV_WRITE = "cobv.write"
    BATCH_READ = "lotecobv.read"
    BATCH_WRITE = "lotecobv.write"
    LOCATION_READ = "payloadlocation.read"
    LOCATION_WRITE = "payloadlocation.write"
    PIX_READ = "pix.read"
    PIX_WRITE = "pix.write"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_WRITE = "webhook.write"


ALL_SCOPES: Final = tuple(Scope)


class CredentialNotFound(BankError):
    """The account has no such credential."""

    def __init__(self) -> None:
        super().__init__("credential_id", "This account has no API credential with this ID.")


class CredentialRevoked(BankError):
    """A revoked credential stays revoked."""

    def __init__(self) -> None:
        super().__init__("credential_id", "The API credential is revoked. Create a new one.")


class CredentialTaken(BankError):
    """A chosen id is another credential's."""

    def __init__(self) -> None:
        super().__init__("credential_id", "This ID belongs to another API credential.")


class TooManyCredentials(BankError):
    """The account has as many active credentials as it may have."""

    def __init__(self) -> None:
        super().__init__(
            "credentials", f"An account has at most {ACTIVE_CREDENTIALS_MAX} API credentials. Revoke one first."
        )


@value_object
class ApiCredential:
    """One credential. The secret is kept as a hash alone."""

    credential_id: str
    """OAuth's client id."""
    account_number: str
    tax_id: str
    """Of the account's holder, in stored form."""
    name: str
    """By which its owner knows it; may be empty."""
    scopes: tuple[Scope, ...]
    """In the order of `Scope`."""
    secret_hash: str
    """See `hash_secret`."""
    created_at_ms: int
    version: int = 1
    """Of the secret: a rotation raises it."""
    rotated_at_ms: int | None = None
    revoked_at_ms: int | None = None

    @property
    def is_active(self) -> bool:
        return self.revoked_at_ms is None

    def rotated(self, secret_hash: str, real_now_ms: int) -> ApiCredential:
        """With another secret; tokens of the one before end. Raises CredentialRevoked."""
        if not self.is_active:
            raise CredentialRevoked
        return replace(self, secret_hash=secret_hash, version=self.version + 1, rotated_at_ms=real_now_ms)

    def revoked(self, real_now_ms: int) -> ApiCredential:
        """Ended for ever; revoking twice changes nothing."""
        return self if not self.is_active else replace(self, revoked_at_ms=real_now_ms)

    def secret_matches(self, secret: str) -> bool:
        return hmac.compare_digest(hash_secret(secret), self.secret_hash)


@value_object
class Merchant:
    """On whose behalf a request of the API Pix acts, and what it may do."""

    credential_id: str
    account_number: str
    tax_id: str
    """Everything of the API is narrowed to it."""
    scopes: frozenset[str]


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. A secret has 256 random bits, so that no slow hash has to protect a weak choice."""
    return hashlib.sha256(secret.encode()).hexdigest()


def check_secret(secret: str) -> str:
    """Return a secret that was chosen for a repeatable network. Raises SchemeError(field="secret")."""
    if not SECRET_LENGTH_MIN <= len(secret) <= SECRET_LENGTH_MAX or not _SECRET.fullmatch(secret):
        raise SchemeError(
            "secret",
            f"Use {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} letters, digits, hyphens and underscores.",
        )
    return secret


def is_credential_id(text: str) -> bool:
    """Whether a text can be an id: one that cannot is not looked up."""
    return _CREDENTIAL_ID.fullmatch(text) is not None


def check_credential_id(text: str) -> str:
    """Return an id that was chosen. Raises SchemeError(field="credential_id")."""
    if not is_credential_id(text):
        raise SchemeError("credential_id", "An ID has 8 to 64 letters, digits, hyphens and underscores.")
    return text


def check_name(name: str) -> str:
    """Return the name of a credential in stored form. Raises SchemeError(field="name")."""
    return check_line(name, "name", 0, NAME_LENGTH_MAX)


def check_scopes(scopes: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes in the order of `Scope`. Raises SchemeError(field="scopes")."""
    wanted = set(scopes)
    if not wanted or not wanted <= set(ALL_SCOPES):
        raise SchemeError("scopes", f"Choose from these scopes: {', '.join(ALL_SCOPES)}.")
    return tuple(scope for scope in Scope if scope in wanted)
