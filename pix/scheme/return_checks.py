"""The fields of a return's messages are checked like those of a transfer's; see `pix.scheme.checks`."""

from __future__ import annotations

from pix.scheme.checks import check_party
from pix.scheme.errors import SchemeError
from pix.scheme.ids import is_return_id, parse_end_to_end_id, parse_return_id
from pix.scheme.messages.returns import ReturnConfirmed, ReturnFailed, ReturnOffered, ReturnRequested
from pix.scheme.reasons.returns import RETURN_REASONS
from pix.scheme.texts import check_stored_description
from pix.scheme.times import check_time_ms


def check_return_request(message: ReturnRequested) -> None:
    """Raises SchemeError, whose field is that of the message: "original_end_to_end_id", "requested_at_ms".

    The return id (FF08), the amount (AM09) and the reason (AG12) have a reason code each. An original that is a
    return has the form of an id, and is refused with AG13.
    """
    if not is_return_id(message.original_end_to_end_id):
        _check_original(message.original_end_to_end_id)
    check_stored_description(message.description)
    check_time_ms(message.requested_at_ms, "requested_at_ms")


def check_return_offer(message: ReturnOffered) -> None:
    """Raises SchemeError, whose field is that of the message."""
    parse_return_id(message.return_id)
    _check_original(message.original_end_to_end_id)
    if message.reason not in RETURN_REASONS:
        raise SchemeError("reason", "A return has the reason MD06, BE08 or FR01.")
    check_party(message.payer, "payer")
    check_party(message.payee, "payee")
    check_stored_description(message.description)
    check_time_ms(message.offered_at_ms, "offered_at_ms")


def check_return_outcome(message: ReturnConfirmed | ReturnFailed) -> None:
    """Raises SchemeError, whose field is that of the message. A failure may repeat an original that is no such id."""
    parse_return_id(message.return_id)
    if message.payer is not None:
        check_party(message.payer, "payer")
    if message.payee is not None:
        check_party(message.payee, "payee")
    check_stored_description(message.description)
    if isinstance(message, ReturnConfirmed):
        _check_original(message.original_end_to_end_id)
        check_time_ms(message.confirmed_at_ms, "confirmed_at_ms")
    else:
        check_time_ms(message.failed_at_ms, "failed_at_ms")


def _check_original(text: str) -> None:
    try:
        parse_end_to_end_id(text)
    except SchemeError as error:
        raise SchemeError("original_end_to_end_id", error.rule) from None
