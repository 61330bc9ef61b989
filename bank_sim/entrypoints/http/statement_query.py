"""What a customer asks of the statement, as it stands in the address: which lines, of which days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query

from bank_sim.application.views import StatementDirection, StatementFilter
from pix.scheme.days import start_of_day_ms
from pix.scheme.errors import SchemeError


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """The filter as typed; days are days in Brasília, both inclusive."""

    direction: StatementDirection = StatementDirection.ALL
    search: str = ""
    from_text: str = ""
    to_text: str = ""

    def narrow(self) -> StatementFilter:
        """The filter of the application. Raises SchemeError(field="from" | "to")."""
        first, last = _day(self.from_text, "from"), _day(self.to_text, "to")
        if first and last and last < first:
            raise SchemeError("to", '"To" must be after "From".')
        return StatementFilter(
            direction=self.direction,
            search=self.search.strip(),
            from_ms=start_of_day_ms(first) if first else None,
            to_ms=start_of_day_ms(last + timedelta(days=1)) if last else None,
        )

    def as_query(self, *, with_direction: bool = True) -> str:
        """The filter for an address."""
        pairs = {"direction": self.direction.value} if with_direction else {}
        pairs |= {"search": self.search, "from": self.from_text, "to": self.to_text}
        return urlencode({name: value for name, value in pairs.items() if value})


async def statement_query(
    direction: StatementDirection = StatementDirection.ALL,
    search: Annotated[str, Query(max_length=80)] = "",
    from_text: Annotated[str, Query(alias="from", max_length=10)] = "",
    to_text: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> StatementQuery:
    return StatementQuery(direction, search, from_text, to_text)


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise SchemeError(field, "Write the date as year, month and day: 2026-01-31.") from None
    if not 2000 <= day.year <= 9000:
        raise SchemeError(field, "The year is out of range.")
    return day
