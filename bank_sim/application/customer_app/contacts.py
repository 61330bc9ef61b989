"""A customer's contacts: recent payees and favourites; and whether a payment looks like one of just now."""

from __future__ import annotations

from typing import Final

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.views import RowFilter
from bank_sim.domain.customer_app.contacts import (
    FAVOURITES_MAX,
    Contact,
    TooManyFavourites,
    contact_of,
    contacts_of,
)
from bank_sim.domain.errors import TransferNotFound
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.runtime.clock import SchemeClock
from pix.scheme.keys import PixKey
from pix.scheme.messages import Party
from pix.scheme.postings import Direction

PAYMENTS_LOOKED_AT: Final = 100
"""Recent payees are those of so many newest payments."""
REPEATED_WITHIN_MS: Final = 10 * 60_000
"""A payment of the same amount to the same payee within this time may be one too many."""
REPEATS_LOOKED_AT: Final = 30


class Contacts:
    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock

    def list(self, account_number: str, size: int) -> list[Contact]:
        """Favourites first, then recent payees, the newest first."""
        narrow = RowFilter(direction=Direction.OUTGOING, account_number=account_number, size=PAYMENTS_LOOKED_AT)
        with self._units() as unit:
            return contacts_of(unit.transfers.list(narrow), unit.favourites.of_account(account_number), size)

    def keep(self, *, account_number: str, end_to_end_id: str) -> Contact:
        """Makes the payee of an outgoing transfer a favourite. Raises TransferNotFound, TooManyFavourites."""
        with self._units() as unit:
            # Locked, so that two at the same time are not one too many.
            unit.accounts.lock([account_number])
            transfer = unit.transfers.find(end_to_end_id, Direction.OUTGOING)
            contact = None if transfer is None or transfer.account_number != account_number else contact_of(transfer)
            if contact is None:
                raise TransferNotFound
            kept = unit.favourites.of_account(account_number)
            if contact.contact_id not in {each.contact_id for each in kept}:
                if len(kept) >= FAVOURITES_MAX:
                    raise TooManyFavourites
                unit.favourites.put(account_number, contact)
                unit.commit()
        return contact

    def drop(self, *, account_number: str, contact_id: str) -> None:
        """The payee is no favourite any more; one who is none stays so."""
        with self._units() as unit:
            unit.favourites.remove(account_number, contact_id)
            unit.commit()

    def is_favourite(self, account_number: str, transfer: Transfer) -> bool:
        contact = contact_of(transfer)
        with self._units() as unit:
            kept = unit.favourites.of_account(account_number)
        return contact is not None and contact.contact_id in {each.contact_id for each in kept}

    def find_repeated(
        self, *, account_number: str, payee_key: PixKey | None, payee: Party | None, amount_centavos: int
    ) -> Transfer | None:
        """The newest payment of the same amount to the same payee within `REPEATED_WITHIN_MS` that has not failed."""
        narrow = RowFilter(direction=Direction.OUTGOING, account_number=account_number, size=REPEATS_LOOKED_AT)
        since_ms = self._scheme_clock.now_ms() - REPEATED_WITHIN_MS
        with self._units() as unit:
            for transfer in unit.transfers.list(narrow):
                is_alike = (
                    transfer.amount_centavos == amount_centavos
                    and transfer.requested_at_ms >= since_ms
                    and transfer.status is not TransferStatus.FAILED
                )
                if is_alike and _has_payee(transfer, payee_key, payee):
                    return transfer
        return None


def _has_payee(transfer: Transfer, payee_key: PixKey | None, payee: Party | None) -> bool:
    if payee_key is not None:
        return transfer.payee_key == payee_key
    if payee is None or transfer.payee is None:
        return False
    return (transfer.payee.ispb, transfer.payee.account_number) == (payee.ispb, payee.account_number)
