"""A transaction of the hub's, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.application.ports import RowChange, UnitsOfWork
from hub.domain.settlement import SettlementAccount
from tests.contract.hub.stored_transfers import STEP
from tests.support.hub_builders import AURORA, BANKS, BIA, BIAS_KEY, FUNDS, e2e, key_entry, transfer


def test_what_is_committed_stays(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.banks.update(replace(BANKS[AURORA], name="Banco da Aurora"))
        unit.commit()
    with with_banks() as unit:
        assert unit.banks.all()[AURORA].name == "Banco da Aurora"


def test_what_is_not_committed_was_never_there(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.transfers.save([RowChange(transfer(), (STEP,), is_new=True)])
        unit.settlement.save([SettlementAccount(AURORA, 1, 1)])
        unit.keys.add([key_entry(BIAS_KEY, BIA)])
        assert unit.transfers.find(e2e()) is not None, "a transaction sees its own changes"
    with with_banks() as unit:
        assert unit.transfers.find(e2e()) is None
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)
        assert unit.keys.find_many([BIAS_KEY]) == {}


def test_an_exception_undoes_all_and_passes_on(with_banks: UnitsOfWork) -> None:
    def fail_in_the_middle() -> None:
        with with_banks() as unit:
            unit.banks.update(replace(BANKS[AURORA], name="no"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    with with_banks() as unit:
        assert unit.banks.all() == BANKS
