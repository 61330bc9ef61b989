"""Certificates for demonstrations: an authority, and what it signs: certificates for the hub, banks, and a merchant.

A bank has one for its calls to the hub, which names its ISPB, and one for its API Pix, which merchants call. Real
participants use certificates of the scheme's authority; these are for a network in a box, and their authority's key
lies beside them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import trustme

from pix.scheme.ids import ispb_of_code

VALID_DAYS: Final = 365
BACKDATED: Final = timedelta(hours=1)
"""Clocks of machines differ."""
AUTHORITY_NAME: Final = "CodePix demo authority"
HUB_NAMES: Final = ("hub", "localhost", "127.0.0.1", "::1")
"""Under which banks find the hub: in compose, and on one machine."""
API_NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""Under which merchants find the API Pix of a bank on one machine; in compose it is the bank's name."""
AUTHORITY: Final = "authority"
HUB: Final = "hub"
MERCHANT: Final = "merchant"


@dataclass(frozen=True, slots=True)
class Certificate:
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Certificate
    hub: Certificate
    banks: dict[str, Certificate]
    """By code."""
    apis: dict[str, Certificate]
    """Of the banks' API Pix, by code."""
    merchant: Certificate
    """For a client of the API Pix."""

    def hub_settings(self) -> dict[str, str]:
        return {
            "GRPC_TLS_CERTIFICATE": str(self.hub.certificate),
            "GRPC_TLS_KEY": str(self.hub.key),
            "GRPC_TLS_CLIENT_CA": str(self.authority.certificate),
        }

    def bank_settings(self, code: str) -> dict[str, str]:
        return {
            "HUB_TLS_CA": str(self.authority.certificate),
            "HUB_TLS_CERTIFICATE": str(self.banks[code].certificate),
            "HUB_TLS_KEY": str(self.banks[code].key),
        }

    def api_pix_settings(self, code: str) -> dict[str, str]:
        """With `API_PIX_PORT` they make the API of a bank take only clients that show a certificate."""
        return {
            "API_PIX_TLS_CERTIFICATE": str(self.apis[code].certificate),
            "API_PIX_TLS_KEY": str(self.apis[code].key),
            "API_PIX_TLS_CLIENT_CA": str(self.authority.certificate),
        }


def make_certificates(
    folder: Path, bank_codes: Sequence[str], hub_names: Sequence[str] = HUB_NAMES, now: datetime | None = None
) -> Certificates:
    """Makes what is missing in the folder: an authority that is there stays, and signs the certificates of new banks.

    Keys are readable for their owner alone. Raises SchemeError for a malformed code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = now or datetime.now(UTC)
    names = {HUB: list(hub_names), **{f"bank-{code}": [ispb_of_code(code)] for code in bank_codes}}
    names |= {f"bank-{code}-api": [*API_NAMES, f"bank-{code}"] for code in bank_codes}
    names[MERCHANT] = [MERCHANT]
    made = {name: Certificate(folder / f"{name}.pem", folder / f"{name}.key") for name in (AUTHORITY, *names)}
    authority = made[AUTHORITY]
    if authority.certificate.exists():
        signer = trustme.CA.from_pem(authority.certificate.read_bytes(), authority.key.read_bytes())
    else:
        signer = trustme.CA(organization_name=AUTHORITY_NAME)
        _write(authority, signer.cert_pem, signer.private_key_pem)
    for name, identities in names.items():
        if not made[name].certificate.exists():
            issued = signer.issue_cert(
                *identities,
                common_name=identities[0],
                not_before=now - BACKDATED,
                not_after=now + timedelta(days=VALID_DAYS),
            )
            _write(made[name], issued.cert_chain_pems[0], issued.private_key_pem)
    return Certificates(
        authority,
        made[HUB],
        {code: made[f"bank-{code}"] for code in bank_codes},
        {code: made[f"bank-{code}-api"] for code in bank_codes},
        made[MERCHANT],
    )


def _write(files: Certificate, certificate: trustme.Blob, key: trustme.Blob) -> None:
    """The key first, and never readable for others, not even for a moment; the certificate says that both are there."""
    files.key.unlink(missing_ok=True)
    descriptor = os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key.bytes())
    files.certificate.write_bytes(certificate.bytes())
