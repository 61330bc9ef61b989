"""The scheduler: roles that run by time, namely the outbox sweep, periodic tasks and the heartbeat."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.scheme.errors import SchemeError

SWEEP_SECONDS: Final = 0.5
SWEEP_SECONDS_MAX: Final = 30.0
"""A longer sweep is in trouble. The broker alone may take 10 s to report that it does not answer."""

TASK_CHECK_SECONDS: Final = 0.5
JOIN_RETRY_SECONDS: Final = 1.0
HEARTBEAT_RETRY_SECONDS: Final = 0.5
"""After one that was not delivered: what waits for the hub is sent as soon as it is back."""
HEARTBEAT_SECONDS: Final = 2.0
"""The hub calls a bank stopped after 15 seconds without a heartbeat."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxSweep:
    """Retransmits due messages, unless their answers wait to be read, and fails expired transfers."""

    retransmit_due: Callable[[], int]
    """Returns how much it has treated, as `fail_expired` does."""
    lag: Callable[[], int]
    health: Health
    sweep_max: int
    """So much at once tells that more may be due."""
    fail_expired: Callable[[], int] = lambda: 0
    look_around: Callable[[], None] = lambda: None
    """Notes which counterparts are there; in each sweep, since those that are there must not seem absent."""
    retransmit_missed: Callable[[], int] = lambda: 0
    """What counterparts have missed that are reachable again."""

    def run(self, stop: threading.Event) -> None:
        """Sweeps at intervals until `stop` is set, and at once again after a full sweep."""
        full = False
        while full or not stop.wait(SWEEP_SECONDS):
            if stop.is_set():
                return
            full = self._try_to_sweep()

    def _try_to_sweep(self) -> bool:
        """Whether the sweep was full."""
        try:
            swept = self.sweep()
        except (DatabaseUnavailable, BrokerUnavailable) as error:
            what = "database" if isinstance(error, DatabaseUnavailable) else "broker"
            self.health.trouble("sweeper", f"waiting for the {what}: {error}")
            log.warning("sweep failed, the next one retries", error=str(error))
            return False
        self.health.ok("sweeper", SWEEP_SECONDS_MAX)
        return swept >= self.sweep_max

    def sweep(self) -> int:
        """One sweep; returns how much was due, at least. Raises DatabaseUnavailable, BrokerUnavailable."""
        self.look_around()
        expired = self.fail_expired()
        if expired >= self.sweep_max or self.lag() > LAG_RECORDS_MAX:
            # A transfer that has expired fails before anything of it is retransmitted.
            return expired
        due = self.retransmit_due()
        if due:
            log.info("retransmitted", due=due)
        if due < self.sweep_max:
            # One batch a sweep, so that a counterpart that is back is not flooded.
            self.retransmit_missed()
        return max(expired, due)


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    name: str
    act: Callable[[], None]
    interval_seconds: float


class PeriodicTasks:
    """Joins the network, then repeats each task at its interval.

    It has a thread apart from the sweep's, which a slow hub must not delay.
    """

    def __init__(self, join_network: Callable[[], None], tasks: Sequence[PeriodicTask], health: Health) -> None:
        self._join_network = join_network
        self._tasks = tasks
        self._health = health

    def run(self, stop: threading.Event) -> None:
        self._health.trouble("network", "not joined yet")
        while not self._join():
            if stop.wait(JOIN_RETRY_SECONDS):
                return
        repeat(self._tasks, stop)

    def _join(self) -> bool:
        try:
            self._join_network()
        except SchemeError as error:
            self._health.trouble("network", error.rule)
            log.warning("not joined yet, retrying", error=str(error))
            return False
        # From here on an unavailable hub leaves the bank ready: it takes payments, which wait.
        self._health.ok("network")
        log.info("joined the network")
        return True


def repeat(tasks: Sequence[PeriodicTask], stop: threading.Event) -> None:
    """Does each task at once and then at its interval, until `stop` is set; one that fails is logged and retried."""
    due_at_seconds = dict.fromkeys((task.name for task in tasks), time.monotonic())
    while not stop.is_set():
        for task in tasks:
            if due_at_seconds[task.name] <= time.monotonic():
                _try(task)
                due_at_seconds[task.name] = time.monotonic() + task.interval_seconds
        stop.wait(TASK_CHECK_SECONDS)


def _try(task: PeriodicTask) -> None:
    try:
        task.act()
    except (SchemeError, DatabaseUnavailable) as error:
        log.warning("periodic task failed, retrying", task=task.name, error=str(error))
    except Exception:
        log.exception("periodic task failed, retrying", task=task.name)


class SendHeartbeat(Protocol):
    """Both raise SchemeError when the hub does not answer, or rejects it."""

    def __call__(self, lag: int | None) -> None:
        """`lag` counts the records that wait for this process; None when it reads none."""

    def leave(self) -> None:
        """An orderly stop."""


class Heartbeat:
    """Sends heartbeats, and at the end that this process leaves; in a separate thread, so that no task delays it."""

    def __init__(
        self,
        send_heartbeat: SendHeartbeat,
        lag: Callable[[], int | None],
        note_delivered: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """`note_delivered` is told of each heartbeat whether the hub has taken it."""
        self._send_heartbeat = send_heartbeat
        self._lag = lag
        self._note_delivered = note_delivered

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            is_delivered = self._send(lambda: self._send_heartbeat(self._lag()))
            self._note_delivered(is_delivered)
            stop.wait(HEARTBEAT_SECONDS if is_delivered else HEARTBEAT_RETRY_SECONDS)
        self._send(self._send_heartbeat.leave)

    def _send(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except SchemeError as error:
            log.debug("heartbeat not delivered", error=str(error))
        except Exception:
            log.exception("heartbeat not delivered")
        else:
            return True
        return False
