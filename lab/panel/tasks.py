"""The panel's tasks: one scenario or one audit at a time, with its steps as they happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from lab.drive.generator.generator import Generator
from lab.prove.scenarios.context import ScenarioInterrupted
from lab.prove.scenarios.runner import ScenarioRunner
from lab.prove.scenarios.scenario import Scenario, ScenarioResult, Step
from lab.read.audit import AuditReport
from lab.read.rest import Refused, Unreachable
from lab.read.snapshot import NetworkReader
from pix.web.marks import translatable

AUDIT_QUIET_SECONDS: Final = 30.0
PACE_FOR_PEOPLE: Final = 1.0


class TaskKind(StrEnum):
    SCENARIO = "scenario"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class LabTask:
    number: int
    """Of this panel's tasks."""
    kind: TaskKind
    scenario: Scenario | None
    began_ms: int
    steps: tuple[Step, ...] = ()
    ended_ms: int | None = None
    result: ScenarioResult | None = None
    report: AuditReport | None = None
    failures: tuple[str, ...] = ()
    """Why there is no report, or what was otherwise than it must be."""
    is_interrupted: bool = False

    @property
    def is_over(self) -> bool:
        return self.ended_ms is not None

    @property
    def is_ok(self) -> bool:
        if self.result is not None:
            return self.result.is_ok
        return self.report is not None and self.report.is_ok and not self.report.moving


class Busy(Exception):
    """Something else is going on; one thing at a time."""

    rule = translatable("Another run is in progress. Wait or cancel it.")


class TaskRunner:
    """Starts tasks in threads; thread-safe."""

    def __init__(
        self,
        runner: ScenarioRunner,
        reader: NetworkReader,
        generator: Generator,
        quiet_seconds_max: float = AUDIT_QUIET_SECONDS,
        on_over: Callable[[LabTask], object] = lambda _: None,
    ) -> None:
        """An audit waits for quiet so long at most; `on_over` is given each task that is over."""
        self._on_over = on_over
        self._quiet_seconds_max = quiet_seconds_max
        self._runner = runner
        self._reader = reader
        self._generator = generator
        self._lock = threading.Lock()
        self._task: LabTask | None = None
        self._ends = threading.Event()
        self._number = 0

    @property
    def task(self) -> LabTask | None:
        """The one that is going on, or the last one; None before the first."""
        with self._lock:
            return self._task

    def run(self, scenario: Scenario, pace: float = PACE_FOR_PEOPLE) -> LabTask:
        """Begins to play it. Raises `Busy`."""

        def work(ends: threading.Event) -> None:
            try:
                result = self._runner.run(scenario, self._progress, pace=pace, ends=ends)
            except ScenarioInterrupted:
                self._change(is_interrupted=True)
            else:
                self._change(result=result, report=result.report, failures=tuple(result.failures))

        return self._begin(TaskKind.SCENARIO, scenario, work)

    def audit(self) -> LabTask:
        """Begins to audit. Raises `Busy`."""

        def work(_ends: threading.Event) -> None:
            began = time.monotonic()

            def progress(text: str, *values: object) -> None:
                self._progress(Step(time.monotonic() - began, text, values))

            try:
                report = self._reader.audit(self._quiet_seconds_max, progress)
            except (Unreachable, Refused) as error:
                self._change(failures=(str(error),))
            else:
                self._change(report=report)

        return self._begin(TaskKind.AUDIT, None, work)

    def stop(self) -> None:
        """The scenario that is going on is given up; what it has broken is mended."""
        with self._lock:
            self._ends.set()

    def _begin(self, kind: TaskKind, scenario: Scenario | None, work: Callable[[threading.Event], None]) -> LabTask:
        with self._lock:
            if self._task is not None and not self._task.is_over:
                raise Busy
            self._number += 1
            task = self._task = LabTask(self._number, kind, scenario, time.time_ns() // 1_000_000)
            ends = self._ends = threading.Event()

        def run() -> None:
            # So that the sums are of one moment, and what was sent is what the scenario has sent.
            self._generator.pause()
            try:
                work(ends)
            finally:
                self._generator.resume()
                over = self._change(ended_ms=time.time_ns() // 1_000_000)
                if over is not None:
                    self._on_over(over)

        threading.Thread(target=run, daemon=True).start()
        return task

    def _progress(self, step: Step) -> None:
        with self._lock:
            if self._task is not None:
                self._task = replace(self._task, steps=(*self._task.steps, step))

    def _change(self, **values: object) -> LabTask | None:
        with self._lock:
            if self._task is not None:
                self._task = replace(self._task, **values)  # type: ignore[arg-type]
            return self._task
