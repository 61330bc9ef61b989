"""Times are Unix milliseconds in UTC; this module says which integers are times at all."""

from typing import Final

from pix.scheme.errors import SchemeError

TIME_MS_MAX: Final = 253_402_300_799_999
"""The last millisecond of the year 9999: beyond it no calendar of ours, of the database or of a browser has a day."""


def check_time_ms(at_ms: int, field: str) -> int:
    """Return the time if it is after the beginning of 1970 and not after the year 9999. Raises SchemeError(field)."""
    if not 0 < at_ms <= TIME_MS_MAX:
        raise SchemeError(field, f"A time is 1 to {TIME_MS_MAX} milliseconds since the Unix epoch (1970-01-01 UTC).")
    return at_ms
