"""How long a transfer may be returned: 90 days of São Paulo, counted from its confirmation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

RETURN_DAYS_MAX: Final = 90
"""A return on this day after the confirmation succeeds; on the next day it fails with DT05."""

SAO_PAULO: Final = ZoneInfo("America/Sao_Paulo")


def is_within_return_window(confirmed_at_ms: int, now_ms: int) -> bool:
    """Whether a transfer that was confirmed then may still be returned."""
    return (_day(now_ms) - _day(confirmed_at_ms)).days <= RETURN_DAYS_MAX


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(SAO_PAULO).date()
