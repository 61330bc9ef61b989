"""The tasks of a cluster's panel: a round of faults, a plan of them by a seed, or an audit; one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from lab.drive.customers import Population
from lab.drive.payments import Payment, good_payments
from lab.network.cluster.state import ClusterReport
from lab.panel.tasks import AUDIT_QUIET_SECONDS, Busy, LabTask, TaskKind, Tasks
from lab.prove.cluster.board import FAILURES, FaultBoard, FaultState, NothingStands
from lab.prove.cluster.injector import ClusterInjector
from lab.prove.cluster.plan import ClusterFault, Group, Kind
from lab.prove.cluster.rounds import PayingCluster, Round, RoundInterrupted, RoundResult
from lab.prove.cluster.times import FaultTimes
from lab.prove.cluster.trial import TrialOptions, faults_of, payments_of
from lab.read.rest import Refused
from pix.web.marks import translatable

STAND_SECONDS_MAX: Final = 300.0
"""A fault that people have injected is undone after so long."""
RATE_PER_SECOND: Final = 5.0
"""Payments while faults of people stand."""
PAYMENTS_MAX: Final = 3_000
"""Of a round; a fault that stands for longer than these last is left without payments."""
TIMES_KEPT_MAX: Final = 500
UNDO_SECONDS_MAX: Final = 300.0
"""Until every fault is undone when the lab ends."""
KINDS_OF_PANEL: Final = tuple(kind for kind in Kind if kind is not Kind.ROLLING_UPGRADE)
"""An upgrade needs an older version, which the cluster would have to be started with."""
GROUPS_OF_PANEL: Final = tuple(group for group in Group if group is not Group.UPGRADE)


class PanelCluster(PayingCluster, Protocol):
    """What the panel needs of a cluster."""

    @property
    def hub_url(self) -> str:
        """Of the first hub's pages."""

    def report(self) -> ClusterReport:
        """The hosts, their parts and the links as they are now."""


@dataclass(frozen=True, slots=True)
class Play:
    """What a task plays, for people."""

    name: str
    title: str
    watch: str


FAULTS: Final = Play(
    "faults",
    translatable("Faults by hand"),
    translatable("Payments go on while a fault stands. Undo it, and watch the recovery and the audit."),
)
PLAN: Final = Play(
    "plan",
    translatable("Planned faults"),
    translatable("The seed decides the faults and the payments. After each fault everything recovers and is audited."),
)


@dataclass(frozen=True, slots=True)
class ClusterTask(LabTask):
    options: TrialOptions | None = None
    """Of a plan."""
    faults: tuple[FaultState, ...] = ()
    """Of the round that is going on, or of the last one."""
    rounds: tuple[RoundResult, ...] = ()
    """Those that are over."""
    rounds_planned: int = 1
    paid: int = 0
    """Payments that are answered in the round that is going on."""

    @property
    def numbers(self) -> Mapping[str, int]:
        if not self.rounds:
            return {}
        return {
            "payments": sum(each.transfers for each in self.rounds),
            "payments_completed": sum(each.outcomes.get("completed", 0) for each in self.rounds),
            "customers_asked_again": sum(each.retries for each in self.rounds),
            "duplicates_ignored": sum(each.duplicates for each in self.rounds),
        }

    @property
    def is_ok(self) -> bool:
        """Whether the audit is green; of faults, whether each was undone, recovered from, and lost nothing."""
        if self.failures or self.report is None or self.report.moving:
            return False
        return self.report.is_ok and all(each.is_ok for each in self.rounds)

    @property
    def times(self) -> list[FaultTimes]:
        return [times for each in self.rounds for times in each.times]


class ClusterTasks(Tasks[ClusterTask]):
    """Thread-safe."""

    def __init__(
        self,
        cluster: PanelCluster,
        on_over: Callable[[ClusterTask], object] = lambda _: None,
        quiet_seconds_max: float = AUDIT_QUIET_SECONDS,
    ) -> None:
        """`on_over` is given each task that is over, but for one that the end of the lab has interrupted."""
        super().__init__(lambda task: None if self._closing.is_set() else on_over(task))
        self._cluster = cluster
        self._quiet_seconds_max = quiet_seconds_max
        self._closing = threading.Event()
        self._calm = threading.Event()
        """Set while no fault stands."""
        self._calm.set()
        self._board: FaultBoard | None = None
        self._round: Round | None = None
        self._began_ms = time.time_ns() // 1_000_000
        self._times: list[FaultTimes] = []

    @property
    def task(self) -> ClusterTask | None:
        """With how far its payments are."""
        round_now = self._round
        return self._change(paid=round_now.paid) if round_now is not None else super().task

    @property
    def times(self) -> Sequence[FaultTimes]:
        """Of the faults of all tasks of this start, oldest first; at most the last `TIMES_KEPT_MAX`."""
        with self._lock:
            return tuple(self._times)

    def strike(
        self, kind: Kind, target: int = 0, far_hosts: Sequence[str] = (), *, is_forced: bool = False
    ) -> ClusterTask:
        """Begins a round with this fault, which stands until `undo`, or for `STAND_SECONDS_MAX`.

        `target` is an index of `targets_of`. While faults of people stand, a forced one joins their round. Raises
        `Busy` and `BoardRefused`.
        """
        fault = ClusterFault(kind, target, target, STAND_SECONDS_MAX, tuple(far_hosts))
        task, board = self.task, self._board
        if is_forced and task is not None and not task.is_over and task.kind is TaskKind.FAULT and board is not None:
            board.add(fault)
            return self.task or task

        def work(ends: threading.Event) -> None:
            population = Population.of(self._cluster.rest)
            name = f"panel-{self._began_ms}-{self._number}"
            payments = good_payments(population, PAYMENTS_MAX, Random(name), name)
            self._play_round(payments, RATE_PER_SECOND, [fault], ends, pays_all=False)

        return self._start(lambda number, at_ms: ClusterTask(number, TaskKind.FAULT, FAULTS, at_ms), work)

    def play(self, options: TrialOptions) -> ClusterTask:
        """Begins the plan of this seed: a round for each of its faults, with an equal share of its payments.

        Raises `Busy`.
        """
        faults = faults_of(options)

        def work(ends: threading.Event) -> None:
            payments = payments_of(self._cluster, options, f"plan-{self._began_ms}-{self._number}")
            share = -(-len(payments) // len(faults))
            for number, fault in enumerate(faults):
                if ends.is_set():
                    return
                self._reporter()(translatable("Fault {} of {}"), str(number + 1), str(len(faults)))
                part = payments[number * share : (number + 1) * share]
                self._play_round(part, options.rate_per_second, [fault], ends, pays_all=True)

        def make(number: int, at_ms: int) -> ClusterTask:
            return ClusterTask(number, TaskKind.PLAN, PLAN, at_ms, options=options, rounds_planned=len(faults))

        return self._start(make, work)

    def audit(self) -> ClusterTask:
        """Begins to audit. Raises `Busy`."""

        def work(_ends: threading.Event) -> None:
            self._audit(self._cluster.reader(), self._quiet_seconds_max)

        return self._start(lambda number, at_ms: ClusterTask(number, TaskKind.AUDIT, None, at_ms), work)

    def undo(self, number: int) -> None:
        """Asks for the undoing of a fault of the round, and does not wait. Raises `BoardRefused`, `NothingStands`."""
        if self._board is None:
            raise NothingStands
        self._board.undo(number)

    def stop(self) -> None:
        """Undoes what stands, and begins no further round; the round that goes on is finished with its audit."""
        super().stop()
        if self._board is not None:
            self._board.undo_all()

    def close(self) -> None:
        """Undoes what stands, gives up the rest, and returns when nothing is broken any more."""
        self._closing.set()
        self.stop()
        self._calm.wait(UNDO_SECONDS_MAX)

    def _start(self, make: Callable[[int, int], ClusterTask], work: Callable[[threading.Event], None]) -> ClusterTask:
        if self._closing.is_set():
            raise Busy

        def reporting(ends: threading.Event) -> None:
            try:
                work(ends)
            except RoundInterrupted:
                self._change(is_interrupted=True)
            except (*FAILURES, Refused, LookupError) as error:
                self._fail(str(error))

        return self._begin(make, reporting)

    def _play_round(
        self,
        payments: Sequence[Payment],
        rate_per_second: float,
        faults: Sequence[ClusterFault],
        ends: threading.Event,
        *,
        pays_all: bool,
    ) -> None:
        """Plays one round, whose faults are on the board, and adds its result to the task."""
        report_step = self._reporter()
        board = FaultBoard(report_step, lambda: self._show(board))
        for fault in faults:
            board.add(fault)
        played = Round(self._cluster, payments, rate_per_second, report_step, self._closing)
        self._round, self._board = played, board
        self._calm.clear()
        if ends.is_set():
            board.undo_all()

        def inject(injector: ClusterInjector) -> None:
            try:
                board.run(injector, self._closing)
            finally:
                self._calm.set()

        try:
            result = played.run(inject, pays_all=lambda: pays_all and not ends.is_set())
        finally:
            self._calm.set()
            self._round = self._board = None
            self._change(paid=played.paid)
            for failure in board.failures:
                self._fail(failure)
        with self._lock:
            task = self._task
            self._times = [*self._times, *result.times][-TIMES_KEPT_MAX:]
        before = () if task is None else task.rounds
        # The first audit that is not green is the one to look at.
        shown = next((each for each in (*before, result) if not each.is_ok), result)
        self._change(rounds=(*before, result), report=shown.report)
        for failure in (*result.not_ready, *result.unexpected[:10]):
            self._fail(failure)

    def _show(self, board: FaultBoard) -> None:
        self._change(faults=board.faults)

    def _fail(self, sentence: str) -> None:
        with self._lock:
            failures = () if self._task is None else self._task.failures
        self._change(failures=(*failures, sentence))
