"""Faults by a seed: which part is killed or frozen, when and for how long; and how a network is made to bear it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from typing import Final

from lab.network.network import Network
from lab.network.parts.errors import PartError
from lab.network.parts.process import ChildPart
from lab.network.supervisor import Supervisor

FIRST_MOMENT: Final = 0.1
LAST_MOMENT: Final = 0.9
"""Faults strike within this part of the time in which payments are made."""
DOWN_SECONDS_MIN: Final = 0.2
DOWN_SECONDS_MAX: Final = 4.0
FROZEN_SECONDS_MIN: Final = 0.5
FROZEN_SECONDS_MAX: Final = 8.0
"""More than a consumer group waits for a member, so that a frozen replica finds its work taken when it thaws."""


class Target(StrEnum):
    HUB = "hub"
    BANK = "bank"
    BROKER = "broker"
    DATABASE = "database"


class Action(StrEnum):
    KILL = "kill"
    """SIGKILL, and a new start later."""
    FREEZE = "freeze"
    """SIGSTOP, and SIGCONT later."""
    WIPE = "wipe"
    """Of the broker: it loses its log and the committed offsets."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `number` chooses among the parts of the kind (the first hub, the third bank)."""

    at_seconds: float
    target: Target
    number: int
    action: Action
    seconds: float


def plan_faults(
    targets: Sequence[Target], per_target: int, duration_seconds: float, hubs: int, banks: int, random: Random
) -> list[Fault]:
    """`per_target` faults of each kind within the duration, in the order of time; the first of each kind kills."""
    counts = {Target.HUB: hubs, Target.BANK: banks}
    faults = []
    for target in targets:
        for turn in range(per_target):
            action = Action.KILL if turn == 0 else random.choice((Action.KILL, Action.FREEZE))
            shortest, longest = (
                (DOWN_SECONDS_MIN, DOWN_SECONDS_MAX)
                if action is Action.KILL
                else (FROZEN_SECONDS_MIN, FROZEN_SECONDS_MAX)
            )
            faults.append(
                Fault(
                    at_seconds=random.uniform(FIRST_MOMENT, LAST_MOMENT) * duration_seconds,
                    target=target,
                    number=random.randrange(counts.get(target, 1)),
                    action=action,
                    seconds=random.uniform(shortest, longest),
                )
            )
    return sorted(faults, key=lambda fault: fault.at_seconds)


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was injected: which part, and from when to when, in seconds since the first payment."""

    part: str
    action: Action
    from_seconds: float
    to_seconds: float


Work = Callable[[threading.Event], None]
"""Runs in a thread of its own until it is done or the event is set."""


class Injector:
    """Injects planned faults into a network, each part's at its own times."""

    def __init__(self, network: Network, supervisor: Supervisor) -> None:
        self._network = network
        self._supervisor = supervisor
        self._lock = threading.Lock()
        parts: list[ChildPart] = [network.postgres, network.broker, *network.services]
        self._locks = {part.name: threading.Lock() for part in parts}
        """Nothing is broken in two ways at once."""
        self.injected: list[Injected] = []
        self.failures: list[PartError] = []
        """Parts that could not be brought back."""

    def works(self, faults: Sequence[Fault]) -> list[Work]:
        """Functions for one thread each; each returns when its faults are over, or its event is set."""
        first = time.monotonic()
        by_part: defaultdict[tuple[Target, int], list[Fault]] = defaultdict(list)
        for fault in faults:
            by_part[fault.target, fault.number].append(fault)

        def inject(of_part: Sequence[Fault], stop: threading.Event) -> None:
            try:
                for fault in of_part:
                    if stop.wait(max(0.0, first + fault.at_seconds - time.monotonic())):
                        return
                    self._inject(fault, first, stop)
            except PartError as failure:
                self.failures.append(failure)

        return [partial(inject, of_part) for of_part in by_part.values()]

    def wipe_at(self, at_seconds: float) -> Work:
        """At that moment the broker loses its log."""
        first = time.monotonic()

        def wipe(stop: threading.Event) -> None:
            if stop.wait(at_seconds):
                return
            # Whatever else is being broken is mended first: a broker that comes back at another address takes the
            # services along.
            with ExitStack() as stack:
                for name in sorted(self._locks):
                    stack.enter_context(self._locks[name])
                struck = time.monotonic()
                names = [self._network.broker.name, *(service.name for service in self._network.services)]
                for name in names:
                    self._supervisor.hold(name)
                try:
                    self._network.wipe_broker()
                except PartError as failure:
                    self.failures.append(failure)
                finally:
                    for name in names:
                        self._supervisor.release(name)
                self._note(self._network.broker.name, Action.WIPE, struck - first, first)

        return wipe

    def _inject(self, fault: Fault, first: float, stop: threading.Event) -> None:
        part = self._part(fault)
        with self._locks[part.name]:
            struck = time.monotonic()
            if fault.action is Action.FREEZE:
                part.freeze()
                try:
                    stop.wait(fault.seconds)
                finally:
                    part.thaw()
            else:
                self._supervisor.hold(part.name)
                part.kill()
                if stop.wait(fault.seconds):
                    return
                self._supervisor.release(part.name)
            self._note(part.name, fault.action, struck - first, first)

    def _note(self, part: str, action: Action, from_seconds: float, first: float) -> None:
        with self._lock:
            self.injected.append(Injected(part, action, from_seconds, time.monotonic() - first))

    def _part(self, fault: Fault) -> ChildPart:
        network = self._network
        match fault.target:
            case Target.BROKER:
                return network.broker
            case Target.DATABASE:
                return network.postgres
            case Target.HUB:
                return network.hubs[fault.number]
            case Target.BANK:
                return network.banks[fault.number].service
