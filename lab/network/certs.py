"""Certificates for demonstrations: an authority of one's own, and for the hub and each bank a certificate of its.

A bank's certificate names its ISPB, which the hub checks against who calls. Real participants use the certificates of
the scheme's own authority; these are for a network in a box, and their authority's key lies beside them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pix.scheme.ids import ispb_of_code

VALID_DAYS: Final = 365
BACKDATED: Final = timedelta(hours=1)
"""Clocks of machines differ."""
AUTHORITY_NAME: Final = "CodePix demo authority"
HUB_NAMES: Final = ("hub", "localhost", "127.0.0.1", "::1")
"""Under which banks find the hub: in compose, and on one machine."""
AUTHORITY: Final = "authority"
HUB: Final = "hub"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Everything in a folder of ours."""

    authority: Certificate
    hub: Certificate
    banks: dict[str, Certificate]


def make_certificates(
    folder: Path, bank_codes: Sequence[str], hub_names: Sequence[str] = HUB_NAMES, now: datetime | None = None
) -> Certificates:
    """Makes what is missing in the folder: an authority that is there stays, and signs the certificates of new banks.

    Keys are readable for their owner alone. Raises SchemeError for a malformed code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = now or datetime.now(UTC)
    authority = _files(folder, AUTHORITY)
    if not authority.certificate.exists():
        _make_authority(authority, now)
    signer = _Signer(authority, now)
    hub = _files(folder, HUB)
    if not hub.certificate.exists():
        signer.make(hub, HUB, hub_names, ExtendedKeyUsageOID.SERVER_AUTH)
    banks = {}
    for code in bank_codes:
        ispb = ispb_of_code(code)
        banks[code] = _files(folder, f"bank-{code}")
        if not banks[code].certificate.exists():
            signer.make(banks[code], ispb, [ispb], ExtendedKeyUsageOID.CLIENT_AUTH)
    return Certificates(authority, hub, banks)


def _files(folder: Path, name: str) -> Certificate:
    return Certificate(folder / f"{name}.pem", folder / f"{name}.key")


def _make_authority(files: Certificate, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(AUTHORITY_NAME)
    certificate = (
        _builder(now)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(files, certificate, key)


class _Signer:
    def __init__(self, authority: Certificate, now: datetime) -> None:
        key = load_pem_private_key(authority.key.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "as we made it"
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
        self._now = now

    def make(self, files: Certificate, common_name: str, names: Sequence[str], purpose: x509.ObjectIdentifier) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(self._now)
            .subject_name(_name(common_name))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write(files, certificate, key)


def _builder(now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(files: Certificate, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """The key first, and never readable for others, not even for a moment; the certificate says that both are there."""
    files.key.unlink(missing_ok=True)
    descriptor = os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
