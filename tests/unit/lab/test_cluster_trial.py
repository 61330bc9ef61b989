"""Faults of a cluster by a seed, and the times that the hub's rows show."""

from __future__ import annotations

from random import Random

import pytest

from lab.prove.cluster.plan import KINDS, SECONDS_MAX, SECONDS_MIN, Group, Kind, plan_faults
from lab.prove.cluster.times import FaultTimes, Life, Struck, summary, times_of


def test_the_same_seed_plans_the_same_faults() -> None:
    groups = list(Group)
    assert plan_faults(groups, 3, Random(7)) == plan_faults(groups, 3, Random(7))
    assert plan_faults(groups, 3, Random(7)) != plan_faults(groups, 3, Random(8))


@pytest.mark.parametrize("group", list(Group))
def test_every_kind_of_a_group_comes_before_any_comes_again(group: Group) -> None:
    kinds = KINDS[group]
    planned = plan_faults([group], 2 * len(kinds), Random(1))
    times = 1 if group is Group.UPGRADE else 2
    assert sorted(each.kind for each in planned) == sorted(times * kinds)
    assert all(SECONDS_MIN <= each.seconds <= SECONDS_MAX for each in planned)


def struck(kind: Kind = Kind.BROKER_KILLED) -> Struck:
    return Struck(kind=kind, target="h1", from_ms=10_000, mended_ms=15_000, ready_ms=18_000)


def test_the_times_of_a_fault() -> None:
    lives = [
        Life(1_000, 1_050),  # before
        Life(9_990, 19_500),  # waits for the broken part
        Life(12_000, 13_200),  # the first that is closed without it
        Life(17_000, 20_500),  # the last that waited
        Life(18_500, 30_000),  # after: no part of the recovery
    ]
    assert times_of(struck(), lives) == FaultTimes(struck(), 3.2, 2.5, 9.51)


def test_a_fault_that_no_transfer_met() -> None:
    assert times_of(struck(), [Life(1_000, 1_050)]) == FaultTimes(struck(), None, 0.0, 0.0)


def test_the_summary_has_a_line_for_each_kind() -> None:
    times = [
        FaultTimes(struck(), 3.0, 1.0, 4.0),
        FaultTimes(struck(Kind.PRIMARY_KILLED), None, 2.0, 9.0),
        FaultTimes(struck(), 5.0, 2.0, 6.0),
    ]
    killed, primary = summary(times)
    assert (killed.kind, killed.faults, killed.failover_median, killed.failover_longest) == (
        Kind.BROKER_KILLED,
        2,
        4.0,
        5.0,
    )
    assert (killed.recovery_median, killed.recovery_longest, killed.longest_transfer) == (1.5, 2.0, 6.0)
    assert (primary.failover_median, primary.failover_longest) == (None, None)
