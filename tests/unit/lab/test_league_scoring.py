"""Points and ranks of a league."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.prove.league.scoring import Results, Score, ranks, recoveries, score

PERFECT = Results(
    payments_planned=100,
    payments_right=100,
    payments_completed=86,
    is_examined=True,
    centavos_wrong=0,
    p99_ms=500,
    recoveries_ms=(1_000, 200),
)


def test_the_best_bank_has_a_thousand_points() -> None:
    assert score(PERFECT) == Score(400, 400, 100, 100)
    assert score(PERFECT).total == 1_000


def test_every_wrong_centavo_costs_a_point_and_the_points_for_right_money() -> None:
    assert score(replace(PERFECT, centavos_wrong=1)).money == -1
    assert score(replace(PERFECT, centavos_wrong=2_500)).total == 600 - 2_500


def test_payments_count_in_proportion_and_so_does_speed() -> None:
    half = score(replace(PERFECT, payments_right=50))
    assert half == Score(400, 200, 50, 50)


@pytest.mark.parametrize(
    ("p99_ms", "points"), [(100, 100), (500, 100), (5_250, 50), (10_000, 0), (60_000, 0), (None, 0)]
)
def test_speed_is_a_straight_line(p99_ms: int | None, points: int) -> None:
    assert score(replace(PERFECT, p99_ms=p99_ms)).speed == points


@pytest.mark.parametrize(
    ("recoveries_ms", "points"),
    [((900, 1_000), 100), ((0, 8_000), 50), ((15_000,), 0), ((300, None), 0), ((), 0)],
)
def test_the_longest_recovery_counts(recoveries_ms: tuple[int | None, ...], points: int) -> None:
    assert score(replace(PERFECT, recoveries_ms=recoveries_ms)).recovery == points


def test_a_bank_that_does_nothing_or_hides_its_money_gets_no_points() -> None:
    assert score(replace(PERFECT, payments_completed=0)) == Score(0, 0, 0, 0)
    assert score(replace(PERFECT, is_examined=False)) == Score(0, 0, 0, 0)
    assert score(replace(PERFECT, payments_completed=0, centavos_wrong=30)).total == -30


def test_equal_totals_share_a_rank() -> None:
    assert ranks([900, 1_000, 900, -5]) == [2, 1, 2, 4]
    assert ranks([]) == []


def test_a_recovery_is_the_time_until_the_next_payment() -> None:
    assert recoveries([1_000, 5_000, 9_000], [900, 1_250, 1_300, 7_000]) == [250, 2_000, None]
