"""The supervisor restarts what ended, keeps down what is held, and refuses what is not possible."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.network.parts.errors import PartError
from lab.network.parts.process import ChildProcess, wait_until
from lab.network.supervisor import ActionRefused, PartAction, PartKind, SupervisedPart, Supervisor

DEADLINE_SECONDS = 20.0
IDLER = "import signal; signal.pause()"


class Sample(ChildProcess):
    """A part that does nothing."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self._log = folder / f"{name}.log"

    def launch(self) -> None:
        self.start([sys.executable, "-c", IDLER], None, self._log)


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    made = Sample("sample", tmp_path)
    made.launch()
    yield made
    made.thaw()
    made.kill()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(sample: Sample, told: list[str]) -> Supervisor:
    supervised = SupervisedPart(sample, PartKind.BANK, sample.launch, refused={})
    return Supervisor([supervised], told.append, restarts_max=2)


def end(sample: Sample) -> None:
    """As somebody outside the lab would."""
    os.kill(sample.pid, signal.SIGKILL)
    wait_until(lambda: not sample.is_running(), DEADLINE_SECONDS, "it to be gone")


def test_what_ends_by_itself_is_started_again_and_counted(
    supervisor: Supervisor, sample: Sample, told: list[str]
) -> None:
    first = sample.pid
    supervisor.check()
    assert sample.pid == first and supervisor.restarts == {}
    end(sample)
    supervisor.check()
    assert sample.is_running() and sample.pid != first
    assert supervisor.restarts == {"sample": 1}
    assert told == ["sample has ended; starting it again", "sample is back"]


def test_what_falls_over_again_and_again_is_an_error(supervisor: Supervisor, sample: Sample) -> None:
    for _ in range(2):
        end(sample)
        supervisor.check()
    end(sample)
    with pytest.raises(PartError, match="sample has ended 3 times within a minute"):
        supervisor.check()


def test_what_is_stopped_stays_down_until_it_is_started(supervisor: Supervisor, sample: Sample) -> None:
    supervisor.act("sample", PartAction.STOP)
    supervisor.check()
    assert not sample.is_running()
    with pytest.raises(ActionRefused, match="already stopped"):
        supervisor.act("sample", PartAction.STOP)
    supervisor.act("sample", PartAction.START)
    assert sample.is_running()
    end(sample)
    supervisor.check()
    assert sample.is_running(), "it is kept again"
    assert supervisor.restarts == {"sample": 1}


def test_a_kill_is_made_good_and_is_no_fall(supervisor: Supervisor, sample: Sample) -> None:
    for _ in range(4):
        supervisor.act("sample", PartAction.KILL)
        supervisor.check()
        assert sample.is_running()
    assert supervisor.restarts == {}
    supervisor.act("sample", PartAction.KILL, hold=True)
    supervisor.check()
    assert not sample.is_running()


def test_a_part_stands_still_and_goes_on(supervisor: Supervisor, sample: Sample) -> None:
    supervisor.act("sample", PartAction.FREEZE)
    assert sample.is_frozen()
    supervisor.check()
    assert sample.is_frozen(), "a frozen part has not ended"
    with pytest.raises(ActionRefused, match="already frozen"):
        supervisor.act("sample", PartAction.FREEZE)
    supervisor.act("sample", PartAction.THAW)
    wait_until(lambda: not sample.is_frozen(), DEADLINE_SECONDS, "it to go on")
    with pytest.raises(ActionRefused, match="not frozen"):
        supervisor.act("sample", PartAction.THAW)


def test_what_a_plan_holds_is_left_alone_until_it_is_released(supervisor: Supervisor, sample: Sample) -> None:
    supervisor.hold("sample")
    sample.kill()
    supervisor.check()
    assert not sample.is_running()
    for action in (PartAction.KILL, PartAction.FREEZE, PartAction.THAW):
        with pytest.raises(ActionRefused):
            supervisor.act("sample", action)
    supervisor.release("sample")
    supervisor.check()
    assert sample.is_running()
    assert supervisor.restarts == {}


def test_what_is_never_possible_says_why(sample: Sample) -> None:
    rule = "It would lose its log."
    supervised = SupervisedPart(sample, PartKind.BROKER, sample.launch, refused={PartAction.KILL: rule})
    with pytest.raises(ActionRefused, match="lose its log") as refused:
        Supervisor([supervised]).act("sample", PartAction.KILL)
    assert refused.value.rule == rule
    assert sample.is_running()
