"""The days of a schedule, and the times of a day at which it is tried. All days are São Paulo's."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

PAYMENTS_MAX: Final = 60
"""Of one schedule: five years of a monthly one."""

DAYS_AHEAD_MAX: Final = 366
"""How far from today the first payment may be."""

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

TryTimes = Sequence[time]
"""When a payment is tried on its day, in ascending order, at least one."""


TRIES_MAX: Final = 12
"""On one day."""


def parse_try_times(text: str) -> TryTimes:
    """Read times such as "00:00,08:00,18:00": 1 to `TRIES_MAX`, ascending. Raises SchemeError(field="try_times")."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_TIME.fullmatch(part) for part in parts):
        raise SchemeError("try_times", "Write times of the day as HH:MM, separated by commas, such as 00:00,08:00.")
    times = tuple(time.fromisoformat(part) for part in parts)
    if len(times) > TRIES_MAX or any(after <= before for before, after in pairwise(times)):
        raise SchemeError("try_times", f"Give 1 to {TRIES_MAX} times, each later than the one before.")
    return times


class Rhythm(StrEnum):
    """How often a schedule pays."""

    ONCE = "once"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@value_object
class Plan:
    """Which days a schedule pays on: `count` of them from the first one on."""

    rhythm: Rhythm
    first_day: date
    count: int

    def day(self, index: int) -> date:
        """The day of a payment, counted from 0. Monthly, a day that a month lacks is that month's last day."""
        match self.rhythm:
            case Rhythm.ONCE:
                return self.first_day
            case Rhythm.WEEKLY:
                return self.first_day + timedelta(weeks=index)
            case Rhythm.MONTHLY:
                years, month = divmod(self.first_day.month - 1 + index, 12)
                year = self.first_day.year + years
                # Always from the first day: after 28 February comes 31 March again.
                return date(year, month + 1, min(self.first_day.day, monthrange(year, month + 1)[1]))

    @property
    def last_day(self) -> date:
        return self.day(self.count - 1)


@value_object
class PlanOrder:
    """Which days a customer asks for. A schedule that repeats has either a number of payments or a last day."""

    rhythm: Rhythm
    first_day: date
    count: int | None = None
    last_day: date | None = None


def make_plan(order: PlanOrder, today: date) -> Plan:
    """The plan of a new schedule. Raises SchemeError(field="first_day" | "count" | "last_day")."""
    check_first_day(order.first_day, today)
    return Plan(order.rhythm, order.first_day, payments_of(Plan(order.rhythm, order.first_day, 1), 0, order))


def check_first_day(day: date, today: date) -> None:
    """Raises SchemeError(field="first_day") unless the day is from tomorrow on, and at most a year ahead."""
    if day <= today:
        raise SchemeError("first_day", "Choose a day from tomorrow on.")
    if (day - today).days > DAYS_AHEAD_MAX:
        raise SchemeError("first_day", f"Choose a day within the next {DAYS_AHEAD_MAX} days.")


def payments_of(plan: Plan, index: int, order: PlanOrder) -> int:
    """How many payments the order asks for, from the payment `index` of the plan on, whose own count is not read.

    Raises SchemeError(field="count" | "last_day").
    """
    if order.rhythm is Rhythm.ONCE:
        if order.count not in (None, 1):
            raise SchemeError("count", "A schedule of one day has one payment.")
        if order.last_day not in (None, order.first_day):
            raise SchemeError("last_day", "A schedule of one day has no other last day.")
        return 1
    if (order.count is None) == (order.last_day is None):
        raise SchemeError("count", "Give the number of payments or the last day, one of the two.")
    if order.last_day is None:
        if order.count is None or not 1 <= order.count <= PAYMENTS_MAX:
            raise SchemeError("count", f"A schedule has 1 to {PAYMENTS_MAX} payments.")
        return order.count
    if order.last_day < plan.day(index):
        raise SchemeError("last_day", "The last day must not be before the first payment.")
    count = 1
    while count <= PAYMENTS_MAX and plan.day(index + count) <= order.last_day:
        count += 1
    if count > PAYMENTS_MAX:
        raise SchemeError("last_day", f"Up to this day there are more than {PAYMENTS_MAX} payments.")
    return count


def first_try_ms(day: date, times: TryTimes) -> int:
    """When a payment of this day is tried first."""
    return instant_ms(datetime.combine(day, times[0]))


def next_try_ms(day: date, after_ms: int, times: TryTimes) -> int | None:
    """When a payment of this day is tried next, after an instant; None when it was tried for the last time."""
    return next((at_ms for each in times if (at_ms := instant_ms(datetime.combine(day, each))) > after_ms), None)
