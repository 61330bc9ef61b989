"""What a bank makes of an offered payment of a charge.

Source: `shared/scheme.md`, "API Pix, the merchant's side": a charge is found by its payee and txid, an accepted offer
reserves it, and another offer is refused meanwhile (BE17), as is another amount (AM09).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from bank_sim.domain.charges.amounts import amount_of_day, last_day_to_pay
from bank_sim.domain.charges.model import SECOND_MS, Charge, Immediate
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.ids import parse_end_to_end_id


class UnknownCharges(StrEnum):
    """What happens to a payment by dynamic code that no charge wants: real banks do either."""

    REFUSE = "refuse"
    ACCEPT = "accept"


def payment_day(end_to_end_id: str, now_ms: int) -> date:
    """The day in São Paulo on which the payer's bank has made the id: the sum of that day is due.

    Of an id whose time does not exist, the day of `now_ms`.
    """
    try:
        minute = parse_end_to_end_id(end_to_end_id).minute
    except SchemeError:
        return day_of(now_ms)
    return day_of(int(minute.timestamp()) * SECOND_MS)


def is_expired(charge: Charge, day: date, now_ms: int) -> bool:
    """Whether the charge can no longer be paid by its dates: a cob by the time, a cobv by the day of the payment."""
    if isinstance(charge.terms, Immediate):
        return now_ms >= charge.created_at_ms + charge.terms.expiry_seconds * SECOND_MS
    return day > last_day_to_pay(charge.terms)


def may_be_paid(charge: Charge | None, end_to_end_id: str, now_ms: int) -> bool:
    """Whether the charge waits for a payment: active, not expired, and reserved for no other transfer."""
    return (
        charge is not None
        and charge.is_active
        and charge.reserved_by in ("", end_to_end_id)
        and not is_expired(charge, payment_day(end_to_end_id, now_ms), now_ms)
    )


def is_amount_due(charge: Charge, amount_centavos: int, day: date) -> bool:
    """Whether a payment on that day pays the charge exactly, or the payer may choose the amount."""
    if isinstance(charge.terms, Immediate) and charge.terms.payer_may_change_amount:
        return True
    return amount_centavos == amount_of_day(charge, day).final
