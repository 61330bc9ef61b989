"""Charges: the list, a new one, and one with its code, its state, and what happened to it, live."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from fastapi import Path

from bank_sim.domain.charges.model import Charge, ChargeStatus
from bank_sim.domain.charges.offers import is_expired
from bank_sim.entrypoints.http.pages.routing import page_router
from pix.scheme.days import day_of
from pix.scheme.values import value_object

TAB = "/developers/charges"
EXPIRY_SECONDS_DEFAULT: Final = 3_600
REQUESTS_SHOWN: Final = 5

router = page_router()

Txid = Annotated[str, Path(max_length=64)]


class State(StrEnum):
    """Where a charge stands, for people: the API's status, with what time and a payment on its way make of it."""

    WAITING = "waiting"
    UNDER_WAY = "under_way"
    EXPIRED = "expired"
    PAID = "paid"
    REMOVED = "removed"


@value_object
class ChargeLine:
    charge: Charge
    state: State


def state_of(charge: Charge, now_ms: int) -> State:
    """By scheme time."""
    if charge.status is ChargeStatus.COMPLETED:
        return State.PAID
    if not charge.is_active:
        return State.REMOVED
    if charge.reserved_by:
        return State.UNDER_WAY
    return State.EXPIRED if is_expired(charge, day_of(now_ms), now_ms) else State.WAITING
