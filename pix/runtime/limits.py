"""Rate limits: token buckets by name, in the memory of this process.

A limit on slow work takes the tokens before the work and returns them on success. Tokens that are counted afterwards
would let every request pass that begins before the first one ends.

Each replica has its own buckets, so n replicas multiply a limit by n. That still makes collecting and guessing slow,
and no request costs a write to the database.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from pix.runtime.clock import monotonic_ms
from pix.scheme.buckets import Bucket, BucketPolicy, filled, full, given_back, spent, wait_ms

NAMES_MAX: Final = 10_000
"""The least recently used name is dropped first."""


class Limiter:
    """A bucket for each name. Thread-safe."""

    def __init__(self, policy: BucketPolicy, clock_ms: Callable[[], int] = monotonic_ms) -> None:
        self._policy = policy
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait_ms(self, name: str) -> int:
        """Milliseconds until the name may try; 0 when it may now."""
        with self._lock:
            return wait_ms(self._filled(name), self._policy)

    def take(self, name: str, tokens: float) -> int:
        """Takes the tokens and returns 0 if the name may try now; else takes none and returns the wait."""
        with self._lock:
            bucket = self._filled(name)
            milliseconds = wait_ms(bucket, self._policy)
            if not milliseconds:
                self._keep(name, spent(bucket, tokens))
            return milliseconds

    def give_back(self, name: str, tokens: float) -> None:
        """Returns the tokens of a try that succeeded or could not be made."""
        with self._lock:
            self._keep(name, given_back(self._filled(name), self._policy, tokens))

    def forget(self) -> None:
        """Fills every bucket: for a sandbox whose next test must not pay for the one before."""
        with self._lock:
            self._buckets.clear()

    def _filled(self, name: str) -> Bucket:
        now_ms = self._clock_ms()
        bucket = self._buckets.get(name)
        return full(self._policy, now_ms) if bucket is None else filled(bucket, self._policy, now_ms)

    def _keep(self, name: str, bucket: Bucket) -> None:
        if bucket.tokens >= self._policy.capacity:
            self._buckets.pop(name, None)
            return
        self._buckets[name] = bucket
        self._buckets.move_to_end(name)
        while len(self._buckets) > NAMES_MAX:
            self._buckets.popitem(last=False)
