"""Access tokens: signed, and kept nowhere.

The signing key comes from the bank's own secret and from the hash of the credential's secret. So a token survives
restarts, is the same at every replica, and ends when its credential is rotated; neither a copy of the database nor the
bank's secret alone is enough to make one.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer

from bank_sim.domain.credentials.model import ApiCredential, Scope, is_credential_id
from pix.scheme.values import value_object

TOKEN_LENGTH_MAX: Final = 2_000
_SALT: Final = "codepix api pix token"


@value_object
class Token:
    """The content of a token whose signature is right."""

    credential_id: str
    scopes: frozenset[str]
    expires_at_ms: int
    thumbprint: str
    """SHA-256 of the client's certificate (RFC 8705, `x5t#S256`), in hex; empty without one."""


def credential_id_of(token: str) -> str:
    """Whose token it claims to be; empty when it can be none's."""
    credential_id, point, _ = token.partition(".")
    is_plausible = bool(point) and len(token) <= TOKEN_LENGTH_MAX and is_credential_id(credential_id)
    return credential_id if is_plausible else ""


class TokenSigner:
    """Makes tokens and reads them."""

    def __init__(self, bank_secret: str) -> None:
        self._bank_secret = bank_secret.encode()

    def sign(self, credential: ApiCredential, token: Token) -> str:
        """The text of a token: `<credential id>.<content>.<signature>`."""
        content = [sorted(token.scopes), token.expires_at_ms, token.thumbprint]
        return f"{credential.credential_id}.{self._serializer(credential).dumps(content)}"

    def read(self, credential: ApiCredential, text: str) -> Token | None:
        """The content; None when the token is not of this credential with its present secret."""
        _, _, signed = text.partition(".")
        try:
            content: Any = self._serializer(credential).loads(signed)
        except BadData:
            return None
        scopes, expires_at_ms, thumbprint = content
        known = frozenset(scope for scope in scopes if scope in set(Scope))
        return Token(credential.credential_id, known, expires_at_ms, thumbprint)

    def _serializer(self, credential: ApiCredential) -> URLSafeSerializer:
        about = f"{credential.credential_id} {credential.version} {credential.secret_hash}".encode()
        key = hmac.digest(self._bank_secret, about, "sha256")
        return URLSafeSerializer(key, _SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256})
