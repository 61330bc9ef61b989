"""The course adapter's store, in memory and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from hub.adapters.course.memory import CourseStore, MemoryCourseUnits
from hub.adapters.course.postgres import PostgresCourseUnits
from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from hub.application.course.ports import CourseUnits, LegSums
from hub.domain.course.model import CourseAccount, CourseBank, Edition, Leg, LegKind, LegState
from pix.scheme.deliveries import Rejected
from pix.wire.record import Record
from tests.support.databases import empty_hub
from tests.support.hub_builders import AURORA, BANKS, IPE, e2e

AURORA_AT_COURSE = CourseBank(AURORA, "001", Edition.Y2023, "nest_bank_001-server", "a-uuid")
IPE_AT_COURSE = CourseBank(IPE, "002", Edition.Y2021, "bank-002", "another-uuid")
ACCOUNT = CourseAccount("account-1", AURORA, "0001", "1111", "User BBX 1", "***.000.000-**", 1_000)
PAYMENT = Leg(
    ispb=AURORA,
    kind=LegKind.OUTGOING,
    course_id="payment-1",
    end_to_end_id=e2e(),
    state=LegState.REQUESTED,
    amount_centavos=2_500,
    account_id="account-1",
    key="ana@example.com",
    key_kind="email",
    description="café <b>",
    own_account_id="account-1",
    created_at_ms=5_000,
    due_at_ms=10_000,
)
CREDIT = replace(PAYMENT, ispb=IPE, kind=LegKind.INCOMING, state=LegState.SENT, sent_at_ms=7_000, due_at_ms=20_000)
REFUND = replace(
    PAYMENT, kind=LegKind.REFUND, course_id="refund-1", state=LegState.PARKED, reason="AC03", original_id="payment-1",
    created_at_ms=4_000, due_at_ms=None,
)  # fmt: skip


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def course(request: pytest.FixtureRequest) -> CourseUnits:
    """A store with two course banks."""
    units: CourseUnits = MemoryCourseUnits(CourseStore())
    if request.param == "postgres":
        engine: Engine = request.getfixturevalue("engine")
        empty_hub(engine)
        with PostgresUnitsOfWork(engine)() as unit:
            for bank in BANKS.values():
                unit.banks.add(bank)
            unit.commit()
        units = PostgresCourseUnits(engine)
    with units() as unit_of_course:
        unit_of_course.lock()
        unit_of_course.course.add_bank(AURORA_AT_COURSE)
        unit_of_course.course.add_bank(IPE_AT_COURSE)
        unit_of_course.commit()
    return units


def _save(course: CourseUnits, *legs: Leg) -> None:
    with course() as unit:
        unit.course.save(legs)
        unit.commit()


def test_a_bank_keeps_its_id_when_it_is_added_again(course: CourseUnits) -> None:
    changed = replace(AURORA_AT_COURSE, edition=Edition.Y2021, group="other")
    with course() as unit:
        unit.course.add_bank(changed)
        unit.commit()

    with course() as unit:
        assert unit.course.banks() == {AURORA: changed, IPE: IPE_AT_COURSE}


def test_an_account_is_found_by_its_id_and_by_its_number(course: CourseUnits) -> None:
    with course() as unit:
        unit.course.add_account(ACCOUNT)
        unit.commit()

    with course() as unit:
        assert unit.course.account("account-1") == ACCOUNT
        assert unit.course.account_numbered(AURORA, "0001", "1111") == ACCOUNT
        assert unit.course.account_numbered(IPE, "0001", "1111") is None
        assert unit.course.account("\x00") is None
        assert (unit.course.accounts(), unit.course.accounts(IPE)) == ([ACCOUNT], [])


def test_a_leg_is_found_by_its_id_and_by_its_transfer(course: CourseUnits) -> None:
    _save(course, PAYMENT, CREDIT, REFUND)

    with course() as unit:
        assert unit.course.leg(AURORA, LegKind.OUTGOING, "payment-1") == PAYMENT
        assert unit.course.leg(IPE, LegKind.OUTGOING, "payment-1") is None
        assert unit.course.leg_of_transfer(LegKind.OUTGOING, e2e()) == PAYMENT
        assert unit.course.leg_of_transfer(LegKind.INCOMING, e2e()) == CREDIT
        assert unit.course.leg_of_transfer(LegKind.OUTGOING, "") is None
        assert (unit.course.credit("payment-1"), unit.course.credit("refund-1")) == (CREDIT, REFUND)


def test_what_is_due_comes_in_its_order(course: CourseUnits) -> None:
    _save(course, PAYMENT, CREDIT, REFUND)

    with course() as unit:
        assert unit.course.due(9_999, 60_000, 10) == []
        assert unit.course.due(20_000, 60_000, 10) == [PAYMENT, CREDIT]
        assert unit.course.due(20_000, 60_000, 1) == [PAYMENT]
        # The clock has gone back: no leg waits that long.
        assert unit.course.due(5_000, 10_000, 10) == [CREDIT]


def test_a_changed_leg_replaces_the_old_one(course: CourseUnits) -> None:
    _save(course, CREDIT)
    settled = replace(CREDIT, state=LegState.SETTLED, due_at_ms=None, attempts=3, answers=2, key="x", key_kind="cpf")

    _save(course, settled)

    with course() as unit:
        assert unit.course.credit("payment-1") == settled
        assert unit.course.sums() == [LegSums(IPE, LegKind.INCOMING, LegState.SETTLED, 1, 2_500, 1)]


def test_what_is_owed_and_what_is_latest(course: CourseUnits) -> None:
    uncovered = replace(CREDIT, state=LegState.UNCOVERED)
    _save(course, PAYMENT, uncovered, REFUND)

    with course() as unit:
        assert unit.course.owed(10) == [REFUND, uncovered]
        assert unit.course.owed(1) == [REFUND]
        assert unit.course.latest(10)[-1] == REFUND


def test_nothing_is_kept_without_a_commit(course: CourseUnits) -> None:
    with course() as unit:
        unit.lock()
        unit.course.save([PAYMENT])
        unit.dead_letters.add([Rejected(Record("transactions", b"", b"x"), "", "no JSON")], 1)

    with course() as unit:
        assert (unit.course.latest(10), unit.dead_letters.list(None, 10)) == ([], [])
