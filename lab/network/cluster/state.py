"""What a cluster is like at this moment: the parts of each host and their roles, and the links that are not as set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lab.network.cluster.links import Link
from lab.network.parts.errors import PartNotReady
from pix.web.marks import translatable

if TYPE_CHECKING:
    from lab.network.cluster.cluster import Cluster

HEALTH_SECONDS_MAX: Final = 2.0
LOAD: Final = translatable("load")
LOAD_DIVIDES: Final = translatable("load: divides")
SYNCHRONOUS: Final = "sync_standby"
"""Patroni's word for the member that has every commit which was answered."""


class State(StrEnum):
    UP = translatable("up")
    NOT_READY = translatable("not ready")
    """The process runs, and does not answer as it must."""
    FROZEN = translatable("frozen")
    STOPPED = translatable("stopped")
    CUT_OFF = translatable("cut off")
    """Of a host: it lacks a link to another in one direction or in both."""


class Role(StrEnum):
    """Of a part among its like; empty where it has none."""

    NONE = ""
    CONTROLLER = translatable("controller")
    PRIMARY = translatable("primary")
    SYNCHRONOUS_STANDBY = translatable("synchronous standby")
    STANDBY = translatable("standby")


@dataclass(frozen=True, slots=True)
class PartOnHost:
    name: str
    """`Apache Kafka`, `hub-1`."""
    state: State
    role: Role = Role.NONE


@dataclass(frozen=True, slots=True)
class HostReport:
    name: str
    address: str
    state: State
    """The worst that is true of the whole host; a stopped one has no part that runs."""
    parts: tuple[PartOnHost, ...]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """One direction between two hosts, by their names."""

    sender: str
    receiver: str
    link: Link
    is_cut: bool


@dataclass(frozen=True, slots=True)
class ClusterReport:
    hosts: tuple[HostReport, ...]
    link: Link
    """Of every pair of hosts that is not in `links`."""
    links: tuple[LinkReport, ...]


def host_state(parts: Sequence[PartOnHost], *, is_frozen: bool, is_cut: bool) -> State:
    """The state of a host with these parts."""
    if is_frozen:
        return State.FROZEN
    if parts and all(part.state is State.STOPPED for part in parts):
        return State.STOPPED
    return State.CUT_OFF if is_cut else State.UP


def report_of(cluster: Cluster) -> ClusterReport:
    """Asks every part; those that do not answer are waited for a few seconds."""
    network = cluster.network
    links = tuple(
        LinkReport(sender.name, receiver.name, link, is_cut) for sender, receiver, link, is_cut in network.odd_links()
    )
    apart = {name for each in links if each.is_cut for name in (each.sender, each.receiver)}
    found: dict[str, list[PartOnHost]] = {host.name: [] for host in network.hosts}
    frozen = {host.name for host in network.hosts if network.is_frozen(host)}
    readers: list[Callable[[], list[tuple[str, PartOnHost]]]] = [
        lambda: _brokers(cluster),
        lambda: _databases(cluster),
        lambda: _services(cluster, frozen),
    ]
    with ThreadPoolExecutor(len(readers)) as pool:
        for parts in pool.map(lambda read: read(), readers):
            for host_name, part in parts:
                is_still = host_name in frozen and part.state is not State.STOPPED
                found[host_name].append(PartOnHost(part.name, State.FROZEN if is_still else part.state, part.role))
    for number, host in enumerate(cluster.load_hosts):
        found[host.name].append(PartOnHost(LOAD_DIVIDES if number == 0 else LOAD, State.UP))
    return ClusterReport(
        hosts=tuple(
            HostReport(
                host.name,
                host.address,
                host_state(found[host.name], is_frozen=host.name in frozen, is_cut=host.name in apart),
                tuple(found[host.name]),
            )
            for host in network.hosts
        ),
        link=cluster.settings.link,
        links=links,
    )


def _brokers(cluster: Cluster) -> list[tuple[str, PartOnHost]]:
    brokers = cluster.brokers
    seen, controller = brokers.seen(), brokers.controller()
    return [
        (
            host.name,
            PartOnHost(
                "Apache Kafka",
                _state(brokers.is_running(host), host in seen),
                Role.CONTROLLER if host is controller and brokers.is_running(host) else Role.NONE,
            ),
        )
        for host in brokers.hosts
    ]


def _databases(cluster: Cluster) -> list[tuple[str, PartOnHost]]:
    database = cluster.database
    roles = {str(each.get("name")): str(each.get("role")) for each in database.state()}
    try:
        primary = database.primary().name
    except PartNotReady:
        primary = ""
    parts = []
    for host in database.members:
        is_running = database.is_running(host)
        role = Role.NONE
        if is_running:
            standby = Role.SYNCHRONOUS_STANDBY if roles.get(host.name) == SYNCHRONOUS else Role.STANDBY
            role = Role.PRIMARY if host.name == primary else standby
        parts.append((host.name, PartOnHost("etcd", _state(database.runs_etcd(host), is_ready=True))))
        parts.append((host.name, PartOnHost("PostgreSQL", _state(is_running, host.name in roles), role)))
    return parts


def _services(cluster: Cluster, frozen: set[str]) -> list[tuple[str, PartOnHost]]:
    return [
        (
            service.host.name,
            PartOnHost(
                service.name,
                _state(
                    service.is_running(),
                    # A frozen host would be waited for in vain.
                    service.host.name in frozen or service.ask_health(HEALTH_SECONDS_MAX)[0],
                ),
            ),
        )
        for service in cluster.services
    ]


def _state(is_running: bool, is_ready: bool) -> State:
    if not is_running:
        return State.STOPPED
    return State.UP if is_ready else State.NOT_READY
