"""The health of each part of a network, and since when: what the lab's panel shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

from lab.network.parts.errors import PartError
from lab.network.parts.process import Child
from lab.network.services import Service
from lab.network.supervisor import PartAction, PartKind, SupervisedPart, Supervisor

LOOK_SECONDS: Final = 0.2
ASK_SECONDS: Final = 0.5
"""Between two health probes of a service that is not ready."""
ASK_READY_SECONDS: Final = 3.0
"""The same while it is: each probe costs it a query of its database and of its broker."""
ANSWER_SECONDS_MAX: Final = 2.0


class Condition(StrEnum):
    STARTING = "starting"
    READY = "ready"
    UNWELL = "unwell"
    """It runs and was ready before; now its health probe fails."""
    FROZEN = "frozen"
    STOPPING = "stopping"
    DEAD = "dead"
    """It has ended, and will be started again."""
    HELD = "held"
    """It is down until it is started."""


@dataclass(frozen=True, slots=True)
class PartReport:
    name: str
    kind: PartKind
    condition: Condition
    detail: str
    """What a service says is wrong; empty otherwise."""
    pid: int | None
    since_ms: int
    """Since when it is so, in Unix milliseconds."""
    restarts: int
    refused: Mapping[PartAction, str] = field(default_factory=dict)
    """Actions that are never possible, each with the reason."""

    @property
    def actions(self) -> tuple[PartAction, ...]:
        possible: dict[Condition, tuple[PartAction, ...]] = {
            Condition.FROZEN: (PartAction.THAW, PartAction.KILL),
            Condition.DEAD: (),
            Condition.STOPPING: (PartAction.KILL,),
            Condition.HELD: (PartAction.START,),
        }
        usual = (PartAction.KILL, PartAction.FREEZE, PartAction.STOP)
        return tuple(action for action in possible.get(self.condition, usual) if action not in self.refused)


@dataclass(frozen=True, slots=True)
class _ProbeResult:
    """The last health probe of a service, in one run of its process."""

    pid: int
    is_ready: bool
    was_ready: bool
    detail: str = ""


class HealthMonitor:
    """Probes every part of a supervisor; its `works` run in threads of their own."""

    def __init__(self, supervisor: Supervisor, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._supervisor = supervisor
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._probe_results: dict[str, _ProbeResult] = {}
        self._reports: dict[str, PartReport] = {}
        self.check()

    def reports(self) -> list[PartReport]:
        """Every part, as of the last check."""
        with self._lock:
            return list(self._reports.values())

    def report(self, name: str) -> PartReport:
        """One part. Raises KeyError."""
        with self._lock:
            return self._reports[name]

    def works(self) -> list[Callable[[threading.Event], None]]:
        services = [
            supervised.part for supervised in self._supervisor.parts.values() if isinstance(supervised.part, Service)
        ]
        return [self._run_checks, *(partial(self._run_probes, service) for service in services)]

    def _run_checks(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            self.check()

    def check(self) -> None:
        for supervised in self._supervisor.parts.values():
            pid = _pid_of(supervised.part)
            condition, detail = self._condition(supervised, pid)
            with self._lock:
                before = self._reports.get(supervised.name)
                is_same = before is not None and (before.condition, before.pid) == (condition, pid)
                self._reports[supervised.name] = PartReport(
                    name=supervised.name,
                    kind=supervised.kind,
                    condition=condition,
                    detail=detail,
                    pid=pid,
                    since_ms=before.since_ms if before is not None and is_same else self._now_ms(),
                    restarts=supervised.restarts,
                    refused=supervised.refused,
                )

    def _condition(self, supervised: SupervisedPart, pid: int | None) -> tuple[Condition, str]:
        if pid is None:
            if supervised.action_in_progress is PartAction.START:
                return Condition.STARTING, ""
            return (Condition.HELD if supervised.is_held else Condition.DEAD), ""
        if supervised.part.is_frozen():
            return Condition.FROZEN, ""
        if supervised.action_in_progress is PartAction.STOP:
            return Condition.STOPPING, ""
        if not isinstance(supervised.part, Service):
            return (Condition.STARTING if supervised.action_in_progress is PartAction.START else Condition.READY), ""
        with self._lock:
            answer = self._probe_results.get(supervised.name)
        if answer is None or answer.pid != pid:
            return Condition.STARTING, ""
        if answer.is_ready:
            return Condition.READY, ""
        return (Condition.UNWELL if answer.was_ready else Condition.STARTING), answer.detail

    def _run_probes(self, service: Service, stop: threading.Event) -> None:
        is_ready = False
        while not stop.wait(ASK_READY_SECONDS if is_ready else ASK_SECONDS):
            is_ready = self.probe(service)

    def probe(self, service: Service) -> bool:
        pid = _pid_of(service)
        if pid is None or service.is_frozen():
            return False
        is_ready, detail = service.ask_health(ANSWER_SECONDS_MAX)
        with self._lock:
            before = self._probe_results.get(service.name)
            was_ready = before is not None and before.pid == pid and before.was_ready
            self._probe_results[service.name] = _ProbeResult(pid, is_ready, is_ready or was_ready, detail)
        return is_ready


def _pid_of(part: Child) -> int | None:
    """None when it does not run, or is being started at this very moment."""
    try:
        return part.pid if part.is_running() else None
    except PartError:
        return None
