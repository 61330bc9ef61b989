"""The panel's tasks: one scenario or one audit at a time, with its steps as they happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

from lab.drive.generator.generator import Generator
from lab.prove.scenarios.context import ScenarioInterrupted
from lab.prove.scenarios.runner import ScenarioRunner
from lab.prove.scenarios.scenario import Scenario, ScenarioResult, Step
from lab.read.audit import AuditReport
from lab.read.rest import Refused, Unreachable
from lab.read.snapshot import NetworkReader, StepReporter
from pix.web.marks import translatable

AUDIT_QUIET_SECONDS: Final = 30.0
PACE_FOR_PEOPLE: Final = 1.0


class TaskKind(StrEnum):
    SCENARIO = "scenario"
    AUDIT = "audit"
    FAULT = "fault"
    """Of a cluster: faults that people inject and undo."""
    PLAN = "plan"
    """Of a cluster: faults by a seed."""


class Playable(Protocol):
    """What a task plays; its texts are in the catalogue of the pages' texts."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def watch(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LabTask:
    number: int
    """Of this panel's tasks."""
    kind: TaskKind
    scenario: Playable | None
    """None of an audit."""
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
    def numbers(self) -> Mapping[str, int]:
        """Figures by name; the last word of a name is its unit."""
        return {} if self.result is None else self.result.numbers

    @property
    def is_ok(self) -> bool:
        if self.result is not None:
            return self.result.is_ok
        return self.report is not None and self.report.is_ok and not self.report.moving


class Busy(Exception):
    """Something else is going on; one thing at a time."""

    rule = translatable("Another run is in progress. Wait or cancel it.")


Task = TypeVar("Task", bound=LabTask)


class Tasks(Generic[Task]):
    """One task at a time, in a thread; thread-safe."""

    def __init__(self, on_over: Callable[[Task], object]) -> None:
        """`on_over` is given each task that is over."""
        self._on_over = on_over
        self._lock = threading.Lock()
        self._task: Task | None = None
        self._ends = threading.Event()
        self._number = 0
        self._began = 0.0

    @property
    def task(self) -> Task | None:
        """The one that is going on, or the last one; None before the first."""
        with self._lock:
            return self._task

    def stop(self) -> None:
        """The task that is going on is given up; what it has broken is mended."""
        with self._lock:
            self._ends.set()

    def _begin(self, make: Callable[[int, int], Task], work: Callable[[threading.Event], None]) -> Task:
        """Begins the task that `make` makes of its number and of the time in Unix milliseconds. Raises `Busy`."""
        with self._lock:
            if self._task is not None and not self._task.is_over:
                raise Busy
            self._number += 1
            self._began = time.monotonic()
            task = self._task = make(self._number, time.time_ns() // 1_000_000)
            ends = self._ends = threading.Event()

        def run() -> None:
            try:
                work(ends)
            finally:
                over = self._change(ended_ms=time.time_ns() // 1_000_000)
                if over is not None:
                    self._on_over(over)

        threading.Thread(target=run, daemon=True).start()
        return task

    def _progress(self, step: Step) -> None:
        with self._lock:
            if self._task is not None:
                self._task = replace(self._task, steps=(*self._task.steps, step))

    def _change(self, **values: object) -> Task | None:
        with self._lock:
            if self._task is not None:
                self._task = replace(self._task, **values)  # type: ignore[arg-type]
            return self._task

    def _audit(self, reader: NetworkReader, quiet_seconds_max: float) -> None:
        """Audits as the work of a task."""
        try:
            report = reader.audit(quiet_seconds_max, self._reporter())
        except (Unreachable, Refused) as error:
            self._change(failures=(str(error),))
        else:
            self._change(report=report)

    def _reporter(self) -> StepReporter:
        """Adds steps to the task, with the time since it began."""
        began = self._began

        def report_step(text: str, *values: object) -> None:
            self._progress(Step(time.monotonic() - began, text, values))

        return report_step


class TaskRunner(Tasks[LabTask]):
    """Plays scenarios and audits."""

    def __init__(
        self,
        runner: ScenarioRunner,
        reader: NetworkReader,
        generator: Generator,
        quiet_seconds_max: float = AUDIT_QUIET_SECONDS,
        on_over: Callable[[LabTask], object] = lambda _: None,
    ) -> None:
        """An audit waits for quiet so long at most; `on_over` is given each task that is over."""
        super().__init__(on_over)
        self._quiet_seconds_max = quiet_seconds_max
        self._runner = runner
        self._reader = reader
        self._generator = generator

    def run(self, scenario: Scenario, pace: float = PACE_FOR_PEOPLE) -> LabTask:
        """Begins to play it. Raises `Busy`."""

        def work(ends: threading.Event) -> None:
            try:
                result = self._runner.run(scenario, self._progress, pace=pace, ends=ends)
            except ScenarioInterrupted:
                self._change(is_interrupted=True)
            else:
                self._change(result=result, report=result.report, failures=tuple(result.failures))

        return self._begin(lambda number, at_ms: LabTask(number, TaskKind.SCENARIO, scenario, at_ms), self._alone(work))

    def audit(self) -> LabTask:
        """Begins to audit. Raises `Busy`."""

        def work(_ends: threading.Event) -> None:
            self._audit(self._reader, self._quiet_seconds_max)

        return self._begin(lambda number, at_ms: LabTask(number, TaskKind.AUDIT, None, at_ms), self._alone(work))

    def _alone(self, work: Callable[[threading.Event], None]) -> Callable[[threading.Event], None]:
        """So that the sums are of one moment, and what was sent is what the scenario has sent."""

        def paused(ends: threading.Event) -> None:
            self._generator.pause()
            try:
                work(ends)
            finally:
                self._generator.resume()

        return paused
