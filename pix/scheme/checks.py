"""What a participant sends is checked like what a customer types: every field of the messages, by the scheme's rules.

Texts must be in stored form, since a message is repeated as it came and compared with the sender's row. Amounts are
left to the callers, which answer with reason codes of their own for them (AM02, AM09); so is the end-to-end id of a
request (FF08, RC09).
"""

from __future__ import annotations

from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_account_number, check_branch, check_ispb, parse_end_to_end_id
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.keys import PixKey, parse_stored_key
from pix.scheme.messages import (
    Party,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRequested,
)
from pix.scheme.people import check_masked_tax_id, check_stored_person_name
from pix.scheme.texts import check_stored_description
from pix.scheme.times import check_time_ms


def check_request(message: TransferRequested, *, key_is_registered: bool = False) -> None:
    """Raises SchemeError, whose field is that of the message: "payer.name", "payee_key", "requested_at_ms".

    A key that the directory holds is in stored form, and its check digits need not be computed again.
    """
    check_party(message.payer, "payer")
    if (message.payee is None) is (message.initiation is Initiation.MANU):
        raise SchemeError("payee", "A request has the payee's account when the payer typed it (MANU), and only then.")
    if message.payee is not None:
        check_party(message.payee, "payee")
    _check_initiation(message, key_is_registered=key_is_registered)
    if message.payee_tax_id_masked:
        check_masked_tax_id(message.payee_tax_id_masked, "payee_tax_id_masked")
    check_stored_description(message.description)
    check_time_ms(message.requested_at_ms, "requested_at_ms")


def check_offer(message: TransferOffered) -> None:
    """Raises SchemeError, whose field is that of the message."""
    parse_end_to_end_id(message.end_to_end_id)
    check_party(message.payer, "payer")
    check_party(message.payee, "payee")
    _check_initiation(message)
    check_stored_description(message.description)
    check_time_ms(message.offered_at_ms, "offered_at_ms")


def check_outcome(message: TransferConfirmed | TransferFailed) -> None:
    """Raises SchemeError, whose field is that of the message."""
    parse_end_to_end_id(message.end_to_end_id)
    check_party(message.payer, "payer")
    if message.payee is not None:
        check_party(message.payee, "payee")
    _check_initiation(message)
    check_stored_description(message.description)
    if isinstance(message, TransferConfirmed):
        check_time_ms(message.confirmed_at_ms, "confirmed_at_ms")
    else:
        check_time_ms(message.failed_at_ms, "failed_at_ms")


def check_party(party: Party, side: str) -> None:
    """Raises SchemeError(field=f"{side}.ispb" | f"{side}.name" | …)."""
    try:
        check_ispb(party.ispb)
        check_branch(party.branch)
        check_account_number(party.account_number)
        check_stored_person_name(party.name)
        check_masked_tax_id(party.tax_id_masked)
    except SchemeError as error:
        raise SchemeError(f"{side}.{error.field}", error.rule) from None


def _check_initiation(
    message: TransferRequested | TransferOffered | TransferConfirmed | TransferFailed,
    *,
    key_is_registered: bool = False,
) -> None:
    """Raises SchemeError(field="payee_key" | "txid")."""
    check_txid(message.txid, message.initiation)
    if message.payee_key is None:
        if message.initiation is not Initiation.MANU:
            raise SchemeError("payee_key", "A transfer has a key unless the payer typed the payee's account (MANU).")
    elif message.initiation is Initiation.MANU:
        raise SchemeError("payee_key", "A transfer to a typed account (MANU) has no key.")
    elif not key_is_registered:
        check_stored_key(message.payee_key)


def check_stored_key(key: PixKey) -> None:
    """Raises SchemeError(field="payee_key") for a key that is not in the directory's stored form."""
    try:
        parse_stored_key(key.key, key.kind)
    except SchemeError as error:
        raise SchemeError("payee_key", error.rule) from None
