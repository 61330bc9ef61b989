"""What an operator should look at now. Pure: from how the banks stand, the dead letters and the hub's health."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from hub.domain.bank import Bank
from hub.domain.liveness import BankState, Liveness
from hub.domain.settlement import SettlementAccount
from pix.scheme.values import value_object

LOW_SETTLEMENT_PERCENT: Final = 10
"""An available balance below this share of the bank's largest funding is low: payments are about to fail (AM04)."""


class AlertKind(StrEnum):
    BANK_STOPPED = "bank-stopped"
    BANK_NOT_RESPONDING = "bank-not-responding"
    BANK_SILENT = "bank-silent"
    CONSUMER_LAG = "consumer-lag"
    LOW_SETTLEMENT = "low-settlement"
    DEAD_LETTERS = "dead-letters"
    HUB_DEGRADED = "hub-degraded"


class Standing(Protocol):
    """A bank, as much as the hub can tell of it."""

    @property
    def bank(self) -> Bank: ...
    @property
    def account(self) -> SettlementAccount: ...
    @property
    def state(self) -> BankState: ...
    @property
    def liveness(self) -> Liveness: ...


@value_object
class Alert:
    kind: AlertKind
    code: str = ""
    """The bank's three digits; empty for the hub."""
    bank_name: str = ""
    count: int = 0
    """Of dead letters, or of unread records."""
    amount_centavos: int = 0
    """The available balance of a low settlement account."""
    detail: str = ""
    """The part of the hub that is degraded, and its error."""


_BY_STATE: Final[Mapping[BankState, AlertKind]] = {
    BankState.STOPPED: AlertKind.BANK_STOPPED,
    BankState.NOT_RESPONDING: AlertKind.BANK_NOT_RESPONDING,
    BankState.SILENT: AlertKind.BANK_SILENT,
    BankState.BEHIND: AlertKind.CONSUMER_LAG,
}
"""A suspended bank is as the operator wants it."""


def alerts_of(
    standings: Iterable[Standing], largest_fundings: Mapping[str, int], dead_letters: int, health: Mapping[str, str]
) -> list[Alert]:
    """The hub's alerts first, then those of the banks in the given order.

    `largest_fundings` is by ISPB; `health` is the state of each part of the hub: `ok`, or an error.
    """
    degraded = [f"{part}: {state}" for part, state in health.items() if state != "ok"]
    alerts = [Alert(AlertKind.HUB_DEGRADED, detail=detail) for detail in degraded]
    if dead_letters:
        alerts.append(Alert(AlertKind.DEAD_LETTERS, count=dead_letters))
    for standing in standings:
        bank = standing.bank
        kind = _BY_STATE.get(standing.state)
        if kind is not None:
            alerts.append(Alert(kind, bank.code, bank.name, count=standing.liveness.lag or 0))
        if is_low(standing.account, largest_fundings.get(bank.ispb, 0)):
            available = standing.account.available_centavos
            alerts.append(Alert(AlertKind.LOW_SETTLEMENT, bank.code, bank.name, amount_centavos=available))
    return alerts


def is_low(account: SettlementAccount, largest_funding_centavos: int) -> bool:
    """Whether its payments are about to fail. Of a bank that was never funded nothing is expected."""
    return account.available_centavos * 100 < largest_funding_centavos * LOW_SETTLEMENT_PERCENT
