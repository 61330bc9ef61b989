"""The roles that run by time: when they act, what they report of themselves, and what ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar

import pytest

from bank_sim.adapters.memory.hub import MemoryHub
from bank_sim.application.join_network import SendHeartbeat
from bank_sim.domain.errors import HubCredentialsRejected, HubUnavailable
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.participant.scheduler import (
    HEARTBEAT_RETRY_SECONDS,
    HEARTBEAT_SECONDS,
    SWEEP_SECONDS,
    SWEEP_SECONDS_MAX,
    Heartbeat,
    OutboxSweep,
    PeriodicTask,
    PeriodicTasks,
)
from pix.runtime.health import Health
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from tests.support.banks import AURORA
from tests.support.clock import TurnedClock

DEADLINE_SECONDS = 10.0
SWEEP_MAX = 500


class Turns(threading.Event):
    """Stops the role after some waits, and notes what `look` returned before each of them."""

    def __init__(self, look: Callable[[], object], waits: int) -> None:
        super().__init__()
        self._look = look
        self._waits = waits
        self.before_each: list[object] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == SWEEP_SECONDS
        self.before_each.append(self._look())
        if len(self.before_each) == self._waits:
            self.set()
        return self.is_set()


def sweep_of(retransmit_due: Callable[[], int], health: Health | None = None, lag: int = 0) -> OutboxSweep:
    return OutboxSweep(retransmit_due, lambda: lag, health or Health(), SWEEP_MAX)


def test_when_more_is_due_than_one_sweep_takes_the_next_one_follows_without_a_wait() -> None:
    waiting, sent = [SWEEP_MAX, 1], []

    def retransmit_due() -> int:
        sent.append(waiting.pop(0) if waiting else 0)
        return sent[-1]

    stop = Turns(lambda: sum(sent), waits=2)
    sweep_of(retransmit_due).run(stop)
    assert stop.before_each == [0, SWEEP_MAX + 1]


def test_nothing_is_retransmitted_while_the_answers_wait_to_be_read() -> None:
    health = Health()
    health.trouble("sweeper", "waiting for the database")
    sent: list[int] = []

    def retransmit_due() -> int:
        sent.append(5)
        return 5

    sweep_of(retransmit_due, health, LAG_RECORDS_MAX + 1).run(Turns(lambda: None, waits=2))
    assert sent == []
    assert health.report()["sweeper"] == "ok", "it works, and waits"
    assert sweep_of(retransmit_due, health, LAG_RECORDS_MAX).sweep() == 5


@pytest.mark.parametrize(
    ("error", "what"),
    [(DatabaseUnavailable("connection refused"), "database"), (BrokerUnavailable("no broker"), "broker")],
)
def test_a_sweep_that_cannot_be_done_is_told_and_the_next_one_tries_again(error: Exception, what: str) -> None:
    health, failures = Health(), [error]

    def retransmit_due() -> int:
        if failures:
            raise failures.pop()
        return 0

    stop = Turns(lambda: health.report().get("sweeper"), waits=3)
    sweep_of(retransmit_due, health).run(stop)
    assert stop.before_each == [None, f"waiting for the {what}: {error}", "ok"]


def test_a_sweep_that_fails_in_a_way_of_its_own_ends_the_role() -> None:
    def retransmit_due() -> int:
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        sweep_of(retransmit_due).run(Turns(lambda: None, waits=9))


def test_a_sweep_that_hangs_is_seen() -> None:
    now = 0.0
    health = Health(lambda: now)
    sweep_of(lambda: 0, health).run(Turns(lambda: None, waits=2))
    now += SWEEP_SECONDS_MAX + 1
    assert health.report()["sweeper"] == "has not finished what it began 31 s ago"


def test_the_bank_joins_as_soon_as_the_hub_answers_and_then_runs_its_periodic_tasks() -> None:
    health = Health()
    tries = 0
    ran = threading.Event()
    failures = iter([HubUnavailable(), DatabaseUnavailable("away"), ValueError("a fault of ours")])

    def join_network() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise HubCredentialsRejected
        assert not ran.is_set()

    def task() -> None:
        ran.set()
        raise next(failures)

    stop = threading.Event()
    tasks = PeriodicTasks(join_network, (PeriodicTask("ask", task, 0.0),), health)
    thread = threading.Thread(target=tasks.run, args=(stop,))
    thread.start()
    assert ran.wait(DEADLINE_SECONDS)
    assert tries == 2
    assert health.report()["network"] == "ok"
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_a_bank_that_cannot_join_says_why_in_its_health() -> None:
    health = Health()
    tried = threading.Event()

    def join_network() -> None:
        tried.set()
        raise HubCredentialsRejected

    stop = threading.Event()
    thread = threading.Thread(target=PeriodicTasks(join_network, (), health).run, args=(stop,))
    thread.start()
    assert tried.wait(DEADLINE_SECONDS)
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert "credentials" in health.report()["network"]


def test_the_bank_sends_heartbeats_and_at_its_end_that_it_leaves() -> None:
    hub = MemoryHub(AURORA, TurnedClock())
    stop, said = threading.Event(), threading.Event()

    def lag() -> int:
        said.set()
        return 3

    thread = threading.Thread(target=Heartbeat(SendHeartbeat(hub, "this one", "1.0"), lag).run, args=(stop,))
    thread.start()
    assert said.wait(DEADLINE_SECONDS)
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert hub.words == [("this one", "1.0", 3), ("this one", "left")]


def test_a_hub_that_is_away_does_not_hold_up_the_end() -> None:
    hub = MemoryHub(AURORA, TurnedClock())
    hub.is_down = True
    stop = threading.Event()
    stop.set()
    Heartbeat(SendHeartbeat(hub, "this one", "1.0"), lambda: None).run(stop)
    assert hub.words == []


def test_a_heartbeat_that_the_hub_did_not_take_is_tried_again_sooner() -> None:
    delivered: list[bool] = []
    waits: list[float | None] = []

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            if len(waits) == 2:
                self.set()
            return self.is_set()

    class Word:
        answers: ClassVar = [None, HubUnavailable()]

        def __call__(self, lag: int | None) -> None:
            if (error := self.answers.pop()) is not None:
                raise error

        def leave(self) -> None:
            """Nothing."""

    Heartbeat(Word(), lambda: None, delivered.append).run(Waits())
    assert delivered == [False, True]
    assert waits == [HEARTBEAT_RETRY_SECONDS, HEARTBEAT_SECONDS]
