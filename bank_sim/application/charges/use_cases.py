"""The use cases of charges in one place, as the transports see them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from bank_sim.application.charges.batches import Batches
from bank_sim.application.charges.change_charge import ChangeCharge
from bank_sim.application.charges.create_charge import CreateCharge, NoteNewCharge
from bank_sim.application.charges.locations import Locations
from bank_sim.application.charges.payments import FindPayments
from bank_sim.application.charges.queries import FindCharge, ListCharges
from bank_sim.application.charges.read_payload import ReadPayload
from bank_sim.application.charges.remove_charges import RemoveChargesOfClosedAccounts
from bank_sim.application.ports import UnitsOfWork
from pix.runtime.clock import SchemeClock
from pix.scheme.ids import SUFFIX_LENGTH, random_suffix

TXID_LENGTH: Final = 32
TOKEN_LENGTH: Final = 2 * SUFFIX_LENGTH
"""131 bits, and short: a location has at most 77 characters with its host."""


@dataclass(frozen=True, slots=True)
class Charges:
    """What a merchant does with charges, and a payer's bank with their payloads."""

    create: CreateCharge
    change: ChangeCharge
    find: FindCharge
    list: ListCharges
    locations: Locations
    batches: Batches
    payments: FindPayments
    payload: ReadPayload
    remove_of_closed_accounts: RemoveChargesOfClosedAccounts


def compose_charges(
    units: UnitsOfWork,
    scheme_clock: SchemeClock,
    random: Random | None = None,
    note_new: NoteNewCharge | None = None,
) -> Charges:
    """On any adapters. `random` makes txids and tokens repeatable; `note_new` is told of each new charge."""

    def new_txid() -> str:
        return (random_suffix(random) + random_suffix(random) + random_suffix(random))[:TXID_LENGTH]

    def new_token() -> str:
        return random_suffix(random) + random_suffix(random)

    create, change = CreateCharge(units, scheme_clock, new_txid, new_token, note_new), ChangeCharge(units)
    return Charges(
        create=create,
        change=change,
        find=FindCharge(units),
        list=ListCharges(units),
        locations=Locations(units, scheme_clock, new_token),
        batches=Batches(units, scheme_clock, create, change),
        payments=FindPayments(units),
        payload=ReadPayload(units, scheme_clock),
        remove_of_closed_accounts=RemoveChargesOfClosedAccounts(units),
    )
