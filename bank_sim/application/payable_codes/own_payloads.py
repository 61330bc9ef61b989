"""Codes of this bank's own merchants: their charges are here, so that no request leaves the bank for them."""

from __future__ import annotations

from datetime import date

from bank_sim.application.charges.read_payload import ReadPayload
from bank_sim.application.payable_codes.ports import PayloadReader
from bank_sim.domain.charges import errors
from bank_sim.domain.charges.payload import ChargePayload, location_address
from bank_sim.domain.payable_codes.errors import DayNotPayable, PayloadGone, PayloadNotFound
from bank_sim.domain.payable_codes.model import PayloadPlace


class OwnPayloadsFirst:
    """See `bank_sim.application.payable_codes.ports.PayloadReader`.

    A bank that fetched from itself would wait for its own threads when many customers do so at once.
    """

    def __init__(self, own_host: str, read_own: ReadPayload, others: PayloadReader) -> None:
        self._own_host = own_host
        self._read_own = read_own
        self._others = others

    def read(self, place: PayloadPlace, day: date | None) -> ChargePayload:
        if place.host != self._own_host:
            return self._others.read(place, day)
        token = place.path.rpartition("/")[2]
        if location_address(self._own_host, place.kind, token) != f"{place.host}{place.path}":
            raise PayloadNotFound
        try:
            return self._read_own(token, place.kind, day)
        except errors.PayloadNotFound:
            raise PayloadNotFound from None
        except errors.PayloadExpired:
            raise PayloadGone from None
        except (errors.PaymentDayInPast, errors.PaymentDayTooLate):
            raise DayNotPayable from None
