"""A code as a payer sees it before paying, and the keys that sign payloads."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.account import Payee
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus
from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.errors import ChargeCancelled, ChargeExpired, ChargePaid
from pix.scheme.initiation import Initiation
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object

KEYS_SERVED_MAX: Final = 3
"""Of a bank's key set, newest first: a rotated key stays, so that what it has signed can be verified."""


@value_object
class CodeToPay:
    """What a static or a dynamic code asks for, with the payee as the directory knows them."""

    key: PixKey
    payee: Payee
    amount_centavos: int | None
    """None: the payer chooses it."""
    payer_may_change_amount: bool
    initiation: Initiation
    txid: str
    """Empty of a static code without one."""
    description: str
    """The message that a static code sets; empty: the payer chooses it."""
    payload: ChargePayload | None
    """Of a dynamic code."""


@value_object
class SigningKey:
    """A key pair that signs this bank's payloads. Times are real."""

    key_id: str
    private_pem: str
    certificate_pem: str
    """Self-signed, so that the signature can name it."""
    made_at_ms: int

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


@value_object
class PayloadPlace:
    """Where a payload is: `host` is `host[:port]` as the payee's bank has announced it, `path` begins with a slash."""

    kind: ChargeKind
    host: str
    path: str
    is_encrypted: bool
    """The bank's pages are on the same host with https."""


def kind_of_path(path: str) -> ChargeKind:
    """Which kind of charge a location serves, by its path; other banks' paths may begin in another way."""
    return ChargeKind.DUE_DATE if path.split("/")[-2:-1] == ["cobv"] else ChargeKind.IMMEDIATE


def check_payable(payload: ChargePayload, now_ms: int) -> None:
    """Whether a charge can be paid at this moment, as far as the payer's bank can tell.

    The payee's bank decides when the transfer is offered. Raises ChargePaid, ChargeCancelled, ChargeExpired.
    """
    if payload.status is ChargeStatus.COMPLETED:
        raise ChargePaid
    if payload.status is not ChargeStatus.ACTIVE:
        raise ChargeCancelled
    if payload.expires_at_ms is not None and now_ms >= payload.expires_at_ms:
        raise ChargeExpired
