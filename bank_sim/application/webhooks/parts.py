"""What the amounts of payments of charges with a due date were made of."""

from __future__ import annotations

from collections.abc import Sequence

from bank_sim.application.ports import UnitOfWork
from bank_sim.domain.charges.amounts import AmountOfDay, amount_of_day
from bank_sim.domain.charges.model import Charge, DueDate, place_of
from bank_sim.domain.charges.offers import payment_day
from bank_sim.domain.flows.transfer.model import Transfer


def parts_of_payment(charge: Charge, transfer: Transfer) -> AmountOfDay | None:
    """Of one payment; None of an immediate charge, and where the parts do not add up to what was paid."""
    if not isinstance(charge.terms, DueDate):
        return None
    parts = amount_of_day(charge, payment_day(transfer.end_to_end_id, transfer.requested_at_ms))
    return parts if parts.final == transfer.amount_centavos else None


def parts_of(unit: UnitOfWork, transfers: Sequence[Transfer]) -> dict[str, AmountOfDay]:
    """By end-to-end id, of those payments that have parts. Reads charges without a lock."""
    places = {
        transfer.end_to_end_id: place
        for transfer in transfers
        if (place := place_of(transfer.initiation, transfer.account_number, transfer.txid)) is not None
    }
    charges = unit.charges.find_of_transfers(set(places.values()))
    found = {}
    for transfer in transfers:
        charge = charges.get(places.get(transfer.end_to_end_id, ("", "")))
        parts = None if charge is None else parts_of_payment(charge, transfer)
        if parts is not None:
            found[transfer.end_to_end_id] = parts
    return found
