"""Keeps a network's parts running, as a container platform would, and does to them what a person or a plan asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, Protocol

from lab.network.network import KafkaKind, Network
from lab.network.parts.errors import PartError
from lab.network.parts.process import Part
from pix.web.marks import translatable

LOOK_SECONDS: Final = 0.2
RESTARTS_MAX: Final = 5
"""Of one part within `RESTARTS_WINDOW_SECONDS`; a part that keeps falling over is not helped by another start."""
RESTARTS_WINDOW_SECONDS: Final = 60.0


class PartKind(StrEnum):
    """What a part is."""

    DATABASE = "database"
    BROKER = "broker"
    HUB = "hub"
    BANK = "bank"


class PartAction(StrEnum):
    """What can be done to a part."""

    START = "start"
    """Starts what was stopped; from then on it is kept running."""
    STOP = "stop"
    """Ends it in good order, and keeps it down until it is started."""
    KILL = "kill"
    """SIGKILL; the keeper starts it again, unless it is to be held down."""
    FREEZE = "freeze"
    """SIGSTOP: it stands still, and nobody is told."""
    THAW = "thaw"
    """SIGCONT."""


class ActionRefused(Exception):
    """What was asked for cannot be done to this part, or not as it is now; `rule` says why, for people."""

    def __init__(self, part: str, action: PartAction, rule: str) -> None:
        self.part = part
        self.action = action
        self.rule = rule
        super().__init__(f"{part}: {rule}")


class KeptPart(Part, Protocol):
    """A part whose process can be looked at."""

    @property
    def pid(self) -> int:
        """Its process id. Raises `PartError` before the first start."""
        ...

    def is_frozen(self) -> bool:
        """Whether its process stands still."""
        ...


class Kept:
    """A part, and what the keeper knows of it."""

    def __init__(
        self,
        part: KeptPart,
        kind: PartKind,
        launch: Callable[[], None],
        is_ready: Callable[[], bool] | None = None,
        refused: Mapping[PartAction, str] | None = None,
    ) -> None:
        """`launch` starts it; what others need is ready when that returns, any other has to say so by `is_ready`."""
        self.part = part
        self.kind = kind
        self.launch = launch
        self.is_ready = is_ready
        self.refused = refused or {}
        """Actions that are never possible here, each with the reason for people."""
        self.lock = threading.Lock()
        """Nothing is done to a part by two at once."""
        self.is_held = False
        """Somebody else's concern: it is not started again."""
        self.is_to_end = False
        """It was held or killed by us, so that its end counts as no fall."""
        self.under_way: PartAction | None = None
        """What is being done to it at this moment, and takes its time."""
        self.restarts = 0
        """How often it ended by itself, or by a kill from outside, and was started again."""

    @property
    def name(self) -> str:
        """The part's."""
        return self.part.name


class Keeper:
    """One for a network; thread-safe."""

    def __init__(
        self, parts: Iterable[Kept], tell: Callable[[str], None] = lambda _: None, restarts_max: int | None = None
    ) -> None:
        """`parts` are in the order in which they need each other.

        With `restarts_max`, a part that falls over more often within a minute is an error.
        """
        self._tell = tell
        self._restarts_max = restarts_max
        self._restarts: list[tuple[str, float]] = []
        self._returning: set[str] = set()
        """Services that were started again and have not yet said that they are ready."""
        self.failures: list[PartError] = []
        """Of `run`: what could not be started again."""
        self.parts: dict[str, Kept] = {kept.name: kept for kept in parts}
        """By name."""

    @classmethod
    def of(
        cls, network: Network, tell: Callable[[str], None] = lambda _: None, restarts_max: int | None = None
    ) -> Keeper:
        """The keeper of a network's parts."""
        return cls(_kept(network, tell), tell, restarts_max)

    # For plans and scenarios.

    def hold(self, name: str) -> None:
        """From now on this part is somebody else's concern."""
        with self.parts[name].lock:
            self.parts[name].is_held = self.parts[name].is_to_end = True

    def release(self, name: str) -> None:
        """It is to run again; the next look starts it."""
        with self.parts[name].lock:
            self.parts[name].is_held = False

    @property
    def restarts(self) -> dict[str, int]:
        """Per part, how often it ended without anybody's doing and was started again."""
        return {name: kept.restarts for name, kept in self.parts.items() if kept.restarts}

    # For people.

    def act(self, name: str, action: PartAction, *, hold: bool = False) -> None:
        """Does it, and returns when it is done; a start returns when the process exists.

        `hold` is for a kill: the part then stays down as after a stop. Raises `ActionRefused`, `PartError`, KeyError.
        """
        kept = self.parts[name]
        if action in kept.refused:
            raise ActionRefused(name, action, kept.refused[action])
        with self._doing(kept, action):
            match action:
                case PartAction.START:
                    self._start(kept)
                case PartAction.STOP:
                    self._stop(kept)
                case PartAction.KILL:
                    self._kill(kept, hold)
                case PartAction.FREEZE:
                    self._freeze(kept)
                case PartAction.THAW:
                    self._thaw(kept)

    def _start(self, kept: Kept) -> None:
        if kept.part.is_running():
            raise ActionRefused(kept.name, PartAction.START, translatable("It is already running."))
        kept.is_held = False
        kept.launch()

    def _stop(self, kept: Kept) -> None:
        if kept.is_held and not kept.part.is_running():
            raise ActionRefused(kept.name, PartAction.STOP, translatable("It is already stopped."))
        kept.is_held = True
        kept.part.stop()

    def _kill(self, kept: Kept, hold: bool) -> None:
        if not kept.part.is_running():
            raise ActionRefused(kept.name, PartAction.KILL, translatable("It is not running."))
        kept.is_held = hold
        kept.is_to_end = True
        kept.part.kill()

    def _freeze(self, kept: Kept) -> None:
        if not kept.part.is_running():
            raise ActionRefused(kept.name, PartAction.FREEZE, translatable("It is not running."))
        if kept.part.is_frozen():
            raise ActionRefused(kept.name, PartAction.FREEZE, translatable("It is already frozen."))
        kept.part.freeze()

    def _thaw(self, kept: Kept) -> None:
        if not kept.part.is_running() or not kept.part.is_frozen():
            raise ActionRefused(kept.name, PartAction.THAW, translatable("It is not frozen."))
        kept.part.thaw()

    @contextmanager
    def _doing(self, kept: Kept, action: PartAction) -> Iterator[None]:
        with kept.lock:
            kept.under_way = action
            try:
                yield
            finally:
                kept.under_way = None

    # Keeping.

    def run(self, stop: threading.Event) -> None:
        """Looks until told to stop; what cannot be started again is among `failures`, and tried again."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except PartError as failure:
                # Told to stop meanwhile: what is being stopped for good cannot be started again.
                if not stop.is_set():
                    self.failures.append(failure)

    def watch(self) -> None:
        """Looks until interrupted. Raises `PartError` when a part does not stay up."""
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Starts again what has ended since the last look. Raises `PartError`."""
        for kept in self.parts.values():
            # Whoever does something to it right now knows better.
            if kept.lock.acquire(blocking=False):
                try:
                    if not kept.is_held:
                        if not kept.part.is_running():
                            self._bring_back(kept)
                        kept.is_to_end = False
                finally:
                    kept.lock.release()
        self._welcome()

    def _bring_back(self, kept: Kept) -> None:
        if not kept.is_to_end:
            kept.restarts += 1
            self._count_fall(kept)
        self._tell(f"{kept.name} has ended; starting it again")
        kept.under_way = PartAction.START
        try:
            kept.launch()
        finally:
            kept.under_way = None
        if kept.is_ready is None:
            self._tell(f"{kept.name} is back")
        else:
            self._returning.add(kept.name)

    def _count_fall(self, kept: Kept) -> None:
        if self._restarts_max is None:
            return
        now = time.monotonic()
        self._restarts.append((kept.name, now))
        recent = [at for name, at in self._restarts if name == kept.name and now - at < RESTARTS_WINDOW_SECONDS]
        if len(recent) > self._restarts_max:
            raise PartError(f"{kept.name} has ended {len(recent)} times within a minute; its log is in the folder.")

    def _welcome(self) -> None:
        for name in sorted(self._returning):
            kept = self.parts[name]
            if kept.is_ready is not None and not kept.part.is_frozen() and kept.is_ready():
                self._returning.discard(name)
                self._tell(f"{name} is back")


EMBEDDED_BROKER_RULE: Final = translatable(
    "The embedded broker keeps its log in memory and restarts at another address, which disconnects every client. "
    "Start the demo with --kafka apache to stop or kill the broker."
)


def _kept(network: Network, tell: Callable[[str], None]) -> list[Kept]:
    services = [
        *(Kept(hub, PartKind.HUB, hub.launch, hub.is_ready) for hub in (*network.hubs, *network.hub_consumers)),
        *(
            Kept(service, PartKind.BANK, service.launch, service.is_ready)
            for bank in network.banks
            for service in bank.services
        ),
    ]

    def start_broker() -> None:
        address = network.broker.bootstrap_servers
        network.broker.start()
        if network.broker.bootstrap_servers == address:
            return
        tell("The broker has another address now: starting the hub and the banks again")
        for each in services:
            each.is_to_end = True
        for service in network.services:
            service.request_stop()
        for service in network.services:
            service.stop()

    embedded = network.settings.kafka is KafkaKind.EMBEDDED
    deadly = (PartAction.START, PartAction.STOP, PartAction.KILL)
    refused = dict.fromkeys(deadly, EMBEDDED_BROKER_RULE) if embedded else {}
    return [
        Kept(network.postgres, PartKind.DATABASE, network.postgres.start),
        Kept(network.broker, PartKind.BROKER, start_broker, refused=refused),
        *services,
    ]
