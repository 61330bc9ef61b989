"""Days of the scheme: Pix runs on the official time of Brasília, so a day begins at midnight in São Paulo."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from pix.scheme.times import TIME_MS_MAX

TIME_ZONE: Final = ZoneInfo("America/Sao_Paulo")
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
# A day from either end of what `datetime` holds, so that no time zone leads out of it.
LOCAL_MS_MIN: Final = int(datetime.min.replace(tzinfo=UTC).timestamp()) * 1_000 + DAY_MS
LOCAL_MS_MAX: Final = TIME_MS_MAX - DAY_MS


def local(at_ms: int) -> datetime:
    """The instant (Unix milliseconds) as people in São Paulo see it; one outside the calendar as the nearest within."""
    # Divided as integers: a float of seconds rounds some milliseconds to the one before.
    seconds, milliseconds = divmod(min(max(at_ms, LOCAL_MS_MIN), LOCAL_MS_MAX), 1_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1_000).astimezone(TIME_ZONE)


def day_of(at_ms: int) -> date:
    """The day in São Paulo of an instant (Unix milliseconds)."""
    return local(at_ms).date()


def instant_ms(at: datetime) -> int:
    """The instant of a date and time of day in São Paulo, in Unix milliseconds.

    Of an hour that a change of the offset repeats, the first; a time that a change leaves out counts as if the change
    came after it. São Paulo's offset has not changed since 2019.
    """
    return int(at.replace(tzinfo=TIME_ZONE).timestamp() * 1_000)


def start_of_day_ms(day: date) -> int:
    """When a day begins in São Paulo, in Unix milliseconds."""
    return instant_ms(datetime.combine(day, time.min))
