"""What a bank makes of offers and outcomes for a charge: a pure function of charge, message and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bank_sim.domain.charges.model import Charge, ChargeKind, ChargeStatus, DueDate, Immediate, place_of
from bank_sim.domain.charges.offers import UnknownCharges, is_expired, payment_day
from bank_sim.domain.flows import charge_needed, decide
from bank_sim.domain.flows.flow import Decision
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.initiation import Initiation
from pix.scheme.messages import Side
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.bank_builders import (
    AMOUNT,
    ANA,
    END_TO_END_ID,
    KEY,
    NOW_MS,
    confirmed,
    facts,
    failed,
    incoming,
    offered,
)
from tests.support.clock import at_time_ms

TXID = "t" * 30
OTHER = "E0000000220261122120099999999999"
CHARGE = Charge(
    tax_id=ANA.tax_id,
    txid=TXID,
    kind=ChargeKind.IMMEDIATE,
    account_number=ANA.number,
    key=KEY,
    amount_centavos=AMOUNT,
    terms=Immediate(3_600),
    created_at_ms=NOW_MS,
)


def dynamic(message: Any) -> Any:
    return replace(message, initiation=Initiation.QRDN, txid=TXID)


def offer(charge: Charge | None, unknown_charges: UnknownCharges = UnknownCharges.REFUSE) -> Decision[Transfer]:
    message = dynamic(offered())
    return decide({}, message, replace(facts(), charge=charge, unknown_charges=unknown_charges))


def outcome(message: Any, row: Transfer, charge: Charge | None) -> Charge | None:
    """The charge after an outcome; None: it stays as it is."""
    row = dynamic(row)
    assert charge_needed({row.row_id: row}, message) == (ANA.number, TXID)
    return decide({row.row_id: row}, dynamic(message), replace(facts(), charge=charge)).charge


def test_an_accepted_offer_reserves_the_charge() -> None:
    decision = offer(CHARGE)
    assert decision.row is not None
    assert decision.row.status is TransferStatus.ACCEPTED
    assert decision.charge == replace(CHARGE, reserved_by=END_TO_END_ID)


@pytest.mark.parametrize(
    "charge",
    [
        None,
        replace(CHARGE, reserved_by=OTHER),
        replace(CHARGE, status=ChargeStatus.COMPLETED, paid_by=OTHER),
        replace(CHARGE, status=ChargeStatus.REMOVED_BY_PAYEE),
        replace(CHARGE, status=ChargeStatus.REMOVED_BY_BANK),
        replace(CHARGE, created_at_ms=NOW_MS - 3_600_000),
    ],
)
def test_a_charge_that_waits_for_no_payment_refuses_it_unless_the_bank_accepts_such(charge: Charge | None) -> None:
    refused = offer(charge)
    assert refused.row is not None
    assert (refused.row.status, refused.row.reason) == (TransferStatus.REJECTED, ReasonCode.BE17)
    assert refused.charge is None
    accepted = offer(charge, UnknownCharges.ACCEPT)
    assert accepted.row is not None
    assert accepted.row.status is TransferStatus.ACCEPTED
    if charge is not None and (charge.reserved_by or not charge.is_active):
        assert accepted.charge == charge


@pytest.mark.parametrize(
    ("changes", "amount_centavos", "reason"),
    [
        ({"account": None, "charge": None}, AMOUNT, ReasonCode.AC03),
        ({"charge": replace(CHARGE, reserved_by=OTHER)}, 1_00, ReasonCode.BE17),
        ({"charge": CHARGE}, 1_00, ReasonCode.AM09),
    ],
)
def test_the_account_is_judged_before_the_charge_and_the_charge_before_its_amount(
    changes: dict[str, Any], amount_centavos: int, reason: ReasonCode
) -> None:
    decision = decide({}, dynamic(offered(amount_centavos)), replace(facts(), **changes))
    assert decision.row is not None
    assert decision.row.reason is reason


def test_a_credit_concludes_the_charge_whatever_has_become_of_it() -> None:
    mine = replace(CHARGE, reserved_by=END_TO_END_ID)
    paid = replace(CHARGE, status=ChargeStatus.COMPLETED, paid_by=END_TO_END_ID)
    assert outcome(confirmed(), incoming(), mine) == paid
    assert outcome(confirmed(), incoming(), replace(mine, status=ChargeStatus.REMOVED_BY_PAYEE)) == paid
    other = replace(CHARGE, reserved_by=OTHER)
    assert outcome(confirmed(), incoming(), other) == replace(paid, reserved_by=OTHER)
    twice = replace(paid, paid_by=OTHER)
    assert outcome(confirmed(), incoming(), twice) == twice


def test_a_failure_frees_only_what_the_transfer_holds() -> None:
    assert outcome(failed(), incoming(), replace(CHARGE, reserved_by=END_TO_END_ID)) == CHARGE
    held = replace(CHARGE, reserved_by=OTHER)
    assert outcome(failed(), incoming(), held) == held
    assert outcome(failed(), incoming(), None) is None


def test_only_an_incoming_payment_by_dynamic_code_that_is_open_has_a_charge() -> None:
    assert charge_needed({}, dynamic(offered())) == (ANA.number, TXID)
    assert charge_needed({}, offered()) is None
    assert charge_needed({}, dynamic(confirmed(Side.PAYER))) is None
    final = dynamic(incoming(TransferStatus.CONFIRMED))
    assert charge_needed({final.row_id: final}, dynamic(confirmed())) is None
    known = dynamic(incoming())
    assert charge_needed({(END_TO_END_ID, Direction.INCOMING): known}, dynamic(offered())) is None
    assert place_of(Initiation.QRES, ANA.number, "x" * 26) is None
    assert place_of(Initiation.QRDN, "1\0", TXID) is None
    assert place_of(Initiation.QRDN, ANA.number, "x" * 25) is None


@pytest.mark.parametrize(
    ("end_to_end_id", "day"),
    [
        ("E0000000220261124025900000000000", date(2026, 11, 23)),
        ("E0000000220261124030000000000000", date(2026, 11, 24)),
        ("E0000000220261341030000000000000", date(2026, 11, 22)),
    ],
)
def test_the_day_of_a_payment_is_that_of_sao_paulo_inside_its_id(end_to_end_id: str, day: date) -> None:
    assert payment_day(end_to_end_id, NOW_MS) == day


def test_a_due_date_on_a_non_working_day_leaves_until_the_next_working_day() -> None:
    # A Saturday; the Monday after it is a working day.
    charge = replace(CHARGE, kind=ChargeKind.DUE_DATE, terms=DueDate(date(2026, 11, 28), valid_days_after=0))
    monday, tuesday = date(2026, 11, 30), date(2026, 12, 1)
    assert not is_expired(charge, monday, at_time_ms(monday))
    assert is_expired(charge, tuesday, at_time_ms(tuesday))
