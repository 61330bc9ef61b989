"""The charges of dynamic codes while their payers go through the steps of paying.

A charge may have more lines than fit into an address, so the steps carry its location alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.model import CodeToPay
from bank_sim.entrypoints.http.drafts import CodeFacts
from pix.scheme import brcode
from pix.scheme.errors import SchemeError

KEPT_MAX: Final = 500
"""Of at most some 20 KB each."""
KEPT_SECONDS_MAX: Final = 30 * 60

Place = tuple[str, str, int | None]


class ChargesShown:
    """In the memory of this process; another replica asks the payee's bank again. Thread-safe."""

    def __init__(self, read: Callable[[str], CodeToPay]) -> None:
        self._read = read
        self._charges: TTLCache[Place, ChargePayload] = TTLCache(KEPT_MAX, KEPT_SECONDS_MAX)
        self._lock = threading.Lock()

    def keep(self, code: CodeFacts, charge: ChargePayload) -> None:
        with self._lock:
            self._charges[_place(code)] = charge

    def of(self, code: CodeFacts) -> ChargePayload | None:
        """The charge of a dynamic code, as it was shown first. None of a static one, and when it has changed since."""
        if not code.location:
            return None
        with self._lock:
            charge = self._charges.get(_place(code))
        return charge or self._read_again(code)

    def _read_again(self, code: CodeFacts) -> ChargePayload | None:
        text = brcode.encode(brcode.dynamic_code(code.location, brcode.NAME_OF_ANY_PAYEE, brcode.CITY_OF_ANY_PAYEE))
        try:
            found = self._read(text)
        except SchemeError:
            return None
        fixed_centavos = None if found.payer_may_change_amount else found.amount_centavos
        if found.payload is None or (found.txid, fixed_centavos) != (code.txid, code.amount_centavos):
            return None
        self.keep(code, found.payload)
        return found.payload


def _place(code: CodeFacts) -> Place:
    return code.location, code.txid, code.amount_centavos
