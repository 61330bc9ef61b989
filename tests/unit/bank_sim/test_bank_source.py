"""A bank that is switched to play dead takes nothing, and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bank_sim.entrypoints.kafka import SWITCH_AGE_SECONDS_MAX, SwitchedSource
from pix.wire.record import Record


class Source:
    """Notes what is done with it."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        self.acts.append("poll")
        return [Record("topic", b"key", b"value")]

    def position(self) -> int:
        return len(self.acts)

    def commit(self, place: int) -> None:
        self.acts.append(f"commit {place}")

    def rewind(self) -> None:
        self.acts.append("rewind")

    def lag(self) -> int:
        return 7

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        self.acts.append("wait")

    def close(self) -> None:
        self.acts.append("close")


def test_the_switch_decides_whether_records_are_taken() -> None:
    source = Source()
    seconds = 0.0
    is_on = True
    obedient = SwitchedSource(source, lambda: is_on, lambda: seconds)
    assert len(obedient.poll(0)) == 1
    is_on = False
    assert len(obedient.poll(0)) == 1, "the answer is not older than half a second"
    seconds += 2 * SWITCH_AGE_SECONDS_MAX
    assert obedient.poll(0) == []
    is_on = True
    seconds += 2 * SWITCH_AGE_SECONDS_MAX
    assert len(obedient.poll(0)) == 1
    assert source.acts == ["poll", "poll", "wait", "poll"]


def test_all_else_is_the_sources() -> None:
    source = Source()
    obedient = SwitchedSource(source, lambda: True)
    obedient.commit(obedient.position())
    obedient.rewind()
    obedient.wait(0)
    obedient.close()
    assert obedient.lag() == 7
    assert source.acts == ["commit 0", "rewind", "wait", "close"]
