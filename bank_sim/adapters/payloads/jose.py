"""Signed payloads: JSON Web Signatures in compact form (RFC 7515), and key sets (RFC 7517).

Source: the Central Bank's security manual of Pix as API Pix names it: `application/jose`, RS256 or better, with `kid`,
`jku` on the payload's own host, and `x5t`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from joserfc import jwk, jws
from joserfc.errors import JoseError

from bank_sim.adapters.payloads.documents import payload_document
from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.model import SigningKey

ALGORITHM: Final = "RS256"
ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})
"""What another bank may sign with: public keys alone, with SHA-256 or better."""
KEY_BITS: Final = 2_048
KEYS_READ_MAX: Final = 20
CERTIFICATE_DAYS: Final = 3_650
HEADER_BYTES_MAX: Final = 4_096
SEALED_BYTES_MAX: Final = 64 * 1024
KEY_SET_BYTES_MAX: Final = 64 * 1024
NAME_LENGTH_MAX: Final = 200
_KEY_OF_ALGORITHM: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC"}


class SealBroken(ValueError):
    """The signature, its header or its key set is not as the scheme wants it. The text says what, for a log."""


class JosePayloadSeal:
    """See `bank_sim.application.payable_codes.ports.PayloadSeal`."""

    def make_key(self, made_at_ms: int) -> SigningKey:
        private = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
        made_at = datetime.fromtimestamp(made_at_ms // 1_000, UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Payloads of Pix codes")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(made_at)
            .not_valid_after(made_at + timedelta(days=CERTIFICATE_DAYS))
            .sign(private, hashes.SHA256())
        )
        return SigningKey(
            key_id=jwk.RSAKey.import_key(private.public_key()).thumbprint(),
            private_pem=private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
            made_at_ms=made_at_ms,
        )

    def seal(self, payload: ChargePayload, key: SigningKey, key_set_url: str) -> str:
        header = {
            "alg": ALGORITHM,
            "kid": key.key_id,
            "jku": key_set_url,
            "x5t": _x5t(_der(key.certificate_pem)),
        }
        content = json.dumps(payload_document(payload), ensure_ascii=False, separators=(",", ":"))
        return jws.serialize_compact(
            header, content.encode(), _private_key(key.private_pem), registry=_registry(frozenset({ALGORITHM}))
        )

    def key_set(self, keys: Sequence[SigningKey]) -> Mapping[str, Any]:
        return {"keys": [_public_jwk(key) for key in keys]}


class SealedPayload:
    """A payload of another bank that has not been verified yet."""

    def __init__(self, text: bytes) -> None:
        """Raises SealBroken for what is no JWS of an algorithm that is allowed, with `kid` and `jku`."""
        if len(text) > SEALED_BYTES_MAX:
            raise SealBroken("the payload is too long")
        try:
            self._compact = jws.extract_compact(text.strip(), registry=_registry(ALGORITHMS))
            header = self._compact.headers()
        except (JoseError, ValueError) as error:
            raise SealBroken(f"no JWS: {error}") from None
        if not isinstance(header, dict):
            raise SealBroken("the header is no object")
        # An extension that has to be understood: none is.
        if "crit" in header or "b64" in header:
            raise SealBroken("the header has an extension")
        self.algorithm = _name(header, "alg")
        self.key_id = _name(header, "kid")
        self.key_set_url = _name(header, "jku")
        self._certificate_digests = {name: _name(header, name) for name in ("x5t", "x5t#S256") if name in header}
        if self.algorithm not in ALGORITHMS:
            raise SealBroken("the algorithm is not allowed")

    def open(self, key_set: Mapping[str, Any]) -> bytes:
        """The content, verified by the key that the header names. Raises SealBroken; KeyError when it is not there."""
        found = key_set[self.key_id]
        key = self._import(found)
        if self._certificate_digests:
            self._check_certificate(found, key)
        try:
            is_valid = jws.validate_compact(self._compact, key, registry=_registry(ALGORITHMS))
        except (JoseError, ValueError, TypeError) as error:
            raise SealBroken(f"the signature cannot be verified: {error}") from None
        if not is_valid:
            raise SealBroken("the signature is wrong")
        return bytes(self._compact.payload)

    def _import(self, found: Mapping[str, Any]) -> jwk.RSAKey | jwk.ECKey:
        kind = found.get("kty")
        if kind != _KEY_OF_ALGORITHM[self.algorithm[:2]]:
            raise SealBroken("the key is of another kind than the algorithm")
        if found.get("use", "sig") != "sig" or found.get("alg", self.algorithm) != self.algorithm:
            raise SealBroken("the key is for another purpose or algorithm")
        try:
            if kind == "EC":
                return jwk.ECKey.import_key(_texts(found, ("kty", "crv", "x", "y")))
            # Looked at first: the library warns about short keys.
            if len(_decoded(found.get("n"))) * 8 < KEY_BITS:
                raise SealBroken("the key is too short")
            return jwk.RSAKey.import_key(_texts(found, ("kty", "n", "e")))
        except (JoseError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SealBroken(f"the key cannot be read: {error}") from None

    def _check_certificate(self, found: Mapping[str, Any], key: jwk.RSAKey | jwk.ECKey) -> None:
        """The certificate that the header names must be the key's own, as far as the key set shows it."""
        known = dict(found)
        chain = found.get("x5c")
        if chain is not None:
            try:
                der = base64.b64decode(chain[0], validate=True)
                certified = x509.load_der_x509_certificate(der).public_key()
            except (ValueError, TypeError, KeyError, IndexError, UnsupportedAlgorithm):
                raise SealBroken("the certificate of the key cannot be read") from None
            if certified != key.public_key:
                raise SealBroken("the certificate is of another key")
            known |= {"x5t": _x5t(der), "x5t#S256": _url_safe(sha256(der).digest())}
        if any(known.get(name) != digest for name, digest in self._certificate_digests.items()):
            raise SealBroken("the header names another certificate")


def read_key_set(content: bytes) -> dict[str, Mapping[str, Any]]:
    """The keys of a JWK set by their ids; those without an id are left out. Raises SealBroken."""
    try:
        keys = json.loads(content)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SealBroken("no key set") from None
    if not isinstance(keys, list) or len(keys) > KEYS_READ_MAX:
        raise SealBroken(f"a key set has a list of at most {KEYS_READ_MAX} keys")
    found = [key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)]
    # Of two keys with one id none is the right one.
    if len({key["kid"] for key in found}) != len(found):
        raise SealBroken("two keys have one id")
    return {key["kid"]: key for key in found}


def _registry(algorithms: frozenset[str]) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
    registry.max_header_length = HEADER_BYTES_MAX
    return registry


def _name(header: Mapping[str, Any], field: str) -> str:
    value = header.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LENGTH_MAX or not value.isascii():
        raise SealBroken(f"the header has no fit {field}")
    return value


def _texts(found: Mapping[str, Any], fields: Sequence[str]) -> Any:
    if not all(isinstance(found.get(field), str) for field in fields):
        raise SealBroken("the key lacks a part")
    return {field: found[field] for field in fields}


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise SealBroken("the key lacks a part")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).lstrip(b"\0")


@lru_cache(maxsize=8)
def _private_key(private_pem: str) -> jwk.RSAKey:
    return jwk.RSAKey.import_key(private_pem)


def _public_jwk(key: SigningKey) -> dict[str, Any]:
    der = _der(key.certificate_pem)
    public = _private_key(key.private_pem).as_dict(private=False)
    return {
        "kty": "RSA",
        "kid": key.key_id,
        "use": "sig",
        "alg": ALGORITHM,
        "n": public["n"],
        "e": public["e"],
        "x5t": _x5t(der),
        "x5c": [base64.b64encode(der).decode()],
    }


@lru_cache(maxsize=8)
def _der(certificate_pem: str) -> bytes:
    return x509.load_pem_x509_certificate(certificate_pem.encode()).public_bytes(serialization.Encoding.DER)


def _x5t(der: bytes) -> str:
    # SHA-1 by definition of the field (RFC 7515, 4.1.7); the signature does not rest on it.
    return _url_safe(sha1(der, usedforsecurity=False).digest())


def _url_safe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
