"""Arrival times of simulated users: open loop, so that a slow bank does not delay the next arrivals. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from random import Random
from typing import Final

SPIKE_BASE_SHARE: Final = 0.25
"""The rate before and after a spike, as a share of the full rate."""
SPIKE_BEGINS: Final = 0.4
SPIKE_ENDS: Final = 0.6


class Shape(StrEnum):
    """The arrival rate over the time of a run."""

    SOAK = "soak"
    """The full rate from beginning to end: for a minute a plain load, for hours what wears out."""
    RAMP = "ramp"
    """From nothing to the full rate in a straight line: at which rate it becomes slow."""
    SPIKE = "spike"
    """A quarter of the rate, and the full rate in the middle fifth: whether it recovers."""


def rate_at(shape: Shape, rate_per_second: float, seconds: float, at_seconds: float) -> float:
    """The rate of arrivals, per second, at a moment of a run of so many seconds."""
    if not 0 <= at_seconds < seconds:
        return 0.0
    share = at_seconds / seconds
    match shape:
        case Shape.SOAK:
            return rate_per_second
        case Shape.RAMP:
            return rate_per_second * share
        case Shape.SPIKE:
            return rate_per_second * (1.0 if SPIKE_BEGINS <= share < SPIKE_ENDS else SPIKE_BASE_SHARE)


def arrival_times(shape: Shape, rate_per_second: float, seconds: float, random: Random) -> Iterator[float]:
    """Seconds from the beginning at which users arrive, in order.

    A Poisson process whose rate follows the shape, by thinning (Lewis and Shedler, 1979): people do not come in step.
    """
    at_seconds = 0.0
    while True:
        at_seconds += random.expovariate(rate_per_second)
        if at_seconds >= seconds:
            return
        if random.random() * rate_per_second < rate_at(shape, rate_per_second, seconds, at_seconds):
            yield at_seconds
