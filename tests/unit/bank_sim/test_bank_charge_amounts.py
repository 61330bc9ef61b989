"""What a charge costs on a day: against a calculation that is written differently, by decimals and day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest

from bank_sim.domain.charges.amounts import amount_of_terms, last_day_to_pay
from bank_sim.domain.charges.calendar import is_working_day, working_days
from bank_sim.domain.charges.model import DatedDiscount, Discount, DueDate, Immediate, Modality
from bank_sim.domain.charges.municipalities import is_municipality_code
from bank_sim.domain.charges.terms import TermsFlaw, flaws_of_terms

CLOSED = {
    # Written by hand from the calendars of 2026 and 2027, weekends apart.
    *(date(2026, month, day) for month, day in ((1, 1), (2, 16), (2, 17), (4, 3), (4, 21), (5, 1), (6, 4), (9, 7))),
    *(date(2026, month, day) for month, day in ((10, 12), (11, 2), (11, 15), (11, 20), (12, 25))),
    *(date(2027, month, day) for month, day in ((1, 1), (2, 8), (2, 9), (3, 26), (4, 21), (5, 1), (5, 27), (9, 7))),
    *(date(2027, month, day) for month, day in ((10, 12), (11, 2), (11, 15), (11, 20), (12, 25))),
}

TODAY = date(2026, 11, 29)
DUE = date(2026, 12, 31)

DUE_DAYS = {
    "a Tuesday": date(2026, 11, 17),
    "a Friday": date(2026, 11, 27),
    "a Saturday": date(2026, 11, 28),
    "a holiday before a weekend": date(2026, 11, 20),
    "Carnival Monday": date(2026, 2, 16),
    "Christmas": date(2026, 12, 25),
}
DAYS_FROM_DUE = (-40, -12, -3, -1, 0, 1, 2, 3, 4, 5, 17, 45)
ORIGINALS = (123_45, 30_000_00, 7)

TERMS: dict[str, dict[str, Modality | Discount]] = {
    **{f"fine {kind}": {"fine": Modality(kind, 205)} for kind in (1, 2)},
    **{f"interest {kind}": {"interest": Modality(kind, 103)} for kind in range(1, 9)},
    **{f"rebate {kind}": {"rebate": Modality(kind, 5)} for kind in (1, 2)},
    **{f"discount {kind} by day": {"discount": Discount(kind, 3)} for kind in range(3, 7)},
    "everything": {
        "fine": Modality(2, 2_00),
        "interest": Modality(7, 1_00),
        "rebate": Modality(2, 1_55),
        "discount": Discount(6, 13),
    },
}


def cases() -> Iterator[tuple[int, DueDate, date]]:
    for due_day in DUE_DAYS.values():
        days = [due_day + timedelta(days=distance) for distance in DAYS_FROM_DUE]
        dated = (DatedDiscount(days[2], 2), DatedDiscount(days[0], 5), DatedDiscount(days[3], 1))
        until_days = {f"discount {kind} until days": {"discount": Discount(kind, 0, dated)} for kind in (1, 2)}
        for terms in (TERMS | until_days).values():
            for day in days:
                for original in ORIGINALS:
                    yield original, DueDate(due_day, 60, **terms), day


def expected(original: int, terms: DueDate, day: date) -> tuple[Decimal, ...]:
    """Rebate, discount, interest, fine and final in reais."""
    amount = Decimal(original) / 100
    due_day = moved(terms.due_day)
    late = [each for each in span(due_day, day) if day > due_day]
    early = [each for each in span(day, due_day) if day < due_day]

    def cents(value: Decimal) -> Decimal:
        return value.quantize(Decimal("0.01"), ROUND_HALF_EVEN)

    rebate = fine = interest = discount = Decimal(0)
    if terms.rebate:
        rate = Decimal(terms.rebate.value) / 100
        rebate = rate if terms.rebate.kind == 1 else cents(amount * rate / 100)
    rest = amount - rebate
    if any(open_on(each) for each in late):
        if terms.fine:
            rate = Decimal(terms.fine.value) / 100
            fine = rate if terms.fine.kind == 1 else cents(rest * rate / 100)
        if terms.interest:
            kind, rate = terms.interest.kind, Decimal(terms.interest.value) / 100
            days = len(late) if kind <= 4 else sum(map(open_on, late))
            period = {1: None, 2: "1", 3: "30", 4: "365", 5: None, 6: "1", 7: "21", 8: "252"}[kind]
            interest = rate * days if period is None else cents(rest * days * rate / 100 / Decimal(period))
    if terms.discount and day <= due_day:
        kind = terms.discount.kind
        if kind in (1, 2):
            left = [each for each in terms.discount.dated if day <= moved(each.until)]
            rate, times = (Decimal(min(left, key=lambda each: each.until).value) / 100 if left else Decimal(0)), 1
        else:
            rate = Decimal(terms.discount.value) / 100
            times = len(early) if kind in (3, 5) else sum(map(open_on, early))
        discount = rate * times if kind in (1, 3, 4) else cents(amount * rate * times / 100)
        discount = min(discount, rest - Decimal("0.01"))
    return rebate, discount, interest, fine, amount - rebate - discount + interest + fine


def open_on(day: date) -> bool:
    return day.isoweekday() < 6 and day not in CLOSED


def moved(day: date) -> date:
    return day if open_on(day) else moved(day + timedelta(days=1))


def span(after: date, until: date) -> list[date]:
    """The days after one day, to another one."""
    return [after + timedelta(days=number) for number in range(1, (until - after).days + 1)]


def test_amounts_are_those_of_a_calculation_by_decimals() -> None:
    counted = 0
    with localcontext(prec=60):
        for original, terms, day in cases():
            found = amount_of_terms(original, terms, day)
            sums = (found.rebate, found.discount, found.interest, found.fine, found.final)
            assert tuple(Decimal(each) / 100 for each in sums) == expected(original, terms, day), (original, terms, day)
            counted += 1
    print(f"{counted} amounts of {len(TERMS) + 2} terms around {len(DUE_DAYS)} due dates are equal.")


@pytest.mark.parametrize(
    ("terms", "day", "final"),
    [
        # 30,000.00 × 1% ÷ 30 × 1 day = 10.00: the example of question 607.
        (DueDate(date(2024, 9, 4), 30, interest=Modality(3, 1_00)), date(2024, 9, 5), 30_010_00),
        # 30,000.00 × 12% ÷ 252 × 3 working days = 42.857…
        (DueDate(date(2026, 11, 24), 30, interest=Modality(8, 12_00)), date(2026, 11, 29), 30_042_86),
        # Due on a Saturday: free of interest on Monday, and one day of it on Tuesday (question 347).
        (DueDate(date(2021, 2, 27), 30, interest=Modality(1, 10)), date(2021, 3, 1), 30_000_00),
        (DueDate(date(2021, 2, 27), 30, interest=Modality(1, 10)), date(2021, 3, 2), 30_000_10),
        # Due on a Friday: nothing on the weekend, three days and the fine on Monday.
        (DueDate(date(2026, 11, 27), 30, Modality(2, 2_00), Modality(1, 10)), date(2026, 11, 29), 30_000_00),
        (DueDate(date(2026, 11, 27), 30, Modality(2, 2_00), Modality(1, 10)), date(2026, 11, 30), 30_600_30),
        # Three days until a day, one of them the due date.
        (
            DueDate(
                date(2026, 11, 24),
                30,
                discount=Discount(
                    2,
                    dated=(
                        DatedDiscount(date(2026, 11, 10), 10_00),
                        DatedDiscount(date(2026, 11, 17), 5_00),
                        DatedDiscount(date(2026, 11, 24), 1_00),
                    ),
                ),
            ),
            date(2026, 11, 24),
            29_700_00,
        ),
        # Saturday's discount counts on Monday (question 412).
        (
            DueDate(date(2021, 6, 30), 30, discount=Discount(1, dated=(DatedDiscount(date(2021, 6, 19), 3_00),))),
            date(2021, 6, 21),
            29_997_00,
        ),
    ],
)
def test_amounts_that_people_computed(terms: DueDate, day: date, final: int) -> None:
    assert amount_of_terms(30_000_00, terms, day).final == final


def test_half_a_centavo_goes_to_the_even_one() -> None:
    def rebate(original: int) -> int:
        return amount_of_terms(
            original, DueDate(date(2026, 11, 24), 0, rebate=Modality(2, 5)), date(2026, 11, 24)
        ).rebate

    # 0.005, 0.015 and 0.0155 reais.
    assert [rebate(10_00), rebate(30_00), rebate(31_00)] == [0, 2, 2]


def test_an_immediate_charge_costs_the_same_on_every_day() -> None:
    found = amount_of_terms(10_00, Immediate(3_600), date(2030, 1, 1))
    assert (found.final, found.interest, found.fine) == (10_00, 0, 0)


@pytest.mark.parametrize(
    ("due_day", "valid_days", "last_day"),
    [
        # The examples A to G under `dataDeVencimento`.
        (date(2020, 10, 20), 4, date(2020, 10, 26)),
        (date(2020, 12, 25), 0, date(2020, 12, 28)),
        (date(2020, 12, 25), 1, date(2020, 12, 29)),
        (date(2020, 12, 25), 3, date(2020, 12, 31)),
        (date(2020, 12, 25), 4, date(2021, 1, 4)),
        (date(2021, 8, 27), 5, date(2021, 9, 1)),
        (date(2021, 8, 28), 5, date(2021, 9, 6)),
    ],
)
def test_the_last_day_to_pay(due_day: date, valid_days: int, last_day: date) -> None:
    assert last_day_to_pay(DueDate(due_day, valid_days)) == last_day


def test_banks_are_closed_at_weekends_and_on_holidays() -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(730)]
    assert [day for day in days if is_working_day(day)] == [day for day in days if open_on(day)]
    # Black Awareness Day is a national holiday since 2024; the last day of the year is none.
    assert is_working_day(date(2023, 11, 20)) and not is_working_day(date(2024, 11, 20))
    assert is_working_day(date(2026, 12, 31)) and is_working_day(date(2026, 2, 18))
    assert working_days(date(2026, 11, 27), date(2026, 11, 29)) == 0
    assert working_days(date(2026, 11, 29), date(2026, 11, 27)) == 0
    assert working_days(date(2026, 11, 27), date(2026, 11, 30)) == 1


@pytest.mark.parametrize(
    ("amount", "terms", "flaw"),
    [
        (10_00, Immediate(0), TermsFlaw.EXPIRY),
        (0, Immediate(60), TermsFlaw.AMOUNT_ZERO),
        (10**12, Immediate(60), TermsFlaw.AMOUNT_TOO_LARGE),
        (0, DueDate(DUE, 0), TermsFlaw.AMOUNT_ZERO),
        (10_00, DueDate(date(2026, 11, 28), 0), TermsFlaw.DUE_DAY_PASSED),
        (10_00, DueDate(date(9999, 12, 31), 0), TermsFlaw.DUE_DAY_TOO_FAR),
        (10_00, DueDate(DUE, -1), TermsFlaw.VALID_DAYS_AFTER),
        (10_00, DueDate(DUE, 2**31 - 1), TermsFlaw.VALID_DAYS_AFTER),
        (10_00, DueDate(DUE, 0, fine=Modality(3, 1)), TermsFlaw.FINE_KIND),
        (10_00, DueDate(DUE, 0, interest=Modality(9, 1)), TermsFlaw.INTEREST_KIND),
        (10_00, DueDate(DUE, 3_650, interest=Modality(1, 10**10)), TermsFlaw.TOTAL_TOO_LARGE),
        (10_00, DueDate(DUE, 0, rebate=Modality(0, 1)), TermsFlaw.REBATE_KIND),
        (10_00, DueDate(DUE, 0, rebate=Modality(1, 10_00)), TermsFlaw.REBATE_TOO_LARGE),
        (10_00, DueDate(DUE, 0, rebate=Modality(2, 100_00)), TermsFlaw.REBATE_TOO_LARGE),
        (10_00, DueDate(DUE, 0, discount=Discount(7)), TermsFlaw.DISCOUNT_KIND),
        (10_00, DueDate(DUE, 0, discount=Discount(1, 1, (DatedDiscount(DUE, 1),))), TermsFlaw.DISCOUNT_HAS_VALUE),
        (10_00, DueDate(DUE, 0, discount=Discount(2)), TermsFlaw.DISCOUNT_WITHOUT_DAYS),
        (
            10_00,
            DueDate(
                DUE, 0, discount=Discount(2, 0, tuple(DatedDiscount(date(2026, 12, day), 1) for day in (1, 2, 3, 4)))
            ),
            TermsFlaw.DISCOUNT_WITHOUT_DAYS,
        ),
        (
            10_00,
            DueDate(DUE, 0, discount=Discount(1, 0, (DatedDiscount(DUE, 1), DatedDiscount(DUE, 2)))),
            TermsFlaw.DISCOUNT_DAYS_TWICE,
        ),
        (10_00, DueDate(DUE, 0, discount=Discount(3)), TermsFlaw.DISCOUNT_WITHOUT_VALUE),
        (10_00, DueDate(DUE, 0, discount=Discount(4, 1, (DatedDiscount(DUE, 1),))), TermsFlaw.DISCOUNT_HAS_DAYS),
        (
            10_00,
            DueDate(DUE, 0, discount=Discount(1, 0, (DatedDiscount(date(2027, 1, 1), 1),))),
            TermsFlaw.DISCOUNT_AFTER_DUE_DAY,
        ),
        (
            10_00,
            DueDate(DUE, 0, discount=Discount(1, 0, (DatedDiscount(DUE, 10_00),))),
            TermsFlaw.DISCOUNT_TOO_LARGE,
        ),
        (
            10_00,
            DueDate(DUE, 0, discount=Discount(2, 0, (DatedDiscount(DUE, 100_00),))),
            TermsFlaw.DISCOUNT_TOO_LARGE,
        ),
        # 32 days of anticipation at 32 centavos are more than 10 reais.
        (10_00, DueDate(DUE, 0, discount=Discount(3, 32)), TermsFlaw.DISCOUNT_TOO_LARGE),
    ],
)
def test_terms_that_no_charge_may_have(amount: int, terms: Immediate | DueDate, flaw: TermsFlaw) -> None:
    assert flaws_of_terms(amount, terms, TODAY) == (flaw,)


@pytest.mark.parametrize(
    ("amount", "terms"),
    [
        (0, Immediate(1, payer_may_change_amount=True)),
        (1, Immediate(2**31 - 1)),
        (10_00, DueDate(TODAY, 0)),
        (10_00, DueDate(DUE, 30, Modality(2, 2_00), Modality(3, 1_00), Modality(1, 9_99))),
        (10_00, DueDate(DUE, 0, discount=Discount(3, 31))),
        (10_00, DueDate(DUE, 0, discount=Discount(1, 0, (DatedDiscount(DUE, 9_99),)))),
    ],
)
def test_terms_at_their_bounds(amount: int, terms: Immediate | DueDate) -> None:
    assert flaws_of_terms(amount, terms, TODAY) == ()
    if isinstance(terms, DueDate):
        assert amount_of_terms(amount, terms, TODAY).final >= 1


def test_codes_of_municipalities() -> None:
    capitals = ["3550308", "3304557", "5300108", "2927408", "4106902", "2304400", "1302603", "3106200", "4314902"]
    assert all(is_municipality_code(code) for code in capitals)
    # One of the nine whose last digit is no check digit.
    assert is_municipality_code("2201919")
    wrong = ["3550309", "9950308", "355030", "35503080", "355o308", "", "３５５０３０８"]
    assert not any(is_municipality_code(code) for code in wrong)


def test_no_sum_is_a_fraction_of_a_centavo() -> None:
    terms = DueDate(DUE, 30, Modality(2, 1_33), Modality(4, 1_77), Modality(2, 33))
    found = amount_of_terms(99_99, terms, date(2027, 1, 29))
    exact = Fraction((99_99 - found.rebate) * 1_77 * 29, 10_000 * 365)
    assert abs(found.interest - exact) <= Fraction(1, 2)
    assert found.final == found.original - found.rebate + found.interest + found.fine
