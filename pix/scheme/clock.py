"""The arithmetic of a network's virtual clock: scheme time as a function of real time, in revisions.

The hub owns the clock, and makes a revision for each change; banks follow. Scheme time never goes back, neither within
a revision, whatever the machine's clock does, nor from one revision to the next. Times are Unix milliseconds.
"""

from __future__ import annotations

import re
from typing import Final

from pix.scheme.days import LOCAL_MS_MAX
from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

RATE_MAX: Final = 60
"""Scheme time passes at most so many times as fast as real time."""
REVISION_MAX: Final = 2**53
_FIELDS: Final = 4
_NUMBER: Final = re.compile("-?[0-9]{1,18}")


@value_object
class VirtualTime:
    """One revision of the clock. The default is real time."""

    revision: int = 0
    anchor_ms: int = 0
    """The real time from which on it holds."""
    offset_ms: int = 0
    """How far scheme time was ahead of real time at the anchor."""
    rate: int = 1
    """Scheme milliseconds for each real one, 1 to `RATE_MAX`."""

    @property
    def is_real(self) -> bool:
        """Whether scheme time is real time."""
        return self.offset_ms == 0 and self.rate == 1

    def at(self, real_now_ms: int) -> int:
        """The scheme time at a real time. Before the anchor, which a step back of a clock reaches, it stands."""
        if self.is_real:
            return real_now_ms
        elapsed_ms = max(0, real_now_ms - self.anchor_ms)
        return min(self.anchor_ms + self.offset_ms + elapsed_ms * self.rate, LOCAL_MS_MAX)

    def moved(self, real_now_ms: int, to_ms: int) -> VirtualTime:
        """The next revision, in which it is now `to_ms`. Raises SchemeError(field="to")."""
        if to_ms < self.at(real_now_ms):
            raise SchemeError("to", "The clock never goes back.")
        if to_ms > LOCAL_MS_MAX:
            raise SchemeError("to", "The clock ends with the year 9999.")
        return VirtualTime(self.revision + 1, real_now_ms, to_ms - real_now_ms, self.rate)

    def with_rate(self, real_now_ms: int, rate: int) -> VirtualTime:
        """The next revision, which goes on from now at another rate. Raises SchemeError(field="rate")."""
        if not 1 <= rate <= RATE_MAX:
            raise SchemeError("rate", f"The rate is a whole number, 1 to {RATE_MAX}.")
        return VirtualTime(self.revision + 1, real_now_ms, self.at(real_now_ms) - real_now_ms, rate)

    def as_text(self) -> str:
        """For the header of a record: `revision:anchor:offset:rate`."""
        return f"{self.revision}:{self.anchor_ms}:{self.offset_ms}:{self.rate}"


REAL_TIME: Final = VirtualTime()


def checked_time(revision: int, anchor_ms: int, offset_ms: int, rate: int) -> VirtualTime:
    """A revision that another participant tells. Raises SchemeError for what cannot be one."""
    if not 0 <= revision <= REVISION_MAX:
        raise SchemeError("revision", f"must be 0 to {REVISION_MAX}")
    if not 0 <= anchor_ms <= LOCAL_MS_MAX or not -LOCAL_MS_MAX <= offset_ms <= LOCAL_MS_MAX:
        raise SchemeError("anchor_ms", "is no time")
    if not 1 <= rate <= RATE_MAX:
        raise SchemeError("rate", f"must be 1 to {RATE_MAX}")
    return VirtualTime(revision, anchor_ms, offset_ms, rate)


def time_of_text(text: str) -> VirtualTime:
    """Reads what `as_text` has written. Raises SchemeError."""
    parts = text.split(":")
    if len(parts) != _FIELDS or not all(_NUMBER.fullmatch(part) for part in parts):
        raise SchemeError("clock", "must be revision:anchor:offset:rate")
    revision, anchor_ms, offset_ms, rate = map(int, parts)
    return checked_time(revision, anchor_ms, offset_ms, rate)
