"""Payloads of the banks of a village, without HTTP: signed by the one bank, verified by the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import count

from bank_sim.adapters.payloads.documents import PayloadUnfit, read_payload
from bank_sim.adapters.payloads.jose import JosePayloadSeal, SealBroken, SealedPayload, read_key_set
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.charges import errors as charge_errors
from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.errors import (
    CodeNotPayable,
    DayNotPayable,
    PayloadGone,
    PayloadNotFound,
    PayloadNotTrusted,
)
from bank_sim.domain.payable_codes.model import PayloadPlace, SigningKey
from tests.support.payload_builders import signing_key


class QuickSeal(JosePayloadSeal):
    """Makes the same key pairs for every bank: making one takes long."""

    def __init__(self) -> None:
        self._keys = count(1)

    def make_key(self, made_at_ms: int) -> SigningKey:
        return replace(signing_key(next(self._keys)), made_at_ms=made_at_ms)


class VillagePayloads:
    """See `bank_sim.application.payable_codes.ports.PayloadReader`."""

    def __init__(self, banks: Mapping[str, BankApplication]) -> None:
        self._banks = banks
        self.served: dict[str, ChargePayload | CodeNotPayable] = {}
        """By location: what a test puts there instead of the bank's own charge; an error is raised."""
        self.read_places: list[tuple[PayloadPlace, date | None]] = []

    def read(self, place: PayloadPlace, day: date | None) -> ChargePayload:
        self.read_places.append((place, day))
        bank = next(bank for bank in self._banks.values() if bank.payable_codes.payload_host == place.host)
        found = self.served.get(f"{place.host}{place.path}") or _payload(bank, place, day)
        if isinstance(found, CodeNotPayable):
            raise found
        sign = bank.payable_codes.sign
        keys = read_key_set(json.dumps(sign.key_set()).encode())
        try:
            return read_payload(SealedPayload(sign(found).encode()).open(keys), place.kind)
        except (SealBroken, PayloadUnfit):
            raise PayloadNotTrusted from None


def _payload(bank: BankApplication, place: PayloadPlace, day: date | None) -> ChargePayload:
    try:
        return bank.charges.payload(place.path.rpartition("/")[2], place.kind, day)
    except charge_errors.PayloadNotFound:
        raise PayloadNotFound from None
    except charge_errors.PayloadExpired:
        raise PayloadGone from None
    except (charge_errors.PaymentDayInPast, charge_errors.PaymentDayTooLate):
        raise DayNotPayable from None
