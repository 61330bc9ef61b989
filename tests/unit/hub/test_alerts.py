"""What the hub tells its operator to look at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.application.bank_states import BankStanding
from hub.domain.alerts import Alert, AlertKind, alerts_of
from hub.domain.bank import Bank
from hub.domain.liveness import BankState, Liveness
from hub.domain.settlement import SettlementAccount

BANK = Bank("00000001", "001", "Banco Aurora", "#5b2a86")
FUNDED = {BANK.ispb: 1_000}
WELL = BankStanding(BANK, SettlementAccount(BANK.ispb, 1_000, 0), BankState.UP, Liveness(lag=3), None)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (BankState.UP, None),
        (BankState.SUSPENDED, None),
        (BankState.STOPPED, AlertKind.BANK_STOPPED),
        (BankState.NOT_RESPONDING, AlertKind.BANK_NOT_RESPONDING),
        (BankState.SILENT, AlertKind.BANK_SILENT),
        (BankState.BEHIND, AlertKind.CONSUMER_LAG),
    ],
)
def test_a_bank_that_is_not_as_it_must_be_is_an_alert(state: BankState, kind: AlertKind | None) -> None:
    alerts = alerts_of([replace(WELL, state=state)], FUNDED, 0, {"database": "ok"})
    assert alerts == ([] if kind is None else [Alert(kind, "001", "Banco Aurora", count=3)])


@pytest.mark.parametrize(("balance", "reserved", "is_low"), [(100, 0, False), (99, 0, True), (1_000, 901, True)])
def test_a_settlement_account_is_low_below_a_tenth_of_its_largest_funding(
    balance: int, reserved: int, *, is_low: bool
) -> None:
    standing = replace(WELL, account=SettlementAccount(BANK.ispb, balance, reserved))
    expected = [Alert(AlertKind.LOW_SETTLEMENT, "001", "Banco Aurora", amount_centavos=balance - reserved)]
    assert alerts_of([standing], FUNDED, 0, {}) == (expected if is_low else [])


def test_a_bank_that_was_never_funded_is_no_alert() -> None:
    assert alerts_of([replace(WELL, account=SettlementAccount(BANK.ispb, 0, 0))], {}, 0, {}) == []


def test_the_hub_comes_first() -> None:
    alerts = alerts_of([replace(WELL, state=BankState.SILENT)], FUNDED, 2, {"database": "ok", "kafka": "no broker"})
    assert alerts[:2] == [
        Alert(AlertKind.HUB_DEGRADED, detail="kafka: no broker"),
        Alert(AlertKind.DEAD_LETTERS, count=2),
    ]
