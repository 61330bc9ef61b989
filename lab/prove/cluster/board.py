"""The faults of a round that people inject and undo: each stands until it is undone or its time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from lab.network.parts.errors import PartError
from lab.prove.cluster.injector import ClusterInjector, Mended, Standing
from lab.prove.cluster.plan import ClusterFault
from lab.read.rest import Unreachable
from lab.read.snapshot import StepReporter
from pix.web.marks import translatable

FAULTS_AT_ONCE_MAX: Final = 3
FAULTS_MAX: Final = 12
"""Of one round, one after the other or at the same time."""
POLL_SECONDS: Final = 0.25
FAILURES: Final = (PartError, Unreachable, OSError)
"""What can go wrong with the parts of a cluster; anything else is a mistake of ours."""


class Stage(StrEnum):
    STRIKING = translatable("striking")
    STANDS = translatable("stands")
    UNDOING = translatable("being undone")
    RECOVERING = translatable("recovering")
    OVER = translatable("over")
    FAILED = translatable("failed")
    """It could not be injected, or not be undone."""


@dataclass(frozen=True, slots=True)
class FaultState:
    number: int
    """In its round, from 1 on."""
    fault: ClusterFault
    target: str
    """What it hit; empty until it has."""
    stage: Stage
    from_ms: int
    until_ms: int
    """When it is undone at the latest."""


class BoardRefused(Exception):
    """A fault cannot be added to the round, or not be undone; `rule` says why."""

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule
        super().__init__(rule)


class NothingStands(Exception):
    """There is no fault to undo."""

    field = "number"
    rule = translatable("No fault stands.")


class FaultBoard:
    """Thread-safe: `run` works in the round's thread, `add` and `undo` are called by others."""

    def __init__(self, report_step: StepReporter, on_change: Callable[[], None] = lambda: None) -> None:
        self._report_step = report_step
        self._on_change = on_change
        self._changed = threading.Condition()
        self._faults: dict[int, FaultState] = {}
        self._to_undo: set[int] = set()
        self._is_closed = False
        self.failures: list[str] = []
        """What could not be injected or undone, each as a sentence."""

    @property
    def faults(self) -> tuple[FaultState, ...]:
        with self._changed:
            return tuple(self._faults.values())

    def add(self, fault: ClusterFault) -> int:
        """Its number; it strikes as soon as the round's thread comes to it. Raises `BoardRefused`."""
        with self._changed:
            open_faults = [each for each in self._faults.values() if each.stage in (Stage.STRIKING, Stage.STANDS)]
            if self._is_closed:
                raise BoardRefused("kind", translatable("The round recovers. Wait until its audit is done."))
            if len(open_faults) >= FAULTS_AT_ONCE_MAX or len(self._faults) >= FAULTS_MAX:
                raise BoardRefused("kind", translatable("The round has as many faults as it may have. Undo one."))
            number = len(self._faults) + 1
            now_ms = _now_ms()
            until_ms = now_ms + int(fault.seconds * 1_000)
            self._faults[number] = FaultState(number, fault, "", Stage.STRIKING, now_ms, until_ms)
            self._changed.notify_all()
        self._on_change()
        return number

    def undo(self, number: int) -> None:
        """Asks for it, and does not wait. Raises `BoardRefused`."""
        with self._changed:
            state = self._faults.get(number)
            if state is None:
                raise BoardRefused("number", translatable("No fault of this round has this number."))
            if state.stage not in (Stage.STRIKING, Stage.STANDS):
                raise BoardRefused("number", translatable("The fault is undone already."))
            self._to_undo.add(number)
            self._changed.notify_all()

    def undo_all(self) -> None:
        """Asks for it, and does not wait; no fault can be added any more."""
        with self._changed:
            self._is_closed = True
            self._to_undo.update(self._faults)
            self._changed.notify_all()

    def run(self, injector: ClusterInjector, ends: threading.Event) -> None:
        """Injects and undoes until nothing stands, and awaits the recoveries. Once `ends` is set, undoes at once."""
        standing: dict[int, Standing] = {}
        mended: list[tuple[int, Mended]] = []
        try:
            while (number := self._next(standing, ends)) is not None:
                if number in standing:
                    self._mend(number, standing, injector, mended)
                else:
                    self._strike(number, standing, injector)
        finally:
            self.undo_all()
            for number in list(standing):
                self._mend(number, standing, injector, mended)
        for number, each in mended:
            with suppress(*FAILURES):
                injector.await_recovery(each)
            self._change(number, stage=Stage.OVER)

    def _next(self, standing: dict[int, Standing], ends: threading.Event) -> int | None:
        """The next fault to strike or to undo; None once nothing stands."""
        with self._changed:
            while True:
                if ends.is_set():
                    self._is_closed = True
                    return next(iter(standing), None)
                now_ms = _now_ms()
                for number in standing:
                    if number in self._to_undo or self._faults[number].until_ms <= now_ms:
                        return number
                waiting = [each for each in self._faults.values() if each.stage is Stage.STRIKING]
                for state in waiting:
                    if state.number not in self._to_undo:
                        return state.number
                    self._faults[state.number] = replace(state, stage=Stage.OVER)
                if not standing:
                    self._is_closed = True
                    return None
                self._changed.wait(POLL_SECONDS)

    def _strike(self, number: int, standing: dict[int, Standing], injector: ClusterInjector) -> None:
        fault = self._faults[number].fault
        try:
            struck = injector.strike(fault)
        except FAILURES as error:
            self._fail(number, error)
            return
        standing[number] = struck
        self._report_step(translatable("Injected: {} ({})"), fault.kind.value, struck.target)
        until_ms = _now_ms() + int(fault.seconds * 1_000)
        self._change(number, stage=Stage.STANDS, target=struck.target, from_ms=struck.from_ms, until_ms=until_ms)

    def _mend(
        self, number: int, standing: dict[int, Standing], injector: ClusterInjector, mended: list[tuple[int, Mended]]
    ) -> None:
        struck = standing.pop(number)
        self._report_step(translatable("Undoing: {} ({})"), struck.fault.kind.value, struck.target)
        self._change(number, stage=Stage.UNDOING)
        try:
            mended.append((number, injector.mend(struck)))
        except FAILURES as error:
            self._fail(number, error)
            return
        self._change(number, stage=Stage.RECOVERING)

    def _fail(self, number: int, error: Exception) -> None:
        self.failures.append(str(error))
        self._change(number, stage=Stage.FAILED)

    def _change(self, number: int, **values: object) -> None:
        with self._changed:
            self._faults[number] = replace(self._faults[number], **values)  # type: ignore[arg-type]
        self._on_change()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
