"""Measurements beside locust's statistics: exact times, where those are rounded, and expected refusals.

Without a lock: locust's users are greenlets, which change hands at calls of the network alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from lab.read.report import percentile

SAMPLES_MAX: Final = 200_000
TROUBLES_MAX: Final = 20


class Samples:
    """Times in milliseconds; of more than can be kept, a fair choice (Vitter's algorithm R), and always the longest."""

    def __init__(self, kept_max: int = SAMPLES_MAX) -> None:
        self._kept: list[float] = []
        self._kept_max = kept_max
        self._random = Random(1)
        self.count = 0
        self.longest: float | None = None

    def add(self, milliseconds: float) -> None:
        self.count += 1
        self.longest = milliseconds if self.longest is None else max(self.longest, milliseconds)
        if len(self._kept) < self._kept_max:
            self._kept.append(milliseconds)
        else:
            slot = self._random.randrange(self.count)
            if slot < self._kept_max:
                self._kept[slot] = milliseconds

    def percentile(self, percent: int) -> float | None:
        """The smallest time that at least this share of them does not exceed; None of none."""
        return percentile(self._kept, percent)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts up to the end of the arrivals; later work is no part of a rate."""

    seconds: float = 0.0
    visits: int = 0
    requests: int = 0
    page_views: int = 0
    settled: int = 0
    look_ups: int = 0

    def per_second(self, count: int) -> float:
        return count / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Measures:
    settled: Samples = field(default_factory=Samples)
    """From the click or the POST until the payer's bank shows the transfer as decided."""
    completed: Samples = field(default_factory=Samples)
    """The same until the page shows that both banks have booked it."""
    look_ups: Samples = field(default_factory=Samples)
    lateness: Samples = field(default_factory=Samples)
    """The delay of arrivals against the plan, because the load generator lacked processor time."""
    page_views: int = 0
    visits: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    refused_as_meant: Counter[str] = field(default_factory=Counter)
    """Expected refusals, by reason."""
    troubles: list[str] = field(default_factory=list)
    """The first unexpected failures."""

    def counts(self, seconds: float, requests: int) -> Counts:
        """The counts after so many seconds; `requests` are locust's."""
        return Counts(
            seconds, sum(self.visits.values()), requests, self.page_views, self.settled.count, self.look_ups.count
        )

    def trouble(self, sentence: str) -> None:
        """Keeps one, while there is room."""
        if len(self.troubles) < TROUBLES_MAX:
            self.troubles.append(sentence)
