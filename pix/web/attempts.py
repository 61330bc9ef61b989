"""Rate limit for sign-in: a token bucket per name for wrong PINs and passwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pix.runtime.clock import monotonic_ms
from pix.runtime.limits import Limiter
from pix.scheme.buckets import BucketPolicy

ATTEMPTS_MAX: Final = 5
ATTEMPTS_PER_MINUTE: Final = 1


class Attempts:
    """Counts attempts in this process, also for names that do not exist. Thread-safe.

    An attempt is taken before the slow check and given back when the check succeeds, so that guesses made at the same
    time count, too. Only that attempt is given back: else a guesser would get five more at each sign-in of the owner.
    """

    def __init__(self, clock_ms: Callable[[], int] = monotonic_ms) -> None:
        self._limiter = Limiter(BucketPolicy(ATTEMPTS_MAX, ATTEMPTS_PER_MINUTE), clock_ms)

    def take(self, name: str) -> int:
        """Takes an attempt and returns 0, or returns the milliseconds until there is one."""
        return self._limiter.take(name, 1)

    def give_back(self, name: str) -> None:
        """Returns an attempt that was no wrong guess."""
        self._limiter.give_back(name, 1)
