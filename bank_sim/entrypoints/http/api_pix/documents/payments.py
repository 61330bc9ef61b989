"""The `pix` of charges: the payments that were credited, with what went back of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bank_sim.application.use_cases import BankApplication
from bank_sim.application.webhooks.documents import pix_document
from bank_sim.application.webhooks.parts import parts_of_payment
from bank_sim.domain.charges.model import Charge, ChargeId


def payment_documents(bank: BankApplication, charges: Sequence[Charge]) -> dict[ChargeId, list[dict[str, Any]]]:
    """The Pix documents of each charge, oldest first; a charge without a payment is left out."""
    found = bank.charges.payments(charges)
    return {
        charge.charge_id: [
            pix_document(paid.transfer, paid.returns, parts_of_payment(charge, paid.transfer))
            for paid in found[charge.charge_id]
        ]
        for charge in charges
        if charge.charge_id in found
    }
