"""Plays a puzzle on a separate network, keeps it for the student to look at, and checks the answer."""

from __future__ import annotations

import queue
import tempfile
import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from lab.broken_banks.defects import Defect
from lab.broken_banks.stories import STORIES, Story
from lab.classroom.puzzle_traffic import PuzzleTraffic, ShownTransfer
from lab.classroom.puzzles import PUZZLES, Puzzle
from lab.network.network import Network, NetworkSettings
from lab.network.parts.errors import PartError
from lab.prove.conform.verdict import Failed
from lab.read.audit import AuditReport
from lab.read.rest import Refused, Unreachable, new_client
from lab.read.snapshot import NetworkReader
from pix.web.marks import translatable

AUDIT_SECONDS_MAX: Final = 6.0
RESEND_FIRST_SECONDS: Final = 1.0
RESEND_CAP_SECONDS: Final = 2.0
JOB_SECONDS: Final = 0.2
"""How often a room that does nothing looks whether it is to end."""


class PuzzleStage(StrEnum):
    IDLE = "idle"
    PLAYING = "playing"
    READY = "ready"


class PuzzleInProgress(Exception):
    rule = translatable("The puzzle is still being played.")


class NoSuchPuzzle(Exception):
    rule = translatable("There is no such puzzle.")


class NothingToAnswer(Exception):
    rule = translatable("Play a puzzle first.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the student has answered, and whether it is right."""

    code: str
    defect: Defect
    is_right_bank: bool
    is_right_defect: bool

    @property
    def is_right(self) -> bool:
        return self.is_right_bank and self.is_right_defect

    @property
    def story(self) -> Story:
        """Of the mistake that was chosen."""
        return STORIES[self.defect]


@dataclass(frozen=True, slots=True)
class PuzzleState:
    stage: PuzzleStage = PuzzleStage.IDLE
    number: int = 0
    """Of the puzzle, from 1; 0 before the first."""
    is_right: bool = False
    """Whether the banks of the network make no mistake."""
    progress: str = ""
    hub_url: str = ""
    transfers: tuple[ShownTransfer, ...] = ()
    report: AuditReport | None = None
    verdict: Verdict | None = None
    failure: str = ""

    @property
    def puzzle(self) -> Puzzle | None:
        return PUZZLES[self.number - 1] if self.number else None


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    is_right: bool


class PuzzleRoom:
    """Thread-safe; `work` runs in a thread until its event is set, and stops the network that it has started."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[_Job] = queue.Queue(maxsize=1)
        self._lock = threading.Lock()
        self._state = PuzzleState()

    @property
    def state(self) -> PuzzleState:
        with self._lock:
            return self._state

    def play(self, number: int, *, is_right: bool = False) -> None:
        """Begins a puzzle on a new network. Raises `NoSuchPuzzle`, `PuzzleInProgress`."""
        if not 1 <= number <= len(PUZZLES):
            raise NoSuchPuzzle
        with self._lock:
            if self._state.stage is PuzzleStage.PLAYING:
                raise PuzzleInProgress
            kept = self._state.verdict if is_right else None
            self._state = PuzzleState(
                PuzzleStage.PLAYING, number, is_right, translatable("The network starts."), verdict=kept
            )
        self._jobs.put(_Job(number, is_right))

    def play_right(self) -> None:
        """Plays the same day with banks that make no mistake. Raises `NothingToAnswer`, `PuzzleInProgress`."""
        number = self.state.number
        if not number:
            raise NothingToAnswer
        self.play(number, is_right=True)

    def answer(self, code: str, defect: str) -> Verdict:
        """Checks the student's answer. Raises `NothingToAnswer`."""
        with self._lock:
            puzzle = self._state.puzzle
            if puzzle is None or self._state.stage is not PuzzleStage.READY or self._state.is_right:
                raise NothingToAnswer
            chosen = next((each for each in puzzle.answers if each == defect), None)
            if chosen is None:
                raise NothingToAnswer
            verdict = Verdict(code, chosen, code == puzzle.code, chosen is puzzle.defect)
            self._state = replace(self._state, verdict=verdict)
        return verdict

    def work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                job = self._jobs.get(timeout=JOB_SECONDS)
            except queue.Empty:
                continue
            try:
                self._play(job, stop)
            except (PartError, Failed, Unreachable, Refused) as error:
                self._change(stage=PuzzleStage.IDLE, failure=str(error))

    def _play(self, job: _Job, stop: threading.Event) -> None:
        puzzle = PUZZLES[job.number - 1]
        with tempfile.TemporaryDirectory(prefix="codepix-puzzle-") as folder:
            settings = NetworkSettings(
                folder=Path(folder) / "network",
                banks=puzzle.specs(is_right=job.is_right),
                durable=False,
                resend_first_seconds=RESEND_FIRST_SECONDS,
                resend_cap_seconds=RESEND_CAP_SECONDS,
            )
            with Network(settings) as network, new_client(network.secrets.operator) as client:
                self._change(hub_url=network.hub_url)
                traffic = PuzzleTraffic(network, client, lambda text: self._change(progress=text))
                traffic.play()
                self._change(progress=translatable("The audit reads the books."), transfers=tuple(traffic.transfers))
                report = NetworkReader(network.hub_url, client).audit(AUDIT_SECONDS_MAX)
                self._change(stage=PuzzleStage.READY, report=report, progress="")
                while not stop.wait(JOB_SECONDS) and self._jobs.empty():
                    pass

    def _change(self, **values: object) -> None:
        with self._lock:
            self._state = replace(self._state, **values)  # type: ignore[arg-type]
