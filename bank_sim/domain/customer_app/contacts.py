"""Whom an account pays: the recent payees of its transfers, and those whom the customer keeps as favourites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.errors import SchemeError
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object

FAVOURITES_MAX: Final = 20


@value_object
class Contact:
    """A payee as of a payment to them, which `end_to_end_id` names.

    `contact_id` tells payees apart: the key, or the account that was typed.
    """

    contact_id: str
    name: str
    bank_name: str
    end_to_end_id: str
    is_favourite: bool = False


class TooManyFavourites(SchemeError):
    def __init__(self) -> None:
        super().__init__("contact_id", f"You can keep at most {FAVOURITES_MAX} favorites. Remove one first.")


def contact_of(transfer: Transfer) -> Contact | None:
    """Whom an outgoing transfer paid; None when neither key nor account is known."""
    contact_id = _contact_id(transfer.payee_key, transfer)
    if not contact_id:
        return None
    name = transfer.payee.name if transfer.payee is not None else transfer.payee_name
    return Contact(contact_id, name or transfer.payee_text, transfer.payee_bank_name, transfer.end_to_end_id)


def _contact_id(key: PixKey | None, transfer: Transfer) -> str:
    if key is not None:
        return f"{key.kind.value} {key.key}"
    payee = transfer.payee
    return "" if payee is None else f"{payee.ispb} {payee.branch} {payee.account_number}"


def contacts_of(transfers: Iterable[Transfer], favourites: Sequence[Contact], size: int) -> list[Contact]:
    """Favourites first, in their order, then recent payees; each once.

    `transfers` are outgoing and newest first. One that failed makes no contact.
    """
    newest: dict[str, Contact] = {}
    for transfer in transfers:
        contact = None if transfer.status is TransferStatus.FAILED else contact_of(transfer)
        if contact is not None:
            newest.setdefault(contact.contact_id, contact)
    kept = [replace(newest.get(each.contact_id, each), is_favourite=True) for each in favourites]
    known = {contact.contact_id for contact in kept}
    return [*kept, *(contact for contact in newest.values() if contact.contact_id not in known)][:size]
