"""What a charge must keep before it is stored: sizes and values, in stored form.

Source: the Central Bank's API Pix, schemas of CobSolicitada and CobVSolicitada.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from bank_sim.domain.charges.model import Charge, Debtor, Detail, DueDate, Immediate
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.money import check_amount
from pix.scheme.people import check_cnpj, check_cpf
from pix.scheme.texts import check_line

EXPIRY_SECONDS_MAX: Final = 2**31 - 1
VALID_DAYS_MAX: Final = 3_650
"""Ten years: the API sets no limit."""
PAYER_REQUEST_LENGTH_MAX: Final = 140
DETAILS_MAX: Final = 50
DETAIL_NAME_LENGTH_MAX: Final = 50
DETAIL_VALUE_LENGTH_MAX: Final = 200
DEBTOR_TEXT_LENGTH_MAX: Final = 200
CPF_LENGTH: Final = 11


def check_charge(charge: Charge) -> Charge:
    """The charge with its texts in stored form.

    Raises SchemeError(field="txid" | "amount_centavos" | "expiry_seconds" | "due_day" | "valid_days_after" |
    "payer_request" | "details" | "debtor.name" | …).
    """
    check_txid(charge.txid, Initiation.QRDN)
    if isinstance(charge.terms, Immediate):
        if charge.amount_centavos or not charge.terms.payer_may_change_amount:
            check_amount(charge.amount_centavos)
        if not 0 < charge.terms.expiry_seconds <= EXPIRY_SECONDS_MAX:
            raise SchemeError("expiry_seconds", f"Use 1 to {EXPIRY_SECONDS_MAX} seconds.")
    else:
        check_amount(charge.amount_centavos)
        _check_dates(charge.terms, day_of(charge.created_at_ms))
        if charge.debtor is None:
            raise SchemeError("debtor", "A charge with a due date names its debtor.")
    if len(charge.details) > DETAILS_MAX:
        raise SchemeError("details", f"At most {DETAILS_MAX} lines are allowed.")
    return replace(
        charge,
        payer_request=check_line(charge.payer_request, "payer_request", 0, PAYER_REQUEST_LENGTH_MAX),
        details=tuple(
            Detail(
                check_line(detail.name, "details", 1, DETAIL_NAME_LENGTH_MAX),
                check_line(detail.value, "details", 1, DETAIL_VALUE_LENGTH_MAX),
            )
            for detail in charge.details
        ),
        debtor=None if charge.debtor is None else _checked_debtor(charge.debtor),
    )


def _check_dates(terms: DueDate, created_on: date) -> None:
    if terms.due_day < created_on:
        raise SchemeError("due_day", "The due date is before the creation of the charge.")
    if not 0 <= terms.valid_days_after <= VALID_DAYS_MAX:
        raise SchemeError("valid_days_after", f"Use 0 to {VALID_DAYS_MAX} days.")


def _checked_debtor(debtor: Debtor) -> Debtor:
    check = check_cpf if len(debtor.tax_id) == CPF_LENGTH else check_cnpj
    return Debtor(
        tax_id=check(debtor.tax_id, "debtor.tax_id"),
        name=check_line(debtor.name, "debtor.name", 1, DEBTOR_TEXT_LENGTH_MAX),
        email=check_line(debtor.email, "debtor.email", 0, DEBTOR_TEXT_LENGTH_MAX),
        street=check_line(debtor.street, "debtor.street", 0, DEBTOR_TEXT_LENGTH_MAX),
        city=check_line(debtor.city, "debtor.city", 0, DEBTOR_TEXT_LENGTH_MAX),
        state=check_line(debtor.state, "debtor.state", 0, 2),
        postal_code=check_line(debtor.postal_code, "debtor.postal_code", 0, 9),
    )
