"""Tallies: what a batch changes in them, and what can be read from them."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.flows.transfer.model import TransferStatus
from hub.domain.tallies import Tally, TallyKey, count_by_reason, count_by_status, settled_centavos, tally_changes
from pix.scheme.reasons import ReasonCode
from tests.support.hub_builders import (
    AMOUNT,
    AURORA,
    IPE,
    confirmed,
    e2e,
    failed,
    failed_at_once,
    transfer,
)

PENDING = TallyKey(AURORA, IPE, TransferStatus.PENDING, None)
CONFIRMED = TallyKey(AURORA, IPE, TransferStatus.CONFIRMED, None)
COMPLETED = TallyKey(AURORA, IPE, TransferStatus.COMPLETED, None)
BLOCKED = TallyKey(AURORA, IPE, TransferStatus.FAILED, ReasonCode.AC06)
NOBODY = TallyKey(AURORA, "", TransferStatus.FAILED, ReasonCode.AC03)


def test_a_new_transfer_counts_where_it_stands() -> None:
    nobody = replace(failed_at_once(ReasonCode.AC03), payee=None)
    assert tally_changes([(None, transfer()), (None, transfer(end_to_end_id=e2e(2))), (None, nobody)]) == {
        PENDING: Tally(2, 2 * AMOUNT),
        NOBODY: Tally(1, AMOUNT),
    }


def test_a_transfer_that_moves_on_counts_there_and_no_more_where_it_was() -> None:
    assert tally_changes([(transfer(), confirmed()), (transfer(), failed())]) == {
        PENDING: Tally(-2, -2 * AMOUNT),
        CONFIRMED: Tally(1, AMOUNT),
        BLOCKED: Tally(1, AMOUNT),
    }


def test_what_stands_as_before_changes_nothing() -> None:
    assert tally_changes([(confirmed(), confirmed(payer_processed_at_ms=1)), (transfer(), transfer(resends=3))]) == {}


def test_what_comes_and_goes_in_one_batch_is_nil() -> None:
    assert tally_changes([(None, transfer()), (transfer(), confirmed())]) == {CONFIRMED: Tally(1, AMOUNT)}


def test_the_tallies_tell_states_reasons_and_the_money_between_banks() -> None:
    tallies = {
        PENDING: Tally(1, 5),
        CONFIRMED: Tally(2, 20),
        COMPLETED: Tally(30, 300),
        BLOCKED: Tally(4, 40),
        NOBODY: Tally(3, 30),
        TallyKey(IPE, AURORA, TransferStatus.COMPLETED, None): Tally(1, 7),
    }
    assert count_by_status(tallies) == {
        TransferStatus.PENDING: 1,
        TransferStatus.CONFIRMED: 2,
        TransferStatus.COMPLETED: 31,
        TransferStatus.FAILED: 7,
    }
    assert count_by_reason(tallies) == {ReasonCode.AC06: 4, ReasonCode.AC03: 3}
    assert settled_centavos(tallies) == {(AURORA, IPE): 320, (IPE, AURORA): 7}
