"""Which terms a charge may have. Sources: the violations that the API Pix lists for `cob` and `cobv`."""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum
from typing import Final

from bank_sim.domain.charges.amounts import (
    DISCOUNTS_UNTIL_A_DAY,
    FIXED,
    PERCENT_DISCOUNTS,
    WHOLE,
    amount_of_terms,
    discount_of,
    last_day_to_pay,
    rebate_of,
)
from bank_sim.domain.charges.model import DueDate, Immediate, Modality
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, format_brl

EXPIRY_SECONDS_MAX: Final = 2**31 - 1
"""The file's int32: 68 years."""

DUE_DAYS_AHEAD_MAX: Final = 10_000
"""How far ahead a due date may be: 27 years, within the years whose holidays are known."""

VALID_DAYS_AFTER_MAX: Final = 3_650

DATED_DISCOUNTS_MAX: Final = 3

_FINE_KINDS: Final = range(1, 3)
_REBATE_KINDS: Final = range(1, 3)
_INTEREST_KINDS: Final = range(1, 9)
_DISCOUNT_KINDS: Final = range(1, 7)


class TermsFlaw(Enum):
    """One rule that terms break: the value, and a sentence for people."""

    EXPIRY = "expiry_seconds", f"A charge expires 1 to {EXPIRY_SECONDS_MAX} seconds after its creation."
    AMOUNT_ZERO = "amount_centavos", "The amount is zero."
    AMOUNT_TOO_LARGE = "amount_centavos", f"The amount is at most {format_brl(AMOUNT_CENTAVOS_MAX)}."
    DUE_DAY_PASSED = "due_day", "The due date lies before the day of creation."
    DUE_DAY_TOO_FAR = "due_day", f"The due date lies at most {DUE_DAYS_AHEAD_MAX} days ahead."
    VALID_DAYS_AFTER = "valid_days_after", f"A charge is valid for 0 to {VALID_DAYS_AFTER_MAX} days after its due date."
    FINE_KIND = "fine", "The kind of a fine is 1 or 2."
    INTEREST_KIND = "interest", "The kind of interest is a number from 1 to 8."
    TOTAL_TOO_LARGE = "interest", f"With fine and interest the amount exceeds {format_brl(AMOUNT_CENTAVOS_MAX)}."
    REBATE_KIND = "rebate", "The kind of a rebate is 1 or 2."
    REBATE_TOO_LARGE = "rebate", "The rebate is as large as the amount, or 100% or more."
    DISCOUNT_KIND = "discount", "The kind of a discount is a number from 1 to 6."
    DISCOUNT_HAS_VALUE = "discount.value", "A discount of kind 1 or 2 has days, and no value of its own."
    DISCOUNT_WITHOUT_DAYS = "discount.dated", f"A discount of kind 1 or 2 has 1 to {DATED_DISCOUNTS_MAX} days."
    DISCOUNT_WITHOUT_VALUE = "discount.value", "A discount of kind 3 to 6 has a value."
    DISCOUNT_HAS_DAYS = "discount.dated", "A discount of kind 3 to 6 has no days."
    DISCOUNT_DAYS_TWICE = "discount.dated", "A discount names each day once."
    DISCOUNT_TOO_LARGE = "discount", "The discount is as large as the amount, or 100% or more."
    DISCOUNT_AFTER_DUE_DAY = "discount.dated", "A discount ends on the due date at the latest."

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule


def flaws_of_terms(amount_centavos: int, terms: Immediate | DueDate, today: date) -> tuple[TermsFlaw, ...]:
    """What is wrong with the terms of a charge; nothing when it may exist.

    `today` is the day in São Paulo on which it is made or changed: a discount by days of anticipation counts from it.
    """
    flaws = [] if amount_centavos <= AMOUNT_CENTAVOS_MAX else [TermsFlaw.AMOUNT_TOO_LARGE]
    if isinstance(terms, Immediate):
        if amount_centavos <= 0 and not terms.payer_may_change_amount:
            flaws.append(TermsFlaw.AMOUNT_ZERO)
        if not 1 <= terms.expiry_seconds <= EXPIRY_SECONDS_MAX:
            flaws.append(TermsFlaw.EXPIRY)
        return tuple(flaws)
    if amount_centavos <= 0:
        flaws.append(TermsFlaw.AMOUNT_ZERO)
    flaws += _flaws_of_days(terms, today)
    flaws += _flaws_of_kinds(terms)
    # Sums are of use only once their parts make sense.
    return tuple(flaws or _flaws_of_sums(amount_centavos, terms, today))


def _flaws_of_days(terms: DueDate, today: date) -> list[TermsFlaw]:
    flaws = []
    if terms.due_day < today:
        flaws.append(TermsFlaw.DUE_DAY_PASSED)
    if terms.due_day > today + timedelta(days=DUE_DAYS_AHEAD_MAX):
        flaws.append(TermsFlaw.DUE_DAY_TOO_FAR)
    if not 0 <= terms.valid_days_after <= VALID_DAYS_AFTER_MAX:
        flaws.append(TermsFlaw.VALID_DAYS_AFTER)
    return flaws


def _flaws_of_kinds(terms: DueDate) -> list[TermsFlaw]:
    flaws = []
    for modality, kinds, flaw in (
        (terms.fine, _FINE_KINDS, TermsFlaw.FINE_KIND),
        (terms.interest, _INTEREST_KINDS, TermsFlaw.INTEREST_KIND),
        (terms.rebate, _REBATE_KINDS, TermsFlaw.REBATE_KIND),
    ):
        if modality is not None and modality.kind not in kinds:
            flaws.append(flaw)
    discount = terms.discount
    if discount is None:
        return flaws
    if discount.kind not in _DISCOUNT_KINDS:
        return [*flaws, TermsFlaw.DISCOUNT_KIND]
    if discount.kind in DISCOUNTS_UNTIL_A_DAY:
        if discount.value:
            flaws.append(TermsFlaw.DISCOUNT_HAS_VALUE)
        if not 1 <= len(discount.dated) <= DATED_DISCOUNTS_MAX:
            flaws.append(TermsFlaw.DISCOUNT_WITHOUT_DAYS)
        if len({each.until for each in discount.dated}) < len(discount.dated):
            flaws.append(TermsFlaw.DISCOUNT_DAYS_TWICE)
        if any(each.until > terms.due_day for each in discount.dated):
            flaws.append(TermsFlaw.DISCOUNT_AFTER_DUE_DAY)
    else:
        if not discount.value:
            flaws.append(TermsFlaw.DISCOUNT_WITHOUT_VALUE)
        if discount.dated:
            flaws.append(TermsFlaw.DISCOUNT_HAS_DAYS)
    return flaws


def _flaws_of_sums(amount_centavos: int, terms: DueDate, today: date) -> list[TermsFlaw]:
    rebate = rebate_of(amount_centavos, terms.rebate)
    if rebate >= amount_centavos or _is_all(terms.rebate):
        return [TermsFlaw.REBATE_TOO_LARGE]
    if _discount_takes_all(amount_centavos, terms) or (
        # The earliest payment has the largest discount, and dated discounts may be of any order.
        max(discount_of(amount_centavos, terms, day) for day in _discount_days(terms, today))
        >= amount_centavos - rebate
    ):
        return [TermsFlaw.DISCOUNT_TOO_LARGE]
    if amount_of_terms(amount_centavos, terms, last_day_to_pay(terms)).final > AMOUNT_CENTAVOS_MAX:
        return [TermsFlaw.TOTAL_TOO_LARGE]
    return []


def _discount_days(terms: DueDate, today: date) -> tuple[date, ...]:
    dated = terms.discount.dated if terms.discount else ()
    return (today, *(each.until for each in dated))


def _is_all(rebate: Modality | None) -> bool:
    return rebate is not None and rebate.kind != FIXED and rebate.value >= WHOLE


def _discount_takes_all(amount_centavos: int, terms: DueDate) -> bool:
    """Whether one element of the discount, once, takes the whole amount."""
    discount = terms.discount
    if discount is None:
        return False
    limit = WHOLE if discount.kind in PERCENT_DISCOUNTS else amount_centavos
    return any(value >= limit for value in (discount.value, *(each.value for each in discount.dated)))
