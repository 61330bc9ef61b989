"""The clock of the scheme, and what waits for a jump of it, on every store."""

from __future__ import annotations

from hub.application.ports import BankClock, ClockJump, RowChange, UnitsOfWork
from pix.participant.clock.model import ClockReport
from pix.scheme.clock import VirtualTime
from tests.contract.hub.stored_transfers import WAIT_MS_MAX, numbered
from tests.support.hub_builders import AURORA, NOW_MS, e2e


def test_only_a_higher_revision_of_the_clock_is_stored(units: UnitsOfWork) -> None:
    with units() as unit:
        assert unit.clock.read().is_real
        assert unit.clock.save(VirtualTime(2, NOW_MS, 5, 60))
        assert not unit.clock.save(VirtualTime(2, NOW_MS, 9, 1)) and not unit.clock.save(VirtualTime(1, NOW_MS, 9, 1))
        unit.commit()
    with units() as unit:
        assert unit.clock.read() == VirtualTime(2, NOW_MS, 5, 60)


def test_a_jump_and_the_reports_of_banks_come_back_as_they_were(with_banks: UnitsOfWork) -> None:
    jumps = [ClockJump(NOW_MS, NOW_MS), ClockJump(NOW_MS + 1, NOW_MS + 2, ("001 E1 outgoing",), is_done=True)]
    said = [
        BankClock(AURORA, ClockReport("one", 3, ("E1 outgoing", "E2 incoming"), NOW_MS), NOW_MS),
        BankClock(AURORA, ClockReport("two", 3), NOW_MS + 9),
    ]
    with with_banks() as unit:
        assert unit.clock_jump.find() is None and unit.clock_jump.reports() == []
        for jump in jumps:
            unit.clock_jump.save(jump)
            assert unit.clock_jump.find() == jump
        for each in (*said, said[0]):
            unit.clock_jump.put_report(each)
        assert unit.clock_jump.reports() == said
        unit.clock_jump.forget_reports(NOW_MS + 1, NOW_MS + 10)
        assert unit.clock_jump.reports() == said[1:]
        unit.commit()


def test_open_rows_are_named_and_a_time_out_counts_real_time(with_banks: UnitsOfWork) -> None:
    # Scheme time is far ahead of real time.
    young = numbered(1, received_real_at_ms=NOW_MS - 10, resend_at_ms=NOW_MS)
    old = numbered(2, received_real_at_ms=NOW_MS - 100, resend_at_ms=NOW_MS - 1)
    closed = numbered(3, resend_at_ms=None)
    with with_banks() as unit:
        unit.transfers.save([RowChange(each, (), is_new=True) for each in (young, old, closed)])
        unit.commit()
    with with_banks() as unit:
        assert unit.transfers.open_ids(10) == [e2e(2), e2e(1)] and unit.transfers.open_ids(1) == [e2e(2)]
        assert unit.transfers.lock_expired(NOW_MS, 50, 10, WAIT_MS_MAX) == [old]
