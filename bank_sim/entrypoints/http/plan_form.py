"""When a payment is made, as a form asks for it: today, on a date, every week or every month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import Form, Query

from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from bank_sim.domain.schedules.model import Schedule
from pix.scheme.errors import SchemeError

TODAY: Final = "today"
FIELDS: Final = frozenset({"first_day", "count", "last_day"})
"""Of a plan, as errors and the form name them."""

_COUNT_DIGITS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class PlanForm:
    """The fields as typed. Of those that `when` does not need, none is read."""

    when: str = TODAY
    first_day: str = ""
    count: str = ""
    last_day: str = ""

    def order(self) -> PlanOrder | None:
        """The days asked for; None is today. Raises SchemeError(field="first_day" | "count" | "last_day")."""
        if self.when not in set(Rhythm):
            return None
        rhythm = Rhythm(self.when)
        first_day = _day(self.first_day, "first_day")
        if first_day is None:
            raise SchemeError("first_day", "Choose a day.")
        if rhythm is Rhythm.ONCE:
            return PlanOrder(rhythm, first_day)
        return PlanOrder(rhythm, first_day, _count(self.count), _day(self.last_day, "last_day"))

    def as_query(self) -> dict[str, str]:
        """The fields for an address."""
        if self.when not in set(Rhythm):
            return {}
        return {"when": self.when, "first_day": self.first_day, "count": self.count, "last_day": self.last_day}

    @staticmethod
    def of(order: PlanOrder | None) -> PlanForm:
        """The form that shows an order."""
        if order is None:
            return PlanForm()
        return PlanForm(
            order.rhythm.value,
            order.first_day.isoformat(),
            "" if order.count is None else str(order.count),
            "" if order.last_day is None else order.last_day.isoformat(),
        )

    @staticmethod
    def of_schedule(schedule: Schedule) -> PlanForm:
        """The form that shows what is left of an active schedule."""
        day = "" if schedule.next_day is None else schedule.next_day.isoformat()
        count = "" if schedule.plan.rhythm is Rhythm.ONCE else str(schedule.payments_left)
        return PlanForm(schedule.plan.rhythm.value, day, count)


def plan_as_token(order: PlanOrder | None) -> list[Any] | None:
    """The plan in JSON's types, short."""
    if order is None:
        return None
    last_day = None if order.last_day is None else order.last_day.isoformat()
    return [order.rhythm.value, order.first_day.isoformat(), order.count, last_day]


def plan_of_token(value: Any) -> PlanOrder | None:
    """Raises ValueError for anything that `plan_as_token` has not made."""
    if value is None:
        return None
    rhythm, first_day, count, last_day = value
    last = None if last_day is None else date.fromisoformat(last_day)
    return PlanOrder(Rhythm(rhythm), date.fromisoformat(first_day), count, last)


async def plan_of_form(
    when: Annotated[str, Form(max_length=10)] = TODAY,
    first_day: Annotated[str, Form(max_length=10)] = "",
    count: Annotated[str, Form(max_length=10)] = "",
    last_day: Annotated[str, Form(max_length=10)] = "",
) -> PlanForm:
    """A dependency: the fields of a form that was sent."""
    return PlanForm(when, first_day, count, last_day)


async def plan_of_query(
    when: Annotated[str, Query(max_length=10)] = TODAY,
    first_day: Annotated[str, Query(max_length=10)] = "",
    count: Annotated[str, Query(max_length=10)] = "",
    last_day: Annotated[str, Query(max_length=10)] = "",
) -> PlanForm:
    """A dependency: the fields in an address."""
    return PlanForm(when, first_day, count, last_day)


def _day(text: str, field: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise SchemeError(field, "Write the date as year, month and day: 2026-01-31.") from None


def _count(text: str) -> int | None:
    digits = text.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _COUNT_DIGITS_MAX):
        raise SchemeError("count", "Write the number of payments in digits, such as 12.")
    return int(digits)
