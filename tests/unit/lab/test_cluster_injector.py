"""Each kind of fault breaks something of a cluster, and everything is mended when it is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lab.network.cluster.hosts import Host
from lab.network.cluster.links import Link
from lab.prove.cluster.injector import ClusterInjector, Subject
from lab.prove.cluster.plan import ClusterFault, Kind
from lab.read.snapshot import no_report

HOSTS = [Host(f"h{number}", f"10.0.0.{number}", "") for number in range(1, 8)]


class Network:
    def __init__(self) -> None:
        self.hosts = HOSTS
        self.bad: set[Any] = set()
        self.links: dict[tuple[str, str], Link] = {}

    def cut(self, a: Host, b: Host) -> None:
        self.bad.add(frozenset((a.name, b.name)))

    def heal(self, a: Host, b: Host) -> None:
        self.bad.discard(frozenset((a.name, b.name)))

    def freeze(self, host: Host) -> None:
        self.bad.add(host.name)

    def thaw(self, host: Host) -> None:
        self.bad.discard(host.name)

    def link(self, a: Host, b: Host) -> Link:
        return self.links.get((a.name, b.name), Link())

    def set_link(self, a: Host, b: Host, link: Link, *, one_way: bool = False) -> None:
        for pair in [(a, b)] if one_way else [(a, b), (b, a)]:
            self.links[pair[0].name, pair[1].name] = link


@dataclass
class Part:
    name: str
    host: Host
    is_up: bool = True
    extra_environment: dict[str, str] = field(default_factory=dict)

    def kill(self) -> None:
        self.is_up = False

    def launch(self) -> None:
        self.is_up = True

    stop = kill

    def is_ready(self) -> bool:
        return self.is_up


class Brokers:
    def __init__(self) -> None:
        self.hosts = HOSTS[:3]
        self.down: set[str] = set()
        self.wiped: set[str] = set()

    def kill(self, host: Host) -> None:
        self.down.add(host.name)

    def wipe(self, host: Host) -> None:
        self.kill(host)
        self.wiped.add(host.name)

    def start_member(self, host: Host) -> None:
        self.down.discard(host.name)

    def seen(self) -> list[Host]:
        return [host for host in self.hosts if host.name not in self.down]

    def controller(self) -> Host:
        return self.hosts[1]


class Database:
    def __init__(self) -> None:
        self.up = {"h1": True, "h2": True}

    def primary(self) -> Host:
        return HOSTS[0]

    def kill(self, host: Host) -> None:
        self.up[host.name] = False

    def start_member(self, host: Host) -> None:
        self.up[host.name] = True

    def is_whole(self) -> bool:
        return all(self.up.values())


@dataclass
class FakeCluster:
    network: Network = field(default_factory=Network)
    brokers: Brokers = field(default_factory=Brokers)
    hubs: list[Part] = field(default_factory=lambda: [Part(f"hub-{n}", HOSTS[3 + n]) for n in range(2)])
    banks: list[Part] = field(default_factory=lambda: [Part(f"bank-{n}", HOSTS[5 + n]) for n in range(2)])
    database: Database = field(default_factory=Database)

    @property
    def services(self) -> list[Part]:
        return [*self.hubs, *self.banks]

    def faults(self) -> Iterator[str]:
        """Everything that is broken at this moment."""
        yield from (str(each) for each in self.network.bad)
        yield from (str(pair) for pair, link in self.network.links.items() if not link.is_clean)
        yield from (part.name for part in self.services if not part.is_up or part.extra_environment)
        yield from self.brokers.down
        yield from (name for name, up in self.database.up.items() if not up)


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


def test_an_upgrade_leaves_every_service_with_this_version() -> None:
    cluster = FakeCluster()
    for service in cluster.services:
        service.extra_environment["PYTHONPATH"] = "/older"
    injector = ClusterInjector(cast(Subject, cluster), no_report, lambda: None, settle_seconds=0.0)
    injector.run([ClusterFault(Kind.ROLLING_UPGRADE, 0, 0, 0.0)], threading.Event())
    assert list(cluster.faults()) == []
