"""Which histories may be archived: from when on, and in which batches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from pix.scheme.return_window import RETURN_DAYS_MAX, SAO_PAULO
from pix.scheme.values import value_object

RETENTION_DAYS_MIN: Final = RETURN_DAYS_MAX
RETENTION_DAYS_MAX: Final = 36_500
_MS_PER_DAY: Final = 86_400_000

Place = tuple[int | str, ...]
"""Where a row stands in the order of time: when it began, and its id."""


@value_object
class HistoryBatch:
    """Old rows that follow one another in the order of time."""

    lines: tuple[str, ...]
    """Of those that may be archived and are not yet: an object of JSON with id, outcome and steps."""
    last: Place | None
    """Where the last examined row stands; None when there is none behind it."""
    drop: Callable[[int], None]
    """Empties the histories of these rows at a time, within the transaction that has read them."""


def archive_before_ms(now_ms: int, days: int) -> int:
    """What happened before this is older than so many days, and no transfer confirmed before it may be returned.

    The return window counts days of São Paulo, so it ends up to a day later than 90 times 24 hours.
    """
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(SAO_PAULO).date()
    last_returnable = datetime.combine(today - timedelta(days=RETURN_DAYS_MAX), time(), SAO_PAULO)
    return min(now_ms - days * _MS_PER_DAY, round(last_returnable.timestamp() * 1000))
