"""What the panel has going on: one scenario or one audit at a time, with its steps as they happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from lab.drive.generator.generator import Generator
from lab.prove.scenarios.player import Player
from lab.prove.scenarios.script import Scenario, ScenarioResult, Step
from lab.prove.scenarios.stage import ScenarioInterrupted, Stage
from lab.read.audit import AuditReport
from lab.read.rest import Refused, Unreachable
from lab.read.snapshot import Surveyor
from pix.web.marks import translatable

AUDIT_QUIET_SECONDS: Final = 30.0
PACE_FOR_PEOPLE: Final = 1.0


class ActKind(StrEnum):
    """What is going on."""

    SCENARIO = "scenario"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Act:
    """A scenario or an audit, while it runs or afterwards."""

    number: int
    """Of this panel's acts."""
    kind: ActKind
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
        """Whether it has ended."""
        return self.ended_ms is not None

    @property
    def is_ok(self) -> bool:
        """Whether it has ended as it must."""
        if self.result is not None:
            return self.result.is_ok
        return self.report is not None and self.report.is_ok and not self.report.moving


class Busy(Exception):
    """Something else is going on; one thing at a time."""

    rule = translatable("Another run is in progress. Wait or cancel it.")


class Programme:
    """Starts acts in threads of their own; thread-safe."""

    def __init__(
        self,
        player: Player,
        surveyor: Surveyor,
        generator: Generator,
        afterwards: ExitStack,
        quiet_seconds_max: float = AUDIT_QUIET_SECONDS,
    ) -> None:
        """`afterwards` is closed once the network has stopped: threads that still wait for it end there.

        An audit waits for quiet so long at most.
        """
        self._quiet_seconds_max = quiet_seconds_max
        self._player = player
        self._surveyor = surveyor
        self._generator = generator
        self._afterwards = afterwards
        self._lock = threading.Lock()
        self._act: Act | None = None
        self._ends = threading.Event()
        self._number = 0

    @property
    def act(self) -> Act | None:
        """The one that is going on, or the last one; None before the first."""
        with self._lock:
            return self._act

    def play(self, scenario: Scenario, pace: float = PACE_FOR_PEOPLE) -> Act:
        """Begins to play it. Raises `Busy`."""

        def work(ends: threading.Event) -> None:
            def open_stage(stage: Stage) -> None:
                self._afterwards.callback(stage.close)

            try:
                result = self._player.play(scenario, self._tell, pace=pace, ends=ends, open_stage=open_stage)
            except ScenarioInterrupted:
                self._change(is_interrupted=True)
            else:
                self._change(result=result, report=result.report, failures=tuple(result.failures))

        return self._begin(ActKind.SCENARIO, scenario, work)

    def audit(self) -> Act:
        """Begins to audit. Raises `Busy`."""

        def work(_ends: threading.Event) -> None:
            began = time.monotonic()

            def tell(text: str, *values: object) -> None:
                self._tell(Step(time.monotonic() - began, text, values))

            try:
                report = self._surveyor.audit(self._quiet_seconds_max, tell)
            except (Unreachable, Refused) as error:
                self._change(failures=(str(error),))
            else:
                self._change(report=report)

        return self._begin(ActKind.AUDIT, None, work)

    def stop(self) -> None:
        """The scenario that is going on is given up; what it has broken is mended."""
        with self._lock:
            self._ends.set()

    def _begin(self, kind: ActKind, scenario: Scenario | None, work: Callable[[threading.Event], None]) -> Act:
        with self._lock:
            if self._act is not None and not self._act.is_over:
                raise Busy
            self._number += 1
            act = self._act = Act(self._number, kind, scenario, time.time_ns() // 1_000_000)
            ends = self._ends = threading.Event()

        def run() -> None:
            # So that the sums are of one moment, and what was sent is what the scenario has sent.
            self._generator.hold_back()
            try:
                work(ends)
            finally:
                self._generator.go_on()
                self._change(ended_ms=time.time_ns() // 1_000_000)

        threading.Thread(target=run, daemon=True).start()
        return act

    def _tell(self, step: Step) -> None:
        with self._lock:
            if self._act is not None:
                self._act = replace(self._act, steps=(*self._act.steps, step))

    def _change(self, **values: object) -> None:
        with self._lock:
            if self._act is not None:
                self._act = replace(self._act, **values)  # type: ignore[arg-type]
