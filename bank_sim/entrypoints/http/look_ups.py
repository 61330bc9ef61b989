"""How many keys a customer may look up from the pages: a bucket per account, in the memory of this process."""

from __future__ import annotations

from typing import Final

from cachetools import FIFOCache

from bank_sim.domain.account import Account
from bank_sim.domain.errors import LookUpLimitReached
from bank_sim.domain.look_ups import HIT_COST, LOOK_UPS_OF_A_CUSTOMER, MISS_COST
from pix.runtime.limits import Limiter

MS_PER_SECOND: Final = 1_000
PAYMENTS_REMEMBERED_MAX: Final = 10_000


class LookUps:
    def __init__(self) -> None:
        self._limiters = {kind: Limiter(policy) for kind, policy in LOOK_UPS_OF_A_CUSTOMER.items()}
        self._paid: FIFOCache[str, bool] = FIFOCache(PAYMENTS_REMEMBERED_MAX)

    def take(self, account: Account) -> None:
        """Takes the cost of a miss before the hub is asked. Raises LookUpLimitReached when the customer has to wait."""
        wait_ms = self._limiters[account.holder_kind].take(account.number, MISS_COST)
        if wait_ms:
            raise LookUpLimitReached(-(-wait_ms // MS_PER_SECOND))

    def found(self, account: Account) -> None:
        """The key is registered: gives the difference between a miss and a hit back."""
        self._limiters[account.holder_kind].give_back(account.number, MISS_COST - HIT_COST)

    def not_answered(self, account: Account) -> None:
        """The hub was not asked, or did not answer: gives everything back."""
        self._limiters[account.holder_kind].give_back(account.number, MISS_COST)

    def paid(self, account: Account, idempotency_key: str) -> None:
        """A look-up that became a payment is not held against the customer; confirming twice is one payment."""
        if idempotency_key in self._paid:
            return
        self._paid[idempotency_key] = True
        self._limiters[account.holder_kind].give_back(account.number, HIT_COST)
