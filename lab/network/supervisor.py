"""Supervises a network's parts: restarts those that end, as a container platform does, and acts on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from lab.network.network import KafkaKind, Network
from lab.network.parts.errors import PartError
from lab.network.parts.process import Child
from pix.web.marks import translatable

LOOK_SECONDS: Final = 0.2
RESTARTS_MAX: Final = 5
"""Of one part within `RESTARTS_WINDOW_SECONDS`; a part that keeps ending is not helped by another restart."""
RESTARTS_WINDOW_SECONDS: Final = 60.0


class PartKind(StrEnum):
    DATABASE = "database"
    BROKER = "broker"
    HUB = "hub"
    BANK = "bank"


class PartAction(StrEnum):
    START = "start"
    """Starts what was stopped; from then on it is kept running."""
    STOP = "stop"
    """Ends it in good order, and keeps it down until it is started."""
    KILL = "kill"
    """SIGKILL; the supervisor starts it again unless it is held."""
    FREEZE = "freeze"
    """SIGSTOP: its connections stay open, and it answers none of them."""
    THAW = "thaw"


class ActionRefused(Exception):
    """The action is not possible on this part, or not in its present state; `rule` says why."""

    def __init__(self, part: str, action: PartAction, rule: str) -> None:
        self.part = part
        self.action = action
        self.rule = rule
        super().__init__(f"{part}: {rule}")


class SupervisedPart:
    def __init__(
        self,
        part: Child,
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
        """One action on a part at a time."""
        self.is_held = False
        """It is not restarted."""
        self.end_is_expected = False
        """It was held or killed by us, so its end counts as no restart."""
        self.action_in_progress: PartAction | None = None
        self.restarts = 0

    @property
    def name(self) -> str:
        return self.part.name


class Supervisor:
    """One for a network; thread-safe."""

    def __init__(
        self,
        parts: Iterable[SupervisedPart],
        progress: Callable[[str], None] = lambda _: None,
        restarts_max: int | None = None,
    ) -> None:
        """`parts` are in the order in which they need each other.

        With `restarts_max`, more restarts of a part within a minute are an error.
        """
        self._progress = progress
        self._restarts_max = restarts_max
        self._restarts: list[tuple[str, float]] = []
        self._awaiting_ready: set[str] = set()
        """Services that were started again and have not yet said that they are ready."""
        self.failures: list[PartError] = []
        """Of `run`: what could not be started again."""
        self.parts: dict[str, SupervisedPart] = {supervised.name: supervised for supervised in parts}
        """By name."""

    @classmethod
    def of(
        cls, network: Network, progress: Callable[[str], None] = lambda _: None, restarts_max: int | None = None
    ) -> Supervisor:
        return cls(_supervised_parts(network, progress), progress, restarts_max)

    # For plans and scenarios.

    def hold(self, name: str) -> None:
        with self.parts[name].lock:
            self.parts[name].is_held = self.parts[name].end_is_expected = True

    def release(self, name: str) -> None:
        """Restarts this part again when it has ended; the next check starts it."""
        with self.parts[name].lock:
            self.parts[name].is_held = False

    @property
    def restarts(self) -> dict[str, int]:
        """Per part, how often it ended unexpectedly and was restarted."""
        return {name: supervised.restarts for name, supervised in self.parts.items() if supervised.restarts}

    # For people.

    def act(self, name: str, action: PartAction, *, hold: bool = False) -> None:
        """Does it, and returns when it is done; a start returns when the process exists.

        `hold` is for a kill: the part then stays down as after a stop. Raises `ActionRefused`, `PartError`, KeyError.
        """
        supervised = self.parts[name]
        if action in supervised.refused:
            raise ActionRefused(name, action, supervised.refused[action])
        with self._performing(supervised, action):
            if (rule := _why_not(supervised, action)) is not None:
                raise ActionRefused(name, action, rule)
            match action:
                case PartAction.START:
                    supervised.is_held = False
                    supervised.launch()
                case PartAction.STOP:
                    supervised.is_held = True
                    supervised.part.stop()
                case PartAction.KILL:
                    supervised.is_held, supervised.end_is_expected = hold, True
                    supervised.part.kill()
                case PartAction.FREEZE:
                    supervised.part.freeze()
                case PartAction.THAW:
                    supervised.part.thaw()

    @contextmanager
    def _performing(self, supervised: SupervisedPart, action: PartAction) -> Iterator[None]:
        with supervised.lock:
            supervised.action_in_progress = action
            try:
                yield
            finally:
                supervised.action_in_progress = None

    # Keeping.

    def run(self, stop: threading.Event) -> None:
        """Checks until `stop` is set; what cannot be restarted is added to `failures`, and tried again."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.check()
            except PartError as failure:
                # Told to stop meanwhile: what is being stopped for good cannot be started again.
                if not stop.is_set():
                    self.failures.append(failure)

    def watch(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Checks until interrupted, or until it is over. Raises `PartError` when a part does not stay up."""
        while not is_over():
            self.check()
            time.sleep(LOOK_SECONDS)

    def check(self) -> None:
        """Restarts what has ended since the last check. Raises `PartError`."""
        for supervised in self.parts.values():
            # An action on it is in progress.
            if supervised.lock.acquire(blocking=False):
                try:
                    if not supervised.is_held:
                        if not supervised.part.is_running():
                            self._restart(supervised)
                        supervised.end_is_expected = False
                finally:
                    supervised.lock.release()
        self._report_ready()

    def _restart(self, supervised: SupervisedPart) -> None:
        if not supervised.end_is_expected:
            supervised.restarts += 1
            self._count_restart(supervised)
        self._progress(f"{supervised.name} has ended; starting it again")
        supervised.action_in_progress = PartAction.START
        try:
            supervised.launch()
        finally:
            supervised.action_in_progress = None
        if supervised.is_ready is None:
            self._progress(f"{supervised.name} is back")
        else:
            self._awaiting_ready.add(supervised.name)

    def _count_restart(self, supervised: SupervisedPart) -> None:
        if self._restarts_max is None:
            return
        now = time.monotonic()
        self._restarts.append((supervised.name, now))
        recent = [at for name, at in self._restarts if name == supervised.name and now - at < RESTARTS_WINDOW_SECONDS]
        if len(recent) > self._restarts_max:
            raise PartError(
                f"{supervised.name} has ended {len(recent)} times within a minute; its log is in the folder."
            )

    def _report_ready(self) -> None:
        for name in sorted(self._awaiting_ready):
            supervised = self.parts[name]
            if supervised.is_ready is not None and not supervised.part.is_frozen() and supervised.is_ready():
                self._awaiting_ready.discard(name)
                self._progress(f"{name} is back")


def _why_not(supervised: SupervisedPart, action: PartAction) -> str | None:
    """The rule by which the part's present state refuses the action."""
    is_running, is_frozen = supervised.part.is_running(), supervised.part.is_frozen()
    match action:
        case PartAction.START if is_running:
            return translatable("It is already running.")
        case PartAction.STOP if supervised.is_held and not is_running:
            return translatable("It is already stopped.")
        case PartAction.KILL | PartAction.FREEZE if not is_running:
            return translatable("It is not running.")
        case PartAction.FREEZE if is_frozen:
            return translatable("It is already frozen.")
        case PartAction.THAW if not is_frozen:
            return translatable("It is not frozen.")
        case _:
            return None


EMBEDDED_BROKER_RULE: Final = translatable(
    "The embedded broker keeps its log in memory and restarts at another address, which disconnects every client. "
    "Start the demo with --kafka apache to stop or kill the broker."
)


def _supervised_parts(network: Network, progress: Callable[[str], None]) -> list[SupervisedPart]:
    services = [
        *(
            SupervisedPart(hub, PartKind.HUB, hub.launch, hub.is_ready)
            for hub in (*network.hubs, *network.hub_consumers)
        ),
        *(
            SupervisedPart(service, PartKind.BANK, service.launch, service.is_ready)
            for bank in (*network.banks, *network.course_banks)
            for service in bank.services
        ),
    ]

    def start_broker() -> None:
        address = network.broker.bootstrap_servers
        network.broker.start()
        if network.broker.bootstrap_servers == address:
            return
        progress("The broker has another address now: starting the hub and the banks again")
        for each in services:
            each.end_is_expected = True
        for service in network.services:
            service.request_stop()
        for service in network.services:
            service.stop()

    embedded = network.settings.kafka is KafkaKind.EMBEDDED
    deadly = (PartAction.START, PartAction.STOP, PartAction.KILL)
    refused = dict.fromkeys(deadly, EMBEDDED_BROKER_RULE) if embedded else {}
    return [
        SupervisedPart(network.postgres, PartKind.DATABASE, network.postgres.start),
        SupervisedPart(network.broker, PartKind.BROKER, start_broker, refused=refused),
        *services,
    ]
