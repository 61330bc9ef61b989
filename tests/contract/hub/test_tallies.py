"""The tallies of transfers, on every store."""

from __future__ import annotations

from dataclasses import replace

from hub.application.ports import UnitsOfWork
from hub.domain.flows.transfer.model import TransferStatus
from hub.domain.tallies import Tally, TallyKey
from pix.scheme.reasons import ReasonCode
from tests.contract.hub.stored_transfers import add, numbered
from tests.support.hub_builders import AURORA, IPE, e2e, failed_at_once, transfer

PENDING = TallyKey(AURORA, IPE, TransferStatus.PENDING, None)
REFUSED = TallyKey(AURORA, "", TransferStatus.FAILED, ReasonCode.AC03)


def test_tallies_are_the_sum_of_their_changes(with_banks: UnitsOfWork) -> None:
    more_than_a_column_of_integers = 9 * 10**18
    for changes in (
        {PENDING: Tally(3, 700), REFUSED: Tally(1, more_than_a_column_of_integers)},
        {PENDING: Tally(-2, -300), REFUSED: Tally(1, more_than_a_column_of_integers)},
        {},
    ):
        with with_banks() as unit:
            unit.tallies.add(changes)
            unit.commit()
    with with_banks() as unit:
        unit.tallies.add({PENDING: Tally(1, 1)})
    with with_banks() as unit:
        assert unit.tallies.all() == {PENDING: Tally(1, 400), REFUSED: Tally(2, 2 * more_than_a_column_of_integers)}


def test_a_sort_of_which_there_are_none_any_more_is_gone(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.tallies.add({PENDING: Tally(2, 700)})
        unit.tallies.add({PENDING: Tally(-2, -700)})
        assert unit.tallies.all() == {}


def test_a_recount_counts_what_is_there(with_banks: UnitsOfWork) -> None:
    unresolved = replace(failed_at_once(ReasonCode.AC03), end_to_end_id=e2e(3), payee=None)
    add(with_banks, numbered(1), numbered(2), unresolved)
    with with_banks() as unit:
        unit.tallies.add({TallyKey(IPE, IPE, TransferStatus.COMPLETED, None): Tally(7, 7)})
        unit.tallies.recount()
        unit.commit()
    with with_banks() as unit:
        amount = transfer().amount_centavos
        assert unit.tallies.all() == {PENDING: Tally(2, 2 * amount), REFUSED: Tally(1, amount)}
