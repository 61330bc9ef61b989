"""How the banks stand: their money at the hub, and whether they are there and answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.application.ports import UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.liveness import BankState, Liveness, liveness_by_bank, state_of
from hub.domain.settlement import SettlementAccount
from pix.runtime.clock import Clock

OFFERS_READ_MAX: Final = 2_000
"""The oldest offers without an answer of all banks; who has none among them is not the one that does not answer."""


@dataclass(frozen=True, slots=True)
class BankStanding:
    """A bank, as much as the hub can tell of it."""

    bank: Bank
    account: SettlementAccount
    state: BankState
    liveness: Liveness
    oldest_offer_at_ms: int | None
    """When the oldest offer was made that it has not answered, in real time; None when it has answered all."""


class ReadBankStates:
    """Reads how every bank stands, at a cost that does not grow with the history."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self) -> list[BankStanding]:
        """By code."""
        now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            banks = sorted(unit.banks.all().values(), key=lambda bank: bank.code)
            accounts = unit.settlement.all()
            liveness = liveness_by_bank(unit.heartbeats.all(), now_ms)
            offers = unit.transfers.oldest_offers(OFFERS_READ_MAX)
        return [
            BankStanding(
                bank=bank,
                account=accounts.get(bank.ispb) or SettlementAccount(bank.ispb, 0, 0),
                state=state_of(bank, liveness.get(bank.ispb), offers.get(bank.ispb), now_ms),
                liveness=liveness.get(bank.ispb) or Liveness(),
                oldest_offer_at_ms=offers.get(bank.ispb),
            )
            for bank in banks
        ]
