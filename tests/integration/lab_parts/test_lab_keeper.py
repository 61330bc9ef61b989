"""The keeper: what ends by itself is started again, what is held stays down, and what cannot be done is refused."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.network.parts.errors import PartError
from lab.network.parts.process import ChildProcess, wait_until
from lab.network.supervisor import ActionRefused, Keeper, Kept, PartAction, PartKind

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
def keeper(sample: Sample, told: list[str]) -> Keeper:
    kept = Kept(sample, PartKind.BANK, sample.launch, refused={})  # type: ignore[arg-type]
    return Keeper([kept], told.append, restarts_max=2)


def end(sample: Sample) -> None:
    """As somebody outside the lab would."""
    os.kill(sample.pid, signal.SIGKILL)
    wait_until(lambda: not sample.is_running(), DEADLINE_SECONDS, "it to be gone")


def test_what_ends_by_itself_is_started_again_and_counted(keeper: Keeper, sample: Sample, told: list[str]) -> None:
    first = sample.pid
    keeper.look()
    assert sample.pid == first and keeper.restarts == {}
    end(sample)
    keeper.look()
    assert sample.is_running() and sample.pid != first
    assert keeper.restarts == {"sample": 1}
    assert told == ["sample has ended; starting it again", "sample is back"]


def test_what_falls_over_again_and_again_is_an_error(keeper: Keeper, sample: Sample) -> None:
    for _ in range(2):
        end(sample)
        keeper.look()
    end(sample)
    with pytest.raises(PartError, match="sample has ended 3 times within a minute"):
        keeper.look()


def test_what_is_stopped_stays_down_until_it_is_started(keeper: Keeper, sample: Sample) -> None:
    keeper.act("sample", PartAction.STOP)
    keeper.look()
    assert not sample.is_running()
    with pytest.raises(ActionRefused, match="stopped already"):
        keeper.act("sample", PartAction.STOP)
    keeper.act("sample", PartAction.START)
    assert sample.is_running()
    end(sample)
    keeper.look()
    assert sample.is_running(), "it is kept again"
    assert keeper.restarts == {"sample": 1}


def test_a_kill_is_made_good_and_is_no_fall(keeper: Keeper, sample: Sample) -> None:
    for _ in range(4):
        keeper.act("sample", PartAction.KILL)
        keeper.look()
        assert sample.is_running()
    assert keeper.restarts == {}
    keeper.act("sample", PartAction.KILL, hold=True)
    keeper.look()
    assert not sample.is_running()


def test_a_part_stands_still_and_goes_on(keeper: Keeper, sample: Sample) -> None:
    keeper.act("sample", PartAction.FREEZE)
    assert sample.is_frozen()
    keeper.look()
    assert sample.is_frozen(), "a frozen part has not ended"
    with pytest.raises(ActionRefused, match="frozen already"):
        keeper.act("sample", PartAction.FREEZE)
    keeper.act("sample", PartAction.THAW)
    wait_until(lambda: not sample.is_frozen(), DEADLINE_SECONDS, "it to go on")
    with pytest.raises(ActionRefused, match="not frozen"):
        keeper.act("sample", PartAction.THAW)


def test_what_a_plan_holds_is_left_alone_until_it_is_released(keeper: Keeper, sample: Sample) -> None:
    keeper.hold("sample")
    sample.kill()
    keeper.look()
    assert not sample.is_running()
    for action in (PartAction.KILL, PartAction.FREEZE, PartAction.THAW):
        with pytest.raises(ActionRefused):
            keeper.act("sample", action)
    keeper.release("sample")
    keeper.look()
    assert sample.is_running()
    assert keeper.restarts == {}


def test_what_is_never_possible_says_why(sample: Sample) -> None:
    kept = Kept(sample, PartKind.BROKER, sample.launch, refused={PartAction.KILL: "It would lose its log."})  # type: ignore[arg-type]
    with pytest.raises(ActionRefused, match="lose its log") as refused:
        Keeper([kept]).act("sample", PartAction.KILL)
    assert refused.value.rule == "It would lose its log."
    assert sample.is_running()
