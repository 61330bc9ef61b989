"""The bank's scheduler: each periodic task retransmits what is due, or asks the hub for news."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bank_sim.application.join_network import SendHeartbeat
from bank_sim.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from bank_sim.bootstrap import BankApplication
from bank_sim.domain.errors import BankError
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.errors import SchemeError

SWEEP_SECONDS: Final = 0.5
SWEEP_SECONDS_MAX: Final = 30.0
"""A sweep that takes longer is in trouble."""

TASK_CHECK_SECONDS: Final = 0.5
JOIN_RETRY_SECONDS: Final = 1.0
MIRROR_SECONDS: Final = 3.0
HEARTBEAT_SECONDS: Final = 2.0
"""The hub takes a bank for stopped that it has not heard of for 15 seconds."""
MEET_SECONDS: Final = 10.0
RECONCILE_SECONDS: Final = 20.0
KEY_REMOVAL_SECONDS: Final = 5.0
"""Between two tries to remove the keys of closed accounts for which the hub was not there."""

log = logger(__name__)


class Sweeper:
    """Resends what is due, unless the answers are waiting to be read."""

    def __init__(self, retransmit_due: Callable[[], int], lag: Callable[[], int], health: Health) -> None:
        self._retransmit_due = retransmit_due
        self._lag = lag
        self._health = health

    def run(self, stop: threading.Event) -> None:
        """Sweeps until told to stop; at once again while a sweep was full."""
        full = False
        while full or not stop.wait(SWEEP_SECONDS):
            if stop.is_set():
                return
            full = self.sweep() >= TRANSFERS_PER_SWEEP_MAX

    def sweep(self) -> int:
        """One sweep; returns how many transfers were due."""
        try:
            retransmitted = 0 if self._lag() > LAG_RECORDS_MAX else self._retransmit_due()
        except DatabaseUnavailable as error:
            self._health.trouble("sweeper", f"waiting for the database: {error}")
            log.warning("sweep failed, the next one retries", error=str(error))
            return 0
        self._health.ok("sweeper", SWEEP_SECONDS_MAX)
        if retransmitted:
            log.info("resent", transfers=retransmitted)
        return retransmitted


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Something to ask the hub at an interval."""

    name: str
    act: Callable[[], None]
    interval_seconds: float


class PeriodicTasks:
    """Joins the network, then keeps asking. In a thread of its own, so that a hub that hangs delays no resending."""

    def __init__(self, join_network: Callable[[], None], tasks: tuple[PeriodicTask, ...], health: Health) -> None:
        self._join_network = join_network
        self._tasks = tasks
        self._health = health

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        self._health.trouble("network", "not joined yet")
        while not self._join():
            if stop.wait(JOIN_RETRY_SECONDS):
                return
        due_at_seconds = dict.fromkeys((task.name for task in self._tasks), time.monotonic())
        while not stop.is_set():
            for task in self._tasks:
                if due_at_seconds[task.name] <= time.monotonic():
                    self._do(task)
                    due_at_seconds[task.name] = time.monotonic() + task.interval_seconds
            stop.wait(TASK_CHECK_SECONDS)

    def _join(self) -> bool:
        try:
            self._join_network()
        except SchemeError as error:
            self._health.trouble("network", error.rule)
            log.warning("not joined yet, retrying", error=str(error))
            return False
        # From here on a hub that is away is no trouble of the bank's: payments are taken and wait.
        self._health.ok("network")
        log.info("joined the network")
        return True

    def _do(self, task: PeriodicTask) -> None:
        try:
            task.act()
        except (BankError, DatabaseUnavailable) as error:
            log.warning("periodic task failed, retrying", task=task.name, error=str(error))
        except Exception:
            log.exception("periodic task failed, retrying", task=task.name)


class Heartbeat:
    """Tells the hub that this process is there. In a thread of its own, so that a long errand does not silence it."""

    def __init__(self, send_heartbeat: SendHeartbeat, lag: Callable[[], int | None]) -> None:
        self._send_heartbeat = send_heartbeat
        self._lag = lag

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; then says that it goes. A hub that is away is not waited for."""
        while not stop.is_set():
            self._say(lambda: self._send_heartbeat(self._lag()))
            stop.wait(HEARTBEAT_SECONDS)
        self._say(self._send_heartbeat.leave)

    def _say(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BankError as error:
            log.debug("heartbeat not delivered", error=str(error))


class SweeperRole:
    """The role that acts when nobody has sent anything."""

    def __init__(self, application: BankApplication, lag: Callable[[], int], own_lag: Callable[[], int] | None) -> None:
        """`lag` tells how many records wait for the bank, `own_lag` how many for this process; None: it reads none."""
        self._sweeper = Sweeper(application.retransmit_due, lag, application.health)
        self._heartbeat = Heartbeat(application.send_heartbeat, own_lag or (lambda: None))
        self._tasks = PeriodicTasks(
            application.join_network,
            (
                PeriodicTask("mirror settlement", application.mirror_settlement, MIRROR_SECONDS),
                PeriodicTask("meet participants", application.meet_participants, MEET_SECONDS),
                PeriodicTask("reconcile keys", application.reconcile_keys, RECONCILE_SECONDS),
                PeriodicTask("remove keys", application.remove_keys_of_closed_accounts, KEY_REMOVAL_SECONDS),
            ),
            application.health,
        )

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        beside = [
            threading.Thread(target=run, args=(stop,), name=name, daemon=True)
            for name, run in (("errands", self._tasks.run), ("pulse", self._heartbeat.run))
        ]
        for thread in beside:
            thread.start()
        self._sweeper.run(stop)
        for thread in beside:
            thread.join()
