"""The payee's side of dynamic codes: payloads are signed, and the key set says with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bank_sim.application.payable_codes.ports import PayloadSeal
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.errors import PayloadUnavailable
from bank_sim.domain.payable_codes.model import KEYS_SERVED_MAX, SigningKey
from pix.runtime.clock import Clock


class SignPayloads:
    """The first use makes the key; all replicas then sign with the newest."""

    def __init__(self, units: UnitsOfWork, seal: PayloadSeal | None, clock: Clock, key_set_url: str) -> None:
        self._units = units
        self._seal = seal
        self._clock = clock
        self._key_set_url = key_set_url

    def __call__(self, payload: ChargePayload) -> str:
        """The payload as a JWS in compact form."""
        return self._with_seal().seal(payload, self.newest_keys()[0], self._key_set_url)

    def key_set(self) -> Mapping[str, Any]:
        """The JWK set with the public halves of the newest keys."""
        return self._with_seal().key_set(self.newest_keys())

    def newest_keys(self) -> list[SigningKey]:
        """Those of the key set, newest first; the first one signs."""
        with self._units() as unit:
            keys = unit.signing_keys.newest(KEYS_SERVED_MAX)
        return keys or self._first_key()

    def rotate(self) -> SigningKey:
        """Makes a new key, with which every replica signs from now on. The ones before stay in the key set."""
        seal = self._with_seal()
        with self._units() as unit:
            unit.signing_keys.lock()
            newest = unit.signing_keys.newest(1)
            made_at_ms = self._clock.real_now_ms()
            if newest:
                made_at_ms = max(made_at_ms, newest[0].made_at_ms + 1)
            key = seal.make_key(made_at_ms)
            unit.signing_keys.add(key)
            unit.commit()
        return key

    def _first_key(self) -> list[SigningKey]:
        with self._units() as unit:
            unit.signing_keys.lock()
            # Another replica may have been faster.
            keys = unit.signing_keys.newest(KEYS_SERVED_MAX)
            if not keys:
                keys = [self._with_seal().make_key(self._clock.real_now_ms())]
                unit.signing_keys.add(keys[0])
                unit.commit()
        return keys

    def _with_seal(self) -> PayloadSeal:
        if self._seal is None:
            raise PayloadUnavailable
        return self._seal
