"""The audit of a network with a bank of the original course, whose books cannot be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.read.audit import (
    AccountReference,
    AuditReport,
    CourseBankView,
    HubTransfer,
    NetworkSnapshot,
    OwedMoney,
    SettlementAccount,
    audit,
)
from lab.read.report import audit_document, audit_remarks, read_audit
from tests.unit.lab.test_audit import AMOUNT, FUNDS, bank

DORA = AccountReference("00000002", "3333")
PAID = HubTransfer("E9", "completed", None, AMOUNT, DORA, AccountReference("00000003", "x"), is_closed=True)
"""A course bank's customer has paid one at another course bank."""


def _snapshot(transfer: HubTransfer = PAID, went: int = AMOUNT, balance: int = FUNDS - AMOUNT) -> NetworkSnapshot:
    ours = bank(1)
    return NetworkSnapshot(
        (transfer,),
        {
            "00000001": SettlementAccount(FUNDS, 0, FUNDS),
            "00000002": SettlementAccount(balance, 0, FUNDS),
            "00000003": SettlementAccount(2 * FUNDS - balance, 0, FUNDS),
        },
        (ours,),
        (transfer,),
        (
            CourseBankView("00000002", "002", "CTER", 0, went, 0, 0),
            CourseBankView("00000003", "003", "Other", AMOUNT, 0, 0, 0),
        ),
    )


def _offenders(report: AuditReport) -> tuple[str, ...]:
    return next(each.offenders for each in report.findings if each.invariant == "course_banks_agree")


def test_a_network_with_a_course_bank_passes_and_says_what_was_not_examined() -> None:
    report = audit(_snapshot())

    assert report.is_final
    assert report.not_examined == ("002 CTER", "003 Other")
    assert "not examined: 002 CTER, a course bank whose books cannot be read" in audit_remarks(report)
    assert read_audit(audit_document(report)) == report


@pytest.mark.parametrize(
    ("snapshot", "offender"),
    [
        (_snapshot(went=0), "002: by the adapter's table 0 have moved, by the hub's -100"),
        (_snapshot(balance=FUNDS), "002: settlement has moved by 0, its transfers by -100"),
    ],
)
def test_a_table_and_a_settlement_account_that_differ_are_found(snapshot: NetworkSnapshot, offender: str) -> None:
    report = audit(snapshot)

    assert not report.is_ok
    assert offender in _offenders(report)


def test_an_outcome_on_its_way_to_the_adapter_is_allowed_for() -> None:
    assert audit(_snapshot(PAID._replace(status="confirmed", is_closed=False), went=0)).is_ok


def test_what_is_owed_is_listed_and_breaks_nothing() -> None:
    owed = OwedMoney("00000002", "refund", "9b2f", "parked", 2_500, "AC03")

    report = audit(replace(_snapshot(), owed=(owed,)))

    assert report.is_ok
    assert report.owed == ("002: 2500 centavos, refund 9b2f, parked (AC03)",)
    assert "owed: 002: 2500 centavos, refund 9b2f, parked (AC03)" in audit_remarks(report)
