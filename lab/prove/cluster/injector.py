"""Injects the planned faults into a running cluster, one after the other, and notes when each struck and was over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from lab.network.cluster.cluster import SOURCE
from lab.network.cluster.hosts import Host, HostNetwork
from lab.network.cluster.links import Link
from lab.network.parts.errors import PartError
from lab.network.parts.process import is_true_within
from lab.prove.cluster.plan import ClusterFault, Kind
from lab.prove.cluster.times import Struck
from lab.read.rest import Unreachable
from lab.read.snapshot import StepReporter
from pix.web.marks import translatable

READY_SECONDS_MAX: Final = 120.0
"""For what was broken to be ready again; a replica of a database copies the primary's data first."""
RECOVERY_SECONDS_MAX: Final = 120.0
SETTLE_SECONDS: Final = 4.0
"""Of traffic between a fault's end and the next fault."""
ONE_WAY: Final = Link(loss_percent=100.0)
CLOCK_ERROR_SECONDS: Final = 600
CLOCK_ERROR: Final = "CLOCK_ERROR_SECONDS"
SLOW: Final = Link(delay_ms=150.0, jitter_ms=50.0, loss_percent=2.0)
"""A link across the world on a bad day."""


Item = TypeVar("Item")


class Replica(Protocol):
    """A process of the cluster that can be killed and started again."""

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> Host: ...
    @property
    def extra_environment(self) -> dict[str, str]:
        """From the next start on."""

    def kill(self) -> None: ...
    def stop(self) -> None: ...
    def launch(self) -> None:
        """Starts it, and does not wait until it is ready."""

    def is_ready(self) -> bool: ...


class Members(Protocol):
    """The broker or database of each of some hosts."""

    def kill(self, host: Any) -> None: ...
    def start_member(self, host: Any) -> None:
        """Starts it again, and does not wait until it is ready."""


class Brokers(Members, Protocol):
    @property
    def hosts(self) -> Sequence[Host]: ...
    def wipe(self, host: Host) -> None:
        """Kills it and removes its disk."""

    def seen(self) -> list[Host]:
        """The hosts whose brokers a client sees."""

    def controller(self) -> Host | None:
        """Of the broker that leads the metadata quorum; None while none is known."""


class Database(Members, Protocol):
    def primary(self) -> Any: ...
    def is_whole(self) -> bool:
        """Whether there is one primary, and every other member follows it."""


class Subject(Protocol):
    """What a trial breaks."""

    @property
    def network(self) -> HostNetwork: ...
    @property
    def brokers(self) -> Brokers: ...
    @property
    def hubs(self) -> Sequence[Replica]: ...
    @property
    def services(self) -> Sequence[Replica]:
        """Every hub, and every replica of every bank."""

    @property
    def database(self) -> Database: ...


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """A fault that was injected and is not undone."""

    fault: ClusterFault
    target: str
    """What it hit."""
    from_ms: int
    undo: ExitStack
    """Undoes it when it is closed."""
    is_ready: Callable[[], bool]
    """Whether what was broken is ready again."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A fault that is undone, and that the cluster may not have recovered from."""

    standing: Standing
    mended_ms: int


class ClusterInjector:
    def __init__(
        self,
        subject: Subject,
        report_step: StepReporter,
        oldest_open_ms: Callable[[], int | None],
        settle_seconds: float = SETTLE_SECONDS,
        ends: threading.Event | None = None,
    ) -> None:
        """`oldest_open_ms` is when the oldest transfer that is not closed was requested; None when all are closed.

        Once `ends` is set, what is broken is undone and not waited for.
        """
        self._subject = subject
        self._oldest_open_ms = oldest_open_ms
        self._settle_seconds = settle_seconds
        self._report_step = report_step
        self._ends = ends or threading.Event()
        self.struck: list[Struck] = []
        """The faults that are over."""
        self.not_ready: list[str] = []
        """What was not ready again within `READY_SECONDS_MAX`."""

    def run(self, faults: Sequence[ClusterFault], stop: threading.Event) -> None:
        """Injects each fault in turn, until all are over or `stop` is set. Raises PartError."""
        for number, fault in enumerate(faults, 1):
            if stop.wait(self._settle_seconds):
                return
            # A lease that ran out during the fault before may end late: each fault strikes a cluster that is whole.
            is_true_within(READY_SECONDS_MAX, lambda: stop.is_set() or self._is_all_ready())
            if stop.is_set():
                return
            self._inject(fault, f"{number} of {len(faults)}", stop)

    def _inject(self, fault: ClusterFault, place: str, stop: threading.Event) -> None:
        standing = self.strike(fault)
        try:
            self._report_step(
                "Fault {}: {} ({}), {} s", place, fault.kind.value, standing.target, f"{fault.seconds:.0f}"
            )
            stop.wait(fault.seconds)
        finally:
            mended = self.mend(standing)
        self.await_recovery(mended)

    def strike(self, fault: ClusterFault) -> Standing:
        """Breaks it, until `mend`. Raises PartError, and then nothing stays broken."""
        with ExitStack() as undo:
            from_ms = now_ms()
            target, is_ready = self._strike(fault, undo)
            return Standing(fault, target, from_ms, undo.pop_all(), is_ready)

    def mend(self, standing: Standing) -> Mended:
        """Undoes it, and waits for no recovery. Raises PartError."""
        standing.undo.close()
        return Mended(standing, now_ms())

    def await_recovery(self, mended: Mended) -> None:
        """Waits until what was broken is ready and what waited is final, and notes the fault as one that is over."""
        fault, target = mended.standing.fault, mended.standing.target
        if not is_true_within(READY_SECONDS_MAX, lambda: self._ends.is_set() or mended.standing.is_ready()):
            sentence = translatable("{}: {} was not ready within {} s")
            self.not_ready.append(sentence.format(fault.kind.value, target, f"{READY_SECONDS_MAX:.0f}"))
        ready_ms = now_ms()
        # What waited is final before the next fault strikes, so that each has its own recovery time.
        is_true_within(RECOVERY_SECONDS_MAX, lambda: self._ends.is_set() or self._is_all_closed_since(ready_ms))
        self.struck.append(Struck(fault.kind, target, mended.standing.from_ms, mended.mended_ms, ready_ms))

    def _is_all_closed_since(self, ready_ms: int) -> bool:
        try:
            oldest_ms = self._oldest_open_ms()
        except (PartError, Unreachable):
            return False
        return oldest_ms is None or oldest_ms > ready_ms

    def _strike(self, fault: ClusterFault, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
        """Breaks it; `mend` gets what undoes it. Returns what was hit, and whether it is ready again."""
        subject = self._subject
        match fault.kind:
            case Kind.BROKER_KILLED | Kind.BROKER_WIPED:
                return self._kill_broker(_chosen(subject.brokers.hosts, fault.target), fault.kind, mend)
            case Kind.CONTROLLER_KILLED:
                controller = subject.brokers.controller()
                return self._kill_broker(controller or _chosen(subject.brokers.hosts, fault.target), fault.kind, mend)
            case Kind.PRIMARY_KILLED:
                primary = subject.database.primary()
                subject.database.kill(primary)
                mend.callback(subject.database.start_member, primary)
                return translatable("database on {}").format(primary.name), subject.database.is_whole
            case Kind.PRIMARY_CUT_OFF:
                return self._cut_off_primary(fault, mend)
            case Kind.HUB_KILLED:
                return _kill(_chosen(subject.hubs, fault.target), mend)
            case Kind.BANK_KILLED:
                return _kill(self._bank(fault.target), mend)
            case Kind.HUB_FROZEN:
                return self._freeze(_chosen(subject.hubs, fault.target), mend)
            case Kind.BANK_FROZEN:
                return self._freeze(self._bank(fault.target), mend)
            case Kind.CLOCK_FAST | Kind.CLOCK_SLOW:
                error = CLOCK_ERROR_SECONDS if fault.kind is Kind.CLOCK_FAST else -CLOCK_ERROR_SECONDS
                return _set_clock(_chosen(subject.services, fault.target), error, mend)
            case Kind.ROLLING_UPGRADE:
                return self._upgrade()
            case Kind.HOST_CUT_OFF | Kind.ONE_WAY_LOSS | Kind.SLOW_LINKS:
                return self._spoil_links(fault, mend)

    def _upgrade(self) -> tuple[str, Callable[[], bool]]:
        for service in self._subject.services:
            if self._ends.is_set():
                break
            service.stop()
            service.extra_environment.pop(SOURCE, None)
            service.launch()
            if not is_true_within(READY_SECONDS_MAX, service.is_ready):
                self.not_ready.append(f"{service.name} was not ready within {READY_SECONDS_MAX:.0f} s of its upgrade")
        return "every hub and bank", self._is_all_ready

    def _bank(self, number: int) -> Replica:
        return _chosen([each for each in self._subject.services if each not in self._subject.hubs], number)

    def _kill_broker(self, host: Host, kind: Kind, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
        brokers = self._subject.brokers
        break_it = brokers.wipe if kind is Kind.BROKER_WIPED else brokers.kill
        break_it(host)
        mend.callback(brokers.start_member, host)
        return translatable("broker on {}").format(host.name), lambda: host in brokers.seen()

    def _freeze(self, replica: Replica, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
        self._subject.network.freeze(replica.host)
        mend.callback(self._subject.network.thaw, replica.host)
        return _named(replica), replica.is_ready

    def _cut_off_primary(self, fault: ClusterFault, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
        """One hub is left on the primary's side: what it commits there must not count."""
        network = self._subject.network
        primary = self._subject.database.primary()
        companion = _chosen(self._subject.hubs, fault.others).host
        for host in network.hosts:
            for near in {primary, companion}:
                if host not in (primary, companion):
                    network.cut(near, host)
                    mend.callback(network.heal, near, host)
        target = translatable("primary on {}, hub on {}").format(primary.name, companion.name)
        return target, self._subject.database.is_whole

    def _spoil_links(self, fault: ClusterFault, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
        """Between one host and the far ones, by default every second of the others."""
        network = self._subject.network
        host = _chosen(network.hosts, fault.target)
        others = [each for each in network.hosts if each is not host]
        chosen = [each for each in others if each.name in fault.far_hosts] or others[fault.others % 2 :: 2]
        for other in chosen:
            if fault.kind is Kind.HOST_CUT_OFF:
                network.cut(host, other)
                mend.callback(network.heal, host, other)
                continue
            is_one_way = fault.kind is Kind.ONE_WAY_LOSS
            before = network.link(host, other), network.link(other, host)
            network.set_link(host, other, ONE_WAY if is_one_way else SLOW, one_way=is_one_way)
            mend.callback(network.set_link, other, host, before[1], one_way=True)
            mend.callback(network.set_link, host, other, before[0], one_way=True)
        return f"{host.name} ↔ {', '.join(each.name for each in chosen)}", self._is_all_ready

    def _is_all_ready(self) -> bool:
        subject = self._subject
        return (
            subject.database.is_whole()
            and len(subject.brokers.seen()) == len(subject.brokers.hosts)
            and all(part.is_ready() for part in subject.services)
        )


def targets_of(subject: Subject, kind: Kind) -> list[str]:
    """What a fault of this kind can hit, in the order of `ClusterFault.target`; empty where it chooses for itself."""
    match kind:
        case Kind.BROKER_KILLED | Kind.BROKER_WIPED:
            return [host.name for host in subject.brokers.hosts]
        case Kind.HUB_KILLED | Kind.HUB_FROZEN:
            return [_named(hub) for hub in subject.hubs]
        case Kind.BANK_KILLED | Kind.BANK_FROZEN:
            return [_named(each) for each in subject.services if each not in subject.hubs]
        case Kind.CLOCK_FAST | Kind.CLOCK_SLOW:
            return [_named(each) for each in subject.services]
        case Kind.HOST_CUT_OFF | Kind.ONE_WAY_LOSS | Kind.SLOW_LINKS:
            return [host.name for host in subject.network.hosts]
        case Kind.CONTROLLER_KILLED | Kind.PRIMARY_KILLED | Kind.PRIMARY_CUT_OFF | Kind.ROLLING_UPGRADE:
            return []


def _kill(replica: Replica, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
    replica.kill()
    mend.callback(replica.launch)
    return _named(replica), replica.is_ready


def _set_clock(replica: Replica, error_seconds: int, mend: ExitStack) -> tuple[str, Callable[[], bool]]:
    """Restarts it with a clock that is fast or slow, and at the end with one that is right."""

    def restart(environment: Mapping[str, str]) -> None:
        replica.stop()
        replica.extra_environment.pop(CLOCK_ERROR, None)
        replica.extra_environment.update(environment)
        replica.launch()

    mend.callback(restart, {})
    restart({CLOCK_ERROR: str(error_seconds)})
    is_true_within(READY_SECONDS_MAX, replica.is_ready)
    return f"{_named(replica)}, {error_seconds:+d} s", replica.is_ready


def _named(replica: Replica) -> str:
    return f"{replica.name} ({replica.host.name})"


def _chosen(items: Sequence[Item], number: int) -> Item:
    return items[number % len(items)]
