"""Each kind of fault breaks something of a cluster, and everything is mended when it is over."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from lab.prove.cluster.injector import ClusterInjector, Subject
from lab.prove.cluster.plan import ClusterFault, Kind
from lab.read.snapshot import no_report
from tests.support.cluster_double import FakeCluster


@pytest.mark.parametrize("kind", Kind, ids=str)
@pytest.mark.parametrize("number", [0, 4])
def test_a_fault_breaks_something_and_is_mended(kind: Kind, number: int) -> None:
    cluster = FakeCluster()
    during: list[list[str]] = []
    injector = ClusterInjector(
        cast(Subject, cluster), lambda *_: during.append(list(cluster.faults())), lambda: None, settle_seconds=0.0
    )
    injector.run([ClusterFault(kind, number, number, 0.0)], threading.Event())
    assert during[0] or kind is Kind.ROLLING_UPGRADE, "nothing was broken"
    assert list(cluster.faults()) == []
    (struck,) = injector.struck
    assert (struck.kind, injector.not_ready) == (kind, [])
    assert struck.from_ms <= struck.mended_ms <= struck.ready_ms
    assert bool(cluster.brokers.wiped) is (kind is Kind.BROKER_WIPED)


def test_the_controller_is_the_broker_that_leads() -> None:
    cluster = FakeCluster()
    injector = ClusterInjector(cast(Subject, cluster), no_report, lambda: None, settle_seconds=0.0)
    injector.run([ClusterFault(Kind.CONTROLLER_KILLED, 0, 0, 0.0)], threading.Event())
    assert injector.struck[0].target == "broker on h2"


def test_no_fault_strikes_once_the_trial_is_to_end() -> None:
    cluster = FakeCluster()
    injector = ClusterInjector(cast(Subject, cluster), no_report, lambda: None)
    stop = threading.Event()
    stop.set()
    injector.run([ClusterFault(Kind.HUB_KILLED, 0, 0, 0.0)], stop)
    assert injector.struck == []


def test_a_fault_strikes_only_a_cluster_that_is_whole() -> None:
    cluster = FakeCluster()
    # A primary whose lease ends late: the cluster counts as whole at the third look.
    looks = iter((False, False))
    was_whole: list[bool] = []

    def is_whole() -> bool:
        was_whole.append(next(looks, True))
        return was_whole[-1]

    cluster.database.is_whole = is_whole  # type: ignore[method-assign]
    injector = ClusterInjector(
        cast(Subject, cluster), lambda *_: was_whole.append(bool(cluster.faults())), lambda: None, settle_seconds=0.0
    )
    injector.run([ClusterFault(Kind.HUB_KILLED, 0, 0, 0.0)], threading.Event())
    assert was_whole[:4] == [False, False, True, True], "two looks in vain, a good one, and then the fault"


def test_an_upgrade_leaves_every_service_with_this_version() -> None:
    cluster = FakeCluster()
    for service in cluster.services:
        service.extra_environment["PYTHONPATH"] = "/older"
    injector = ClusterInjector(cast(Subject, cluster), no_report, lambda: None, settle_seconds=0.0)
    injector.run([ClusterFault(Kind.ROLLING_UPGRADE, 0, 0, 0.0)], threading.Event())
    assert list(cluster.faults()) == []
