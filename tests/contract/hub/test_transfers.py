"""Transfers on every store: kept, changed, due and expired."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.application.ports import Found, RowChange, TransferFilter, UnitsOfWork
from hub.domain.flows.transfer.model import Transfer, TransferStatus, Trigger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation
from pix.scheme.messages import Side
from pix.scheme.reasons import ReasonCode
from tests.contract.hub.stored_transfers import STEP, WAIT_MS_MAX, add, numbered
from tests.support.hub_builders import (
    ANA,
    AURORA,
    BIA,
    IPE,
    NOW_MS,
    completed,
    confirmed,
    e2e,
    failed,
    failed_at_once,
    transfer,
)

LATE_MS = NOW_MS + 100_000
LATE_STEP = Step(
    NOW_MS + 9, IPE, Trigger.PROCESSING, Side.PAYEE, TransferStatus.FAILED, ReasonCode.AB03, "too late: “não”"
)


@pytest.mark.parametrize(
    "subject",
    [
        transfer(),
        confirmed(initiation=Initiation.QRES, txid="Pedido42"),
        completed(),
        failed(),
        failed_at_once(),
        failed_at_once(ReasonCode.AC03, payee=None),
        transfer(payee_key=None, initiation=Initiation.MANU),
    ],
    ids=lambda subject: f"{subject.status}-{subject.reason}-{subject.initiation}",
)
def test_a_transfer_comes_back_as_it_was(with_banks: UnitsOfWork, subject: Transfer) -> None:
    subject = replace(subject, resends=3, resend_count=2, duplicates=4, refusals=5, traceparent="00-ab-cd-01")
    add(with_banks, subject, steps=(STEP, LATE_STEP))
    with with_banks() as unit:
        assert unit.transfers.find(subject.end_to_end_id) == (subject, [STEP, LATE_STEP])
        assert unit.transfers.find_many([subject.end_to_end_id, e2e(99)]) == [subject]
        assert unit.transfers.lock([subject.end_to_end_id, e2e(99)]) == {subject.end_to_end_id: subject}


def test_there_is_nothing_where_there_is_nothing(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.transfers.find(e2e()) is None
        assert unit.transfers.find("E\x00") is None
        assert unit.transfers.find_many([]) == []
        assert unit.transfers.find_many([e2e(), "\x00"]) == []
        assert unit.transfers.lock([]) == {}
        assert unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX) == []
        assert unit.transfers.lock_expired(NOW_MS, 0, 10, WAIT_MS_MAX) == []
        assert unit.transfers.search(TransferFilter()) == Found([], None)
        assert unit.transfers.search(TransferFilter(ispb="\x00")) == Found([], None)
        assert unit.transfers.search(TransferFilter(id_part="\x00")) == Found([], None)
        assert unit.transfers.search(TransferFilter(txid="\x00")) == Found([], None)
        assert unit.transfers.oldest_offers(10) == {}
        unit.transfers.save([])


def test_a_change_replaces_the_row_and_adds_to_its_history(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer(), numbered(2))
    changed = failed(ReasonCode.AB03, refusals=1)
    with with_banks() as unit:
        unit.transfers.lock([e2e()])
        unit.transfers.save([RowChange(changed, (LATE_STEP,))])
        unit.commit()
    with with_banks() as unit:
        unit.transfers.save([RowChange(changed, ())])
        unit.commit()
    with with_banks() as unit:
        assert unit.transfers.find(e2e()) == (changed, [STEP, LATE_STEP])
        assert unit.transfers.find(e2e(2)) == (numbered(2), [STEP])


def test_what_a_transfer_is_of_never_changes(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer())
    with with_banks() as unit:
        unit.transfers.save([RowChange(confirmed(), ())])
        unit.commit()
    with with_banks() as unit:
        found = unit.transfers.find(e2e())
        assert found is not None
        assert (found[0].payer, found[0].payee, found[0].amount_centavos) == (ANA, BIA, transfer().amount_centavos)


def test_an_id_that_exists_by_now_is_for_reading_the_batch_again(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer())
    with pytest.raises(DatabaseUnavailable):
        add(with_banks, numbered(2), confirmed())
    with with_banks() as unit:
        assert unit.transfers.find(e2e(2)) is None
        assert unit.transfers.find(e2e()) == (transfer(), [STEP])


def test_new_and_changed_ones_are_saved_together(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer())
    with with_banks() as unit:
        unit.transfers.save([RowChange(confirmed(), ()), RowChange(numbered(2), (STEP,), is_new=True)])
        unit.commit()
    with with_banks() as unit:
        assert sorted(each.status for each in unit.transfers.search(TransferFilter()).rows) == ["confirmed", "pending"]


def test_due_are_those_whose_time_has_come_the_oldest_first(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + 1),
        numbered(2, resend_at_ms=NOW_MS),
        numbered(3, resend_at_ms=NOW_MS - 5),
        numbered(4, resend_at_ms=None, status=TransferStatus.COMPLETED),
    )
    with with_banks() as unit:
        assert [each.end_to_end_id for each in unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX)] == [e2e(3), e2e(2)]
        assert [each.end_to_end_id for each in unit.transfers.lock_due(NOW_MS, 1, WAIT_MS_MAX)] == [e2e(3)]


def test_due_is_also_what_the_clock_has_put_out_of_reach_by_going_back(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + WAIT_MS_MAX),
        numbered(2, resend_at_ms=NOW_MS + WAIT_MS_MAX + 1),
        numbered(3, resend_at_ms=NOW_MS - 5),
        numbered(4, resend_at_ms=None, status=TransferStatus.COMPLETED),
    )
    with with_banks() as unit:
        due = unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX)
        assert [each.end_to_end_id for each in due] == [e2e(3), e2e(2)]
        assert len(unit.transfers.lock_due(NOW_MS, 1, WAIT_MS_MAX)) == 1


def test_waiting_are_those_of_a_bank_that_are_due_later_the_last_first(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + 1),
        numbered(2, resend_at_ms=NOW_MS),
        numbered(3, resend_at_ms=NOW_MS + 5),
        numbered(4, resend_at_ms=None, status=TransferStatus.COMPLETED),
        numbered(5, resend_at_ms=NOW_MS + 9),
    )

    def waiting(before_ms: int, ispb: str, size: int) -> list[str]:
        with with_banks() as unit:
            return [each.end_to_end_id for each in unit.transfers.lock_waiting(NOW_MS, before_ms, ispb, size)]

    assert waiting(NOW_MS + 9, AURORA, 10) == waiting(NOW_MS + 9, IPE, 10) == [e2e(3), e2e(1)]
    assert waiting(NOW_MS + 10, AURORA, 2) == [e2e(5), e2e(3)]
    assert waiting(NOW_MS + 10, "00000099", 10) == []


def test_expired_is_also_what_was_received_more_than_the_timeout_from_now(with_banks: UnitsOfWork) -> None:
    timeout_ms = 40_000
    add(
        with_banks,
        replace(numbered(1), received_at_ms=NOW_MS + timeout_ms, resend_at_ms=NOW_MS),
        replace(numbered(2), received_at_ms=NOW_MS + timeout_ms + 1, resend_at_ms=NOW_MS),
        replace(numbered(3), received_at_ms=NOW_MS + timeout_ms + 1, resend_at_ms=NOW_MS + WAIT_MS_MAX + 1),
        replace(numbered(4), received_at_ms=NOW_MS + timeout_ms + 1, resend_at_ms=NOW_MS + 1),
    )
    with with_banks() as unit:
        expired = unit.transfers.lock_expired(NOW_MS, timeout_ms, 10, WAIT_MS_MAX)
        assert [each.end_to_end_id for each in expired] == [e2e(2), e2e(3)]


def test_expired_are_those_due_and_pending_that_came_before(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1),
        numbered(2),
        numbered(3),
        replace(confirmed(), end_to_end_id=e2e(4), received_at_ms=NOW_MS - 100, resend_at_ms=NOW_MS),
        replace(numbered(0), end_to_end_id=e2e(5), resend_at_ms=LATE_MS + 1),
    )
    with with_banks() as unit:
        expired = unit.transfers.lock_expired(LATE_MS, LATE_MS - NOW_MS - 3, 10, WAIT_MS_MAX)
        assert [each.end_to_end_id for each in expired] == [e2e(1), e2e(2)], "the others are later, decided, or not due"
        assert len(unit.transfers.lock_expired(LATE_MS, LATE_MS - NOW_MS - 3, 1, WAIT_MS_MAX)) == 1
