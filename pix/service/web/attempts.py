"""A limit on wrong PINs and passwords: a token bucket per name, so that nobody can try them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pix.scheme.buckets import BucketPolicy
from pix.service.limits import Limiter, monotonic_ms

ATTEMPTS_MAX: Final = 5
ATTEMPTS_PER_MINUTE: Final = 1


class Attempts:
    """Counts failures in this process; alike for names that exist and for those that do not."""

    def __init__(self, clock_ms: Callable[[], int] = monotonic_ms) -> None:
        self._limiter = Limiter(BucketPolicy(ATTEMPTS_MAX, ATTEMPTS_PER_MINUTE), clock_ms)

    def are_left(self, name: str) -> bool:
        """Whether one may try."""
        return self.wait_ms(name) == 0

    def wait_ms(self, name: str) -> int:
        """How long until one may try."""
        return self._limiter.wait_ms(name)

    def failed(self, name: str) -> None:
        """Takes one attempt away."""
        self._limiter.spend(name, 1)

    def succeeded(self, name: str) -> None:
        """Gives all of them back."""
        self._limiter.give_back(name, ATTEMPTS_MAX)
