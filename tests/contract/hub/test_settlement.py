"""Settlement accounts and their fundings, on every store."""

from __future__ import annotations

import pytest

from hub.application.ports import SettlementConflict, UnitsOfWork
from hub.domain.settlement import AccountChange, Funding, SettlementAccount
from tests.support.hub_builders import AURORA, FUNDS, IPE, MARE, NOW_MS


def test_accounts_are_locked_read_and_saved(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.settlement.lock([IPE, AURORA, "00000099"]) == {
            AURORA: SettlementAccount(AURORA, FUNDS, 0),
            IPE: SettlementAccount(IPE, FUNDS, 0),
        }
        unit.settlement.save([])
        unit.settlement.save([SettlementAccount(AURORA, 10, 10), SettlementAccount(IPE, 2 * FUNDS - 10, 0)])
        unit.commit()
    with with_banks() as unit:
        assert list(unit.settlement.all()) == [AURORA, IPE, MARE]
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, 10, 10)
        assert unit.settlement.all()[MARE] == SettlementAccount(MARE, FUNDS, 0)


@pytest.mark.parametrize(("balance", "reserved"), [(5, 6), (5, -1), (-1, 0)])
def test_no_store_takes_an_account_that_is_overdrawn(with_banks: UnitsOfWork, balance: int, reserved: int) -> None:
    with pytest.raises(Exception, match=r"reserve|check"), with_banks() as unit:
        unit.settlement.save([SettlementAccount(AURORA, balance, reserved)])
    with with_banks() as unit:
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)


def test_changes_are_added_to_whatever_the_accounts_hold(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.settlement.add([])
        unit.settlement.add([AccountChange(AURORA, -10, 7), AccountChange(IPE, 10, 0)])
        unit.settlement.add([AccountChange(AURORA, 0, -2)])
        unit.commit()
    with with_banks() as unit:
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS - 10, 5)
        assert unit.settlement.all()[IPE] == SettlementAccount(IPE, FUNDS + 10, 0)


@pytest.mark.parametrize(("balance", "reserved"), [(0, FUNDS + 1), (-1, FUNDS), (0, -1), (-FUNDS - 1, 0)])
def test_changes_that_would_overdraw_an_account_say_that_money_has_moved(
    with_banks: UnitsOfWork, balance: int, reserved: int
) -> None:
    def overdraw() -> None:
        with with_banks() as unit:
            unit.settlement.add([AccountChange(AURORA, balance, reserved), AccountChange(IPE, 1, 1)])
            unit.commit()

    with pytest.raises(SettlementConflict):
        overdraw()
    with with_banks() as unit:
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)
        assert unit.settlement.all()[IPE] == SettlementAccount(IPE, FUNDS, 0)


def test_fundings_are_kept_oldest_first(with_banks: UnitsOfWork) -> None:
    fundings = [Funding("b", AURORA, 5, NOW_MS), Funding("a", AURORA, -2, NOW_MS), Funding("c", AURORA, 1, NOW_MS - 1)]
    with with_banks() as unit:
        for funding in (*fundings, Funding("d", IPE, 9, NOW_MS)):
            assert unit.settlement.add_funding(funding)
        unit.commit()
    with with_banks() as unit:
        assert not unit.settlement.add_funding(Funding("d", AURORA, 1, NOW_MS))
        assert unit.settlement.find_funding("d") == Funding("d", IPE, 9, NOW_MS)
        assert unit.settlement.find_funding("e") is None
        assert [funding.funding_id for funding in unit.settlement.fundings(AURORA)] == ["c", "a", "b"]
        assert unit.settlement.fundings(IPE) == [Funding("d", IPE, 9, NOW_MS)]
        assert unit.settlement.fundings(MARE) == []


def test_the_largest_funding_of_each_bank(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        before = unit.settlement.largest_fundings()
        for number, amount in enumerate((5, 900, -1_000_000)):
            unit.settlement.add_funding(Funding(f"f{number}", AURORA, amount, NOW_MS))
        unit.settlement.add_funding(Funding("out", MARE, -7, NOW_MS))
        assert unit.settlement.largest_fundings() == before | {AURORA: max(900, before.get(AURORA, 0))}
