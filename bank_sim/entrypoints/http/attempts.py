"""A limit on wrong PINs: a token bucket per account, so that nobody can try them all."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ATTEMPTS_MAX: Final = 5
REFILL_SECONDS: Final = 60.0
"""One more attempt is allowed after this long."""
BUCKETS_MAX: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Attempts:
    """Counts failures in this process, for as many names as fit; the one that failed longest ago is forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def are_left(self, name: str) -> bool:
        """Whether one may try."""
        with self._lock:
            return self._filled(name).tokens >= 1

    def failed(self, name: str) -> None:
        """Takes one attempt away."""
        with self._lock:
            bucket = self._filled(name)
            bucket.tokens = max(0.0, bucket.tokens - 1)
            self._buckets[name] = bucket
            self._buckets.move_to_end(name)
            while len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Gives all of them back."""
        with self._lock:
            self._buckets.pop(name, None)

    def _filled(self, name: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(name)
        if bucket is None:
            return _Bucket(ATTEMPTS_MAX, now)
        bucket.tokens = min(ATTEMPTS_MAX, bucket.tokens + (now - bucket.filled_at) / REFILL_SECONDS)
        bucket.filled_at = now
        return bucket
