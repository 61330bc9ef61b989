"""What the bank does when nobody has sent anything."""

from __future__ import annotations

import threading

from bank_sim.adapters.memory.hub import MemoryHub
from bank_sim.application.join_network import SendHeartbeat
from bank_sim.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from bank_sim.domain.errors import HubCredentialsRejected, HubUnavailable
from bank_sim.entrypoints.scheduler import Heartbeat, PeriodicTask, PeriodicTasks, Sweeper
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.runtime.health import Health
from pix.runtime.outages import DatabaseUnavailable
from tests.support.banks import AURORA
from tests.support.clock import TurnedClock

DEADLINE_SECONDS = 10.0


class Resending:
    """Counts sweeps; each finds as many due transfers as told."""

    def __init__(self, *due: int) -> None:
        self._due = list(due)
        self.sweeps = 0
        self.empty = threading.Event()

    def __call__(self) -> int:
        self.sweeps += 1
        if not self._due:
            self.empty.set()
            return 0
        return self._due.pop(0)


def test_nothing_is_resent_while_the_answers_wait_to_be_read() -> None:
    resending = Resending(5)
    lag = LAG_RECORDS_MAX + 1
    health = Health()
    health.trouble("sweeper", "waiting for the database")
    sweeper = Sweeper(resending, lambda: lag, health)
    assert sweeper.sweep() == 0
    assert resending.sweeps == 0
    assert health.report()["sweeper"] == "ok", "it works, and waits"
    lag = LAG_RECORDS_MAX
    assert sweeper.sweep() == 5


def test_a_database_that_is_down_is_told_and_waited_for() -> None:
    health = Health()
    is_down = True

    def retransmit_due() -> int:
        if is_down:
            raise DatabaseUnavailable("connection refused")
        return 1

    sweeper = Sweeper(retransmit_due, lambda: 0, health)
    assert sweeper.sweep() == 0
    assert "connection refused" in health.report()["sweeper"]
    is_down = False
    assert sweeper.sweep() == 1
    assert health.is_ready()


def test_a_full_sweep_is_followed_by_the_next_at_once_until_told_to_stop() -> None:
    resending = Resending(TRANSFERS_PER_SWEEP_MAX, TRANSFERS_PER_SWEEP_MAX, 3)
    stop = threading.Event()
    thread = threading.Thread(target=Sweeper(resending, lambda: 0, Health()).run, args=(stop,))
    thread.start()
    assert resending.empty.wait(DEADLINE_SECONDS)
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert resending.sweeps >= 4


def test_the_bank_joins_as_soon_as_the_hub_answers_and_then_runs_its_errands() -> None:
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


def test_the_bank_says_that_it_is_there_and_at_its_end_that_it_goes() -> None:
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
