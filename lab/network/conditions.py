"""How each part of a network is at the moment, and since when: what the lab's panel shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

from lab.network.parts.errors import PartError
from lab.network.services import Service
from lab.network.supervisor import Keeper, Kept, KeptPart, PartAction, PartKind

LOOK_SECONDS: Final = 0.2
ASK_SECONDS: Final = 0.5
"""Between two questions to a service that is not ready."""
ASK_READY_SECONDS: Final = 3.0
"""The same while it is: each answer costs it a look at its database and at its broker."""
ANSWER_SECONDS_MAX: Final = 2.0


class Condition(StrEnum):
    """How a part is."""

    STARTING = "starting"
    READY = "ready"
    UNWELL = "unwell"
    """It runs and was ready before; now it says that something which it needs is away, or says nothing."""
    FROZEN = "frozen"
    STOPPING = "stopping"
    DEAD = "dead"
    """It has ended, and will be started again."""
    HELD = "held"
    """It is down until somebody starts it."""


@dataclass(frozen=True, slots=True)
class PartReport:
    """A part at a moment."""

    name: str
    kind: PartKind
    condition: Condition
    detail: str
    """What a service says is wrong; empty otherwise."""
    pid: int | None
    since_ms: int
    """Since when it is so, in Unix milliseconds."""
    restarts: int
    """How often it ended without anybody's doing here."""
    refused: Mapping[PartAction, str] = field(default_factory=dict)
    """What can never be done to it, each with the reason."""

    @property
    def actions(self) -> tuple[PartAction, ...]:
        """What can be done to it now."""
        possible: dict[Condition, tuple[PartAction, ...]] = {
            Condition.FROZEN: (PartAction.THAW, PartAction.KILL),
            Condition.DEAD: (),
            Condition.STOPPING: (PartAction.KILL,),
            Condition.HELD: (PartAction.START,),
        }
        usual = (PartAction.KILL, PartAction.FREEZE, PartAction.STOP)
        return tuple(action for action in possible.get(self.condition, usual) if action not in self.refused)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a service has said of itself, in one life of its process."""

    pid: int
    is_ready: bool
    was_ready: bool
    detail: str = ""


class Conditions:
    """Watches every part of a keeper; its `works` run in threads of their own."""

    def __init__(self, keeper: Keeper, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._keeper = keeper
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._answers: dict[str, _Answer] = {}
        self._reports: dict[str, PartReport] = {}
        self.look()

    def reports(self) -> list[PartReport]:
        """Every part, as of the last look."""
        with self._lock:
            return list(self._reports.values())

    def report(self, name: str) -> PartReport:
        """One part. Raises KeyError."""
        with self._lock:
            return self._reports[name]

    def works(self) -> list[Callable[[threading.Event], None]]:
        """What watches until told to stop."""
        services = [kept.part for kept in self._keeper.parts.values() if isinstance(kept.part, Service)]
        return [self._keep_looking, *(partial(self._keep_asking, service) for service in services)]

    def _keep_looking(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Looks at each process."""
        for kept in self._keeper.parts.values():
            pid = _pid_of(kept.part)
            condition, detail = self._condition(kept, pid)
            with self._lock:
                before = self._reports.get(kept.name)
                is_same = before is not None and (before.condition, before.pid) == (condition, pid)
                self._reports[kept.name] = PartReport(
                    name=kept.name,
                    kind=kept.kind,
                    condition=condition,
                    detail=detail,
                    pid=pid,
                    since_ms=before.since_ms if before is not None and is_same else self._now_ms(),
                    restarts=kept.restarts,
                    refused=kept.refused,
                )

    def _condition(self, kept: Kept, pid: int | None) -> tuple[Condition, str]:
        if pid is None:
            if kept.under_way is PartAction.START:
                return Condition.STARTING, ""
            return (Condition.HELD if kept.is_held else Condition.DEAD), ""
        if kept.part.is_frozen():
            return Condition.FROZEN, ""
        if kept.under_way is PartAction.STOP:
            return Condition.STOPPING, ""
        if not isinstance(kept.part, Service):
            return (Condition.STARTING if kept.under_way is PartAction.START else Condition.READY), ""
        with self._lock:
            answer = self._answers.get(kept.name)
        if answer is None or answer.pid != pid:
            return Condition.STARTING, ""
        if answer.is_ready:
            return Condition.READY, ""
        return (Condition.UNWELL if answer.was_ready else Condition.STARTING), answer.detail

    def _keep_asking(self, service: Service, stop: threading.Event) -> None:
        is_ready = False
        while not stop.wait(ASK_READY_SECONDS if is_ready else ASK_SECONDS):
            is_ready = self.ask(service)

    def ask(self, service: Service) -> bool:
        """Asks a service how it is; whether it is ready."""
        pid = _pid_of(service)
        if pid is None or service.is_frozen():
            return False
        is_ready, detail = service.ask_health(ANSWER_SECONDS_MAX)
        with self._lock:
            before = self._answers.get(service.name)
            was_ready = before is not None and before.pid == pid and before.was_ready
            self._answers[service.name] = _Answer(pid, is_ready, is_ready or was_ready, detail)
        return is_ready


def _pid_of(part: KeptPart) -> int | None:
    """None when it does not run, or is being started at this very moment."""
    try:
        return part.pid if part.is_running() else None
    except PartError:
        return None
