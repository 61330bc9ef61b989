"""What the use cases of payable codes need from outside; what `bank_sim.application.ports` says holds here too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.model import PayloadPlace, SigningKey


class SigningKeyRepository(Protocol):
    """The keys that sign this bank's payloads; all replicas use the newest."""

    def add(self, key: SigningKey) -> None:
        """A new one, newer than all before. Raises RowExists."""

    def lock(self) -> None:
        """Until the end of this transaction no other process adds one."""

    def newest(self, size: int) -> list[SigningKey]:
        """At most `size`, newest first."""


class PayloadSeal(Protocol):
    """Signed payloads (JWS), as the payee's bank writes them."""

    def make_key(self, made_at_ms: int) -> SigningKey:
        """A new key pair. `made_at_ms` is real time."""

    def seal(self, payload: ChargePayload, key: SigningKey, key_set_url: str) -> str:
        """The payload, signed, in the compact form of RFC 7515."""

    def key_set(self, keys: Sequence[SigningKey]) -> Mapping[str, Any]:
        """The public halves as a JWK set (RFC 7517)."""


class PayloadReader(Protocol):
    """Payloads as the payer's bank reads them."""

    def read(self, place: PayloadPlace, day: date | None) -> ChargePayload:
        """Fetches the payload of a location and verifies it. `day` is when a charge with a due date is to be paid.

        Raises PayloadUnavailable, PayloadNotFound, PayloadGone, DayNotPayable, PayloadNotTrusted.
        """
