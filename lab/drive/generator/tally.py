"""Counts what becomes of the generator's payments."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.drive.payments import Payment
from lab.read.report import percentile

RECENT_SECONDS: Final = 10.0
"""Rates and latencies are of this last while."""
UNEXPECTED_SHOWN_MAX: Final = 20
COMPLETED: Final = "completed"


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the generator was made."""

    sent: int
    """Orders that a bank has made a transfer of."""
    completed: int
    failed_as_they_must: Mapping[str, int]
    """By reason code, or by the name of the bank's refusal."""
    unexpected: int
    unexpected_shown: Sequence[str]
    in_flight: int
    turned_away: int
    """Customers who found too many others waiting before them, and went."""
    sent_per_second: float
    """In the last seconds."""
    completed_per_second: float
    latency_p50_ms: int | None
    """From the customer's debit until both banks had booked it, of those completed in the last seconds."""
    latency_p99_ms: int | None


@dataclass(frozen=True, slots=True)
class InFlight:
    """A transfer whose end is not known."""

    expected: str
    taken_at_ms: int
    """Unix milliseconds."""


class Tally:
    """Thread-safe."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._unexpected: deque[str] = deque(maxlen=UNEXPECTED_SHOWN_MAX)
        self._in_flight: dict[str, InFlight] = {}
        self._taken: deque[float] = deque()
        self._completed: deque[tuple[float, int]] = deque()
        """When, and how many milliseconds it had taken."""

    def taken(self, order: Payment, end_to_end_id: str, now_ms: int) -> None:
        with self._lock:
            self._counts["taken"] += 1
            self._taken.append(self._seconds())
            self._in_flight[end_to_end_id] = InFlight(order.expected, now_ms)

    def refused(self, order: Payment, why: str) -> None:
        with self._lock:
            self._end(order.idempotency_key, order.expected, why)

    def turned_away(self) -> None:
        with self._lock:
            self._counts["turned_away"] += 1

    def in_flight_transfers(self) -> dict[str, InFlight]:
        with self._lock:
            return dict(self._in_flight)

    def finished(self, end_to_end_id: str, outcome: str, milliseconds: int) -> None:
        with self._lock:
            known = self._in_flight.pop(end_to_end_id, None)
            if known is None:
                return
            self._end(end_to_end_id, known.expected, outcome)
            if outcome == COMPLETED:
                self._completed.append((self._seconds(), milliseconds))

    def _end(self, name: str, expected: str, outcome: str) -> None:
        if outcome != expected:
            self._counts["unexpected"] += 1
            self._unexpected.append(f"{name}: {outcome} instead of {expected}")
        elif outcome == COMPLETED:
            self._counts["completed"] += 1
        else:
            self._failed[outcome] += 1

    def counts(self) -> Counts:
        with self._lock:
            since = self._seconds() - RECENT_SECONDS
            while self._taken and self._taken[0] < since:
                self._taken.popleft()
            while self._completed and self._completed[0][0] < since:
                self._completed.popleft()
            took = [milliseconds for _, milliseconds in self._completed]
            return Counts(
                sent=self._counts["taken"],
                completed=self._counts["completed"],
                failed_as_they_must=dict(sorted(self._failed.items())),
                unexpected=self._counts["unexpected"],
                unexpected_shown=tuple(self._unexpected),
                in_flight=len(self._in_flight),
                turned_away=self._counts["turned_away"],
                sent_per_second=len(self._taken) / RECENT_SECONDS,
                completed_per_second=len(took) / RECENT_SECONDS,
                latency_p50_ms=percentile(took, 50),
                latency_p99_ms=percentile(took, 99),
            )
