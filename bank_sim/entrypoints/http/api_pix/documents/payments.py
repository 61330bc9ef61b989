"""The `pix` of charges: the payments that were credited, with what went back of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bank_sim.application.charges.payments import ReceivedPix
from bank_sim.application.use_cases import BankApplication
from bank_sim.application.webhooks.documents import pix_document
from bank_sim.domain.charges.amounts import AmountOfDay, amount_of_day
from bank_sim.domain.charges.model import Charge, ChargeId, DueDate
from bank_sim.domain.charges.offers import payment_day


def payment_documents(bank: BankApplication, charges: Sequence[Charge]) -> dict[ChargeId, list[dict[str, Any]]]:
    """The Pix documents of each charge, oldest first; a charge without a payment is left out."""
    found = bank.charges.payments(charges)
    return {
        charge.charge_id: [_document(charge, payment) for payment in found[charge.charge_id]]
        for charge in charges
        if charge.charge_id in found
    }


def _document(charge: Charge, payment: ReceivedPix) -> dict[str, Any]:
    return pix_document(payment.transfer, payment.returns, _parts(charge, payment))


def _parts(charge: Charge, payment: ReceivedPix) -> AmountOfDay | None:
    """What the amount of a charge with a due date was made of; None for another amount than its terms ask for now."""
    if not isinstance(charge.terms, DueDate):
        return None
    transfer = payment.transfer
    day = payment_day(transfer.end_to_end_id, transfer.requested_at_ms)
    parts = amount_of_day(charge, day)
    return parts if parts.final == transfer.amount_centavos else None
