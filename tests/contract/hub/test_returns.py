"""The returns of `hub.application.ports.returns`, each method, on every store; and batches of their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hub.application.ports import RowChange, UnitsOfWork
from hub.application.ports.returns import ReturnFilter, returns_of
from hub.application.process_messages import ProcessMessages
from hub.application.sweep_transfers import FailExpired, RetransmitDue
from hub.domain.flows.returns.model import HistoryStep, Return, Returned, ReturnStatus, Trigger, returned_id
from hub.domain.settlement import SettlementAccount
from hub.domain.tallies import Tally, TallyKey
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.deliveries import Arrival, Outgoing
from pix.scheme.flows import Step
from pix.scheme.messages import Side
from pix.scheme.messages.returns import FromBank, ReturnConfirmed, ReturnFailed, ReturnOffered
from pix.scheme.reasons import ReasonCode
from tests.support.clock import TurnedClock
from tests.support.hub_builders import AMOUNT, AURORA, FUNDS, IPE, MARE, NOW_MS, POLICY, completed, e2e, transfer
from tests.support.return_builders import (
    PART,
    completed_return,
    confirmed_return,
    failed_return,
    pending_return,
    return_accepted,
    return_id,
    return_processed,
    return_rejected,
    return_requested,
)

STEP = Step(NOW_MS, IPE, Trigger.REQUEST, None, ReturnStatus.PENDING)
LATE_STEP = Step(
    NOW_MS + 9, AURORA, Trigger.PROCESSING, Side.PAYER, ReturnStatus.FAILED, ReasonCode.AB11, "too late: “não”"
)
WAIT_MS_MAX = 60_000


def add(units: UnitsOfWork, *rows: Return, steps: tuple[HistoryStep, ...] = (STEP,)) -> None:
    with units() as unit:
        returns_of(unit).save([RowChange(each, steps, is_new=True) for each in rows])
        unit.commit()


def numbered(number: int, **changes: object) -> Return:
    return pending_return(return_id=return_id(number), received_at_ms=NOW_MS + number, **changes)


@pytest.mark.parametrize(
    "subject",
    [
        pending_return(),
        confirmed_return(),
        completed_return(),
        failed_return(),
        failed_return(ReasonCode.FF08, payer=None, payee=None, offered_at_ms=None, amount_centavos=-5),
        pending_return(description='a "b" {c}, NULL\\ d'),
        pending_return(description="NULL"),
    ],
    ids=lambda subject: f"{subject.status}-{subject.reason}-{subject.description}",
)
def test_a_return_comes_back_as_it_was(with_banks: UnitsOfWork, subject: Return) -> None:
    subject = replace(subject, resends=3, resend_count=2, duplicates=4, refusals=5, traceparent="00-ab-cd-01")
    other = failed_return(ReasonCode.FF08, return_id=return_id(2), payer=None, payee=None)
    add(with_banks, subject, other, steps=(STEP, LATE_STEP))
    with with_banks() as unit:
        assert returns_of(unit).find(subject.return_id) == (subject, [STEP, LATE_STEP])
        assert returns_of(unit).find_many([subject.return_id, return_id(99)]) == [subject]
        assert returns_of(unit).lock([subject.return_id, return_id(99)]) == {subject.return_id: subject}


def test_there_is_nothing_where_there_is_nothing(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        rows = returns_of(unit)
        assert rows.find(return_id()) is None and rows.find("D\x00") is None
        assert rows.find_many([]) == rows.find_many([return_id(), "\x00"]) == []
        assert rows.lock([]) == {}
        assert rows.lock_due(NOW_MS, 10, WAIT_MS_MAX) == rows.lock_expired(NOW_MS, 0, 10, WAIT_MS_MAX) == []
        assert rows.search(ReturnFilter()).rows == rows.search(ReturnFilter(ispb="\x00")).rows == []
        rows.save([])


def test_a_change_replaces_the_row_and_adds_to_its_history(with_banks: UnitsOfWork) -> None:
    add(with_banks, pending_return(), numbered(2))
    with with_banks() as unit:
        returns_of(unit).lock([return_id()])
        returns_of(unit).save([RowChange(failed_return(ReasonCode.AB11, refusals=1), (LATE_STEP,))])
        unit.commit()
    with with_banks() as unit:
        assert returns_of(unit).find(return_id()) == (failed_return(ReasonCode.AB11, refusals=1), [STEP, LATE_STEP])
        assert returns_of(unit).find(return_id(2)) == (numbered(2), [STEP])


def test_an_id_that_exists_by_now_is_for_reading_the_batch_again(with_banks: UnitsOfWork) -> None:
    add(with_banks, pending_return())
    with pytest.raises(DatabaseUnavailable):
        add(with_banks, numbered(2), pending_return())
    with with_banks() as unit:
        assert returns_of(unit).find(return_id(2)) is None


def test_the_sum_of_a_transfers_returns_leaves_failed_ones_out(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, amount_centavos=1),
        confirmed_return(return_id=return_id(2), amount_centavos=20),
        completed_return(return_id=return_id(3), amount_centavos=300),
        failed_return(return_id=return_id(4), amount_centavos=4_000),
        numbered(5, amount_centavos=50_000, original_end_to_end_id=e2e(2)),
    )
    with with_banks() as unit:
        found = returns_of(unit).lock([returned_id(e2e()), returned_id(e2e(3)), return_id(1)])
    assert found[returned_id(e2e())] == Returned(e2e(), 321)  # type: ignore[comparison-overlap]
    assert found[returned_id(e2e(3))] == Returned(e2e(3), 0)  # type: ignore[comparison-overlap]
    assert return_id(1) in found


def test_due_and_expired_ones_are_found_the_oldest_first(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + 1),
        numbered(2, resend_at_ms=NOW_MS),
        numbered(3, resend_at_ms=NOW_MS - 5, status=ReturnStatus.CONFIRMED),
        numbered(4, resend_at_ms=None, status=ReturnStatus.COMPLETED),
        numbered(5, resend_at_ms=NOW_MS + WAIT_MS_MAX + 1),
    )
    with with_banks() as unit:
        rows = returns_of(unit)
        assert [each.return_id for each in rows.lock_due(NOW_MS, 10, WAIT_MS_MAX)] == [
            *(return_id(3), return_id(2), return_id(5)),
        ]
        assert [each.return_id for each in rows.lock_due(NOW_MS, 1, WAIT_MS_MAX)] == [return_id(3)]
        waiting = rows.lock_waiting(NOW_MS, NOW_MS + WAIT_MS_MAX, AURORA, 10)
        assert [each.return_id for each in waiting] == [return_id(1)]
        late_ms = NOW_MS + 1_000
        assert [each.return_id for each in rows.lock_expired(late_ms, 500, 1, WAIT_MS_MAX)] == [return_id(2)]


@pytest.mark.parametrize(
    ("narrow", "numbers"),
    [
        (ReturnFilter(), [4, 3, 2, 1]),
        (ReturnFilter(ispb=AURORA), [3, 2, 1]),
        (ReturnFilter(ispb=MARE), []),
        (ReturnFilter(status=ReturnStatus.FAILED), [4]),
        (ReturnFilter(reason=ReasonCode.FF08), [4]),
        (ReturnFilter(return_reason=ReasonCode.FR01), [3]),
        (ReturnFilter(original_end_to_end_id=e2e(2)), [2]),
        (ReturnFilter(id_part=return_id(3)), [3]),
        (ReturnFilter(id_part="000003"), [3]),
        (ReturnFilter(amount_centavos=7), [1]),
        (ReturnFilter(open_only=True), [4, 3, 2]),
        (ReturnFilter(received_from_ms=NOW_MS + 2, received_before_ms=NOW_MS + 4), [3, 2]),
        (ReturnFilter(before=(NOW_MS + 3, return_id(3)), size=1), [2]),
    ],
    ids=[str(number) for number in range(13)],
)
def test_a_search_finds_what_it_is_asked_for(with_banks: UnitsOfWork, narrow: ReturnFilter, numbers: list[int]) -> None:
    add(
        with_banks,
        numbered(1, amount_centavos=7, resend_at_ms=None),
        numbered(2, original_end_to_end_id=e2e(2)),
        numbered(3, return_reason=ReasonCode.FR01),
        numbered(4, status=ReturnStatus.FAILED, reason=ReasonCode.FF08, payer=None, payee=None),
    )
    with with_banks() as unit:
        found = returns_of(unit).search(narrow)
    assert [each.return_id for each in found.rows] == [return_id(number) for number in numbers]


def test_a_search_looks_no_further_than_it_may(with_banks: UnitsOfWork) -> None:
    add(with_banks, numbered(1, amount_centavos=7), numbered(2), numbered(3))
    with with_banks() as unit:
        found = returns_of(unit).search(ReturnFilter(amount_centavos=7, examined_max=2))
    assert (found.rows, found.cut_at) == ([], (NOW_MS + 2, return_id(2)))


# Batches.


@pytest.fixture
def with_original(with_banks: UnitsOfWork) -> UnitsOfWork:
    """Ana has paid Bia, long ago."""
    with with_banks() as unit:
        unit.transfers.save([RowChange(completed(), (), is_new=True)])
        unit.commit()
    return with_banks


def process(units: UnitsOfWork, *messages: tuple[FromBank, str]) -> list[Outgoing]:
    use_case = ProcessMessages(units, TurnedClock(NOW_MS), TurnedClock(NOW_MS), POLICY)
    return use_case([Arrival(message, sender, envelope=None) for message, sender in messages])


def reasons_of(sent: Sequence[Outgoing]) -> list[object]:
    return [
        message.reason if isinstance(message, ReturnFailed) else type(message).__name__
        for message in (each.message for each in sent)
    ]


def accounts(units: UnitsOfWork) -> dict[str, SettlementAccount]:
    with units() as unit:
        return unit.settlement.all()


def test_a_return_from_the_request_to_the_last_booking(with_original: UnitsOfWork) -> None:
    (offered,) = process(with_original, (return_requested(), IPE))
    assert isinstance(offered.message, ReturnOffered) and offered.receiver == AURORA
    assert accounts(with_original)[IPE] == SettlementAccount(IPE, FUNDS, PART)
    sent = process(with_original, (return_accepted(), AURORA))
    assert {each.receiver for each in sent if isinstance(each.message, ReturnConfirmed)} == {IPE, AURORA}
    assert accounts(with_original)[IPE] == SettlementAccount(IPE, FUNDS - PART, 0)
    assert accounts(with_original)[AURORA] == SettlementAccount(AURORA, FUNDS + PART, 0)
    process(with_original, (return_processed(Side.PAYEE), IPE), (return_processed(Side.PAYER), AURORA))
    with with_original() as unit:
        found = returns_of(unit).find(return_id())
        assert found is not None and found[0].status is ReturnStatus.COMPLETED
        assert unit.transfers.find(e2e()) == (completed(), []), "the original does not change"
        key = TallyKey(AURORA, IPE, ReturnStatus.COMPLETED, None, "return")
        assert unit.tallies.all() == {key: Tally(1, PART)}
        unit.tallies.recount()
        assert unit.tallies.all()[key] == Tally(1, PART)


def test_returns_of_one_batch_take_no_more_than_the_transfer(with_original: UnitsOfWork) -> None:
    half = AMOUNT // 2
    requests = [return_requested(return_id=return_id(number), amount_centavos=half) for number in (1, 2, 3)]
    sent = process(with_original, *((request, IPE) for request in requests))
    assert reasons_of(sent) == ["ReturnOffered", "ReturnOffered", ReasonCode.AM09]
    sent = process(with_original, (return_requested(return_id=return_id(4), amount_centavos=half), IPE))
    assert reasons_of(sent) == [ReasonCode.AM09]


def test_a_failed_return_frees_its_part_also_in_the_same_batch(with_original: UnitsOfWork) -> None:
    process(with_original, (return_requested(amount_centavos=AMOUNT), IPE))
    rejection = return_rejected(amount_centavos=AMOUNT)
    request = return_requested(return_id=return_id(2), amount_centavos=AMOUNT)
    sent = process(with_original, (rejection, AURORA), (request, IPE))
    assert reasons_of(sent) == [ReasonCode.AC07, ReasonCode.AC07, "ReturnOffered"]
    assert accounts(with_original)[IPE] == SettlementAccount(IPE, FUNDS, AMOUNT)


def test_a_return_without_an_answer_is_offered_again_and_fails_at_its_time_out(with_original: UnitsOfWork) -> None:
    process(with_original, (return_requested(), IPE))
    clock = TurnedClock(NOW_MS + 5_000)
    (again,) = RetransmitDue(with_original, clock, clock, POLICY)()
    assert isinstance(again.message, ReturnOffered)
    clock = TurnedClock(NOW_MS + 100_000)
    assert reasons_of(FailExpired(with_original, clock, clock, POLICY, 40_000)()) == [ReasonCode.AB11] * 2
    assert accounts(with_original)[IPE] == SettlementAccount(IPE, FUNDS, 0)


def test_one_sweep_fails_transfers_and_returns_that_timed_out(with_original: UnitsOfWork) -> None:
    offered = transfer(end_to_end_id=e2e(2), amount_centavos=7)
    with with_original() as unit:
        unit.transfers.save([RowChange(offered, (), is_new=True)])
        unit.settlement.save([SettlementAccount(AURORA, FUNDS, 7)])
        unit.commit()
    process(with_original, (return_requested(), IPE))
    clock = TurnedClock(NOW_MS + 100_000)
    sent = FailExpired(with_original, clock, clock, POLICY, 40_000)()
    reasons = sorted(str(getattr(each.message, "reason", None)) for each in sent)
    assert reasons == ["AB03", "AB03", "AB11", "AB11"]
    assert {each.reserved_centavos for each in accounts(with_original).values()} == {0}
