"""Arrival times: at the rate of the shape, in no step, and independent of earlier users."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest

from loadtest.users.arrivals import Shape, arrival_times, rate_at

RATE = 50.0
SECONDS = 40.0
SHARE_OF_FULL = {Shape.SOAK: 1.0, Shape.RAMP: 0.5, Shape.SPIKE: 0.2 + 0.8 * 0.25}


@pytest.mark.parametrize(
    ("shape", "rates"),
    [
        (Shape.SOAK, {0.0: 10.0, 50.0: 10.0, 99.9: 10.0}),
        (Shape.RAMP, {0.0: 0.0, 25.0: 2.5, 50.0: 5.0}),
        (Shape.SPIKE, {0.0: 2.5, 39.9: 2.5, 40.0: 10.0, 59.9: 10.0, 60.0: 2.5}),
    ],
)
def test_the_rate_follows_the_shape(shape: Shape, rates: dict[float, float]) -> None:
    assert {at: rate_at(shape, 10.0, 100.0, at) for at in rates} == rates
    assert rate_at(shape, 10.0, 100.0, 100.0) == 0.0


@pytest.mark.parametrize("shape", Shape)
def test_as_many_come_as_the_shape_says(shape: Shape) -> None:
    times = list(arrival_times(shape, RATE, SECONDS, Random(7)))
    expected = RATE * SECONDS * SHARE_OF_FULL[shape]
    assert abs(len(times) - expected) < 4 * math.sqrt(expected)
    assert times == sorted(times)
    assert all(0 <= at < SECONDS for at in times)


def test_they_do_not_come_in_step() -> None:
    times = list(arrival_times(Shape.SOAK, RATE, SECONDS, Random(7)))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    # As much as it is itself: the gaps of a Poisson process.
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert spread == pytest.approx(mean, rel=0.15)


def test_a_spike_is_four_times_as_dense_in_the_middle() -> None:
    times = list(arrival_times(Shape.SPIKE, RATE, SECONDS, Random(7)))
    middle = sum(0.4 * SECONDS <= at < 0.6 * SECONDS for at in times) / 0.2
    around = sum(not 0.4 * SECONDS <= at < 0.6 * SECONDS for at in times) / 0.8
    assert middle / around == pytest.approx(4.0, rel=0.2)
