"""What a charge costs on a day, and on which days it can be paid.

Sources: the Central Bank's API Pix (`CobVValor`, and the examples under `dataDeVencimento`), and the equations of its
Manual de Padrões para Iniciação do Pix as they are quoted in the questions of the API's project:

- A due date that is no working day moves to the next one, and everything that refers to it moves along.
- Rebate (`abatimento`): an amount, or per cent of the original amount.
- Discount (`desconto`), until the due date only: an amount or per cent of the original amount until a day, which moves
  to the next working day as the due date does; or the same for each day of anticipation.
- Interest (`juros`): `(original − rebate) × rate ÷ n × days`. In calendar days n is 1, 30 or 365 by the rate's period,
  in working days 1, 21 or 252 (questions 607 and 205).
- Fine (`multa`): once; an amount, or per cent of `original − rebate`.
- Interest and fine begin with the first working day after the due date (questions 109, 167 and 297). Interest by
  calendar days then counts all days since the due date.

Each part is computed exactly and rounded once, to centavos, a half to the even one (ABNT NBR 5891; the manual is
silent, question 404). The final amount is the sum of the rounded parts, so that what a payer is shown adds up.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from bank_sim.domain.charges.calendar import next_working_day, working_days
from bank_sim.domain.charges.model import Charge, Discount, DueDate, Immediate, Modality
from pix.scheme.values import value_object

FIXED: Final = 1
"""The kind of a fine or rebate that is an amount; the other one is per cent."""

DISCOUNTS_UNTIL_A_DAY: Final = frozenset({1, 2})
PERCENT_DISCOUNTS: Final = frozenset({2, 5, 6})
_WORKING_DAY_DISCOUNTS: Final = frozenset({4, 6})

_INTEREST_OF_AMOUNT: Final = frozenset({1, 5})
_WORKING_DAY_INTEREST_FROM: Final = 5
_DAYS_OF_RATE: Final = {2: 1, 3: 30, 4: 365, 6: 1, 7: 21, 8: 252}
"""The n of each kind of interest that is a rate."""

WHOLE: Final = 10_000
"""A hundred per cent, in hundredths of a percent."""


@value_object
class AmountOfDay:
    """What a charge costs on a day, in centavos: `final` is original − rebate − discount + interest + fine."""

    original: int
    rebate: int
    discount: int
    interest: int
    fine: int
    final: int


def amount_of_day(charge: Charge, day: date) -> AmountOfDay:
    """What the charge costs on a day in São Paulo. Whether it can be paid on that day is another question."""
    return amount_of_terms(charge.amount_centavos, charge.terms, day)


def amount_of_terms(original: int, terms: Immediate | DueDate, day: date) -> AmountOfDay:
    """As `amount_of_day`, of terms without a charge. Something remains to be paid: a discount leaves one centavo."""
    if isinstance(terms, Immediate):
        return AmountOfDay(original, 0, 0, 0, 0, original)
    rebate = rebate_of(original, terms.rebate)
    base = original - rebate
    discount = min(discount_of(original, terms, day), max(base - 1, 0))
    interest = fine = 0
    due_day = moved_due_day(terms)
    if working_days(due_day, day):
        interest = _interest(base, terms.interest, due_day, day)
        fine = _share(base, terms.fine)
    return AmountOfDay(original, rebate, discount, interest, fine, base - discount + interest + fine)


def moved_due_day(terms: DueDate) -> date:
    """The due date, or the first working day after it."""
    return next_working_day(terms.due_day)


def last_day_to_pay(terms: DueDate) -> date:
    """`validadeAposVencimento` calendar days after the due date; moves to the next working day as the due date does."""
    return next_working_day(moved_due_day(terms) + timedelta(days=terms.valid_days_after))


def rebate_of(original: int, rebate: Modality | None) -> int:
    """In centavos."""
    return _share(original, rebate)


def discount_of(original: int, terms: DueDate, day: date) -> int:
    """In centavos, and not bounded by what there is to pay; 0 after the due date."""
    discount = terms.discount
    due_day = moved_due_day(terms)
    if discount is None or day > due_day:
        return 0
    if discount.kind in DISCOUNTS_UNTIL_A_DAY:
        value, times = _dated_value(discount, day), 1
    else:
        value = discount.value
        by_working_days = discount.kind in _WORKING_DAY_DISCOUNTS
        times = working_days(day, due_day) if by_working_days else (due_day - day).days
    if discount.kind in PERCENT_DISCOUNTS:
        return _rounded(original * value * times, WHOLE)
    return value * times


def _dated_value(discount: Discount, day: date) -> int:
    """Of the first of its days that has not passed."""
    for dated in sorted(discount.dated, key=lambda each: each.until):
        if day <= next_working_day(dated.until):
            return dated.value
    return 0


def _interest(base: int, interest: Modality | None, due_day: date, day: date) -> int:
    if interest is None:
        return 0
    by_working_days = interest.kind >= _WORKING_DAY_INTEREST_FROM
    days = working_days(due_day, day) if by_working_days else (day - due_day).days
    if interest.kind in _INTEREST_OF_AMOUNT:
        return interest.value * days
    return _rounded(base * interest.value * days, WHOLE * _DAYS_OF_RATE[interest.kind])


def _share(base: int, modality: Modality | None) -> int:
    """A fine or rebate."""
    if modality is None:
        return 0
    return modality.value if modality.kind == FIXED else _rounded(base * modality.value, WHOLE)


def _rounded(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest + (quotient & 1) > denominator)
