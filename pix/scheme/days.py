"""Days of the scheme: Pix runs on the official time of Brasília, so a day begins at midnight in São Paulo."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

SAO_PAULO: Final = ZoneInfo("America/Sao_Paulo")


def moment_of(at_ms: int) -> datetime:
    """The instant (Unix milliseconds) on São Paulo's calendar. Raises OverflowError beyond the calendar's end."""
    seconds, milliseconds = divmod(at_ms, 1_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1_000).astimezone(SAO_PAULO)


def day_of(at_ms: int) -> date:
    """The day in São Paulo of an instant in Unix milliseconds."""
    return moment_of(at_ms).date()


def at_time_ms(day: date, at: time = time.min) -> int:
    """The instant, in Unix milliseconds, of a time of this day in São Paulo; midnight without one."""
    return int(datetime.combine(day, at, SAO_PAULO).timestamp()) * 1_000
