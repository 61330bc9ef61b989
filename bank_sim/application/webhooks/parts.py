"""What the amounts of payments of charges with a due date were made of."""

from __future__ import annotations

from collections.abc import Iterable

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


def parts_of(unit: UnitOfWork, transfers: Iterable[Transfer]) -> dict[str, AmountOfDay]:
    """By end-to-end id, of those payments that have parts. Reads charges without a lock."""
    found = {}
    tax_ids: dict[str, str] = {}
    for transfer in transfers:
        place = place_of(transfer.initiation, transfer.account_number, transfer.txid)
        if place is None:
            continue
        number, txid = place
        if number not in tax_ids:
            account = unit.accounts.find(number)
            tax_ids[number] = "" if account is None else account.tax_id
        charge = unit.charges.find((tax_ids[number], txid))
        parts = None if charge is None else parts_of_payment(charge, transfer)
        if parts is not None:
            found[transfer.end_to_end_id] = parts
    return found
