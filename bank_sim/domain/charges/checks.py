"""What a charge must keep before it is stored: sizes and values, in stored form.

Source: the Central Bank's API Pix, schemas of CobSolicitada and CobVSolicitada.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bank_sim.domain.charges.errors import TermsRefused
from bank_sim.domain.charges.model import Charge, Debtor, Detail, DueDate
from bank_sim.domain.charges.terms import flaws_of_terms
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.people import check_cnpj, check_cpf
from pix.scheme.texts import check_line

PAYER_REQUEST_LENGTH_MAX: Final = 140
DETAILS_MAX: Final = 50
DETAIL_NAME_LENGTH_MAX: Final = 50
DETAIL_VALUE_LENGTH_MAX: Final = 200
DEBTOR_TEXT_LENGTH_MAX: Final = 200
CPF_LENGTH: Final = 11


def check_charge(charge: Charge) -> Charge:
    """The charge with its texts in stored form.

    Raises TermsRefused, and SchemeError(field="txid" | "payer_request" | "details" | "debtor" | "debtor.name" | …).
    """
    check_txid(charge.txid, Initiation.QRDN)
    flaws = flaws_of_terms(charge.amount_centavos, charge.terms, day_of(charge.created_at_ms))
    if flaws:
        raise TermsRefused(flaws)
    if isinstance(charge.terms, DueDate) and charge.debtor is None:
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
