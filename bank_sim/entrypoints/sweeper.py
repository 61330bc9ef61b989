"""Time calls the bank: what is due is sent again, and what the hub knows is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bank_sim.application.join_network import KeepInTouch
from bank_sim.application.resend_due import TRANSFERS_PER_SWEEP_MAX
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

ERRAND_CHECK_SECONDS: Final = 0.5
JOIN_RETRY_SECONDS: Final = 1.0
MIRROR_SECONDS: Final = 3.0
PULSE_SECONDS: Final = 2.0
"""The hub takes a bank for stopped that it has not heard of for 15 seconds."""
MEET_SECONDS: Final = 10.0
RECONCILE_SECONDS: Final = 20.0
KEY_REMOVAL_SECONDS: Final = 5.0
"""Between two tries to remove the keys of closed accounts for which the hub was not there."""

log = logger(__name__)


class Sweeper:
    """Resends what is due, unless the answers are waiting to be read."""

    def __init__(self, resend_due: Callable[[], int], lag: Callable[[], int], health: Health) -> None:
        self._resend_due = resend_due
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
            resent = 0 if self._lag() > LAG_RECORDS_MAX else self._resend_due()
        except DatabaseUnavailable as error:
            self._health.trouble("sweeper", f"waiting for the database: {error}")
            log.warning("sweep failed, the next one tries again", error=str(error))
            return 0
        self._health.ok("sweeper", SWEEP_SECONDS_MAX)
        if resent:
            log.info("resent", transfers=resent)
        return resent


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to ask the hub at an interval."""

    name: str
    act: Callable[[], None]
    interval_seconds: float


class Errands:
    """Joins the network, then keeps asking. In a thread of its own, so that a hub that hangs delays no resending."""

    def __init__(self, join_network: Callable[[], None], errands: tuple[Errand, ...], health: Health) -> None:
        self._join_network = join_network
        self._errands = errands
        self._health = health

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        self._health.trouble("network", "has not joined yet")
        while not self._join():
            if stop.wait(JOIN_RETRY_SECONDS):
                return
        due_at_seconds = dict.fromkeys((errand.name for errand in self._errands), time.monotonic())
        while not stop.is_set():
            for errand in self._errands:
                if due_at_seconds[errand.name] <= time.monotonic():
                    self._do(errand)
                    due_at_seconds[errand.name] = time.monotonic() + errand.interval_seconds
            stop.wait(ERRAND_CHECK_SECONDS)

    def _join(self) -> bool:
        try:
            self._join_network()
        except SchemeError as error:
            self._health.trouble("network", error.rule)
            log.warning("has not joined the network yet", error=str(error))
            return False
        # From here on a hub that is away is no trouble of the bank's: payments are taken and wait.
        self._health.ok("network")
        log.info("joined the network")
        return True

    def _do(self, errand: Errand) -> None:
        try:
            errand.act()
        except (BankError, DatabaseUnavailable) as error:
            log.warning("errand failed, it is done again", errand=errand.name, error=str(error))
        except Exception:
            log.exception("errand failed, it is done again", errand=errand.name)


class Pulse:
    """Tells the hub that this process is there. In a thread of its own, so that a long errand does not silence it."""

    def __init__(self, keep_in_touch: KeepInTouch, lag: Callable[[], int | None]) -> None:
        self._keep_in_touch = keep_in_touch
        self._lag = lag

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; then says that it goes. A hub that is away is not waited for."""
        while not stop.is_set():
            self._say(lambda: self._keep_in_touch(self._lag()))
            stop.wait(PULSE_SECONDS)
        self._say(self._keep_in_touch.leave)

    def _say(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BankError as error:
            log.debug("the hub has not heard that this process is there", error=str(error))


class SweeperRole:
    """The role that acts when nobody has sent anything."""

    def __init__(self, application: BankApplication, lag: Callable[[], int], own_lag: Callable[[], int] | None) -> None:
        """`lag` tells how many records wait for the bank, `own_lag` how many for this process; None: it reads none."""
        self._sweeper = Sweeper(application.resend_due, lag, application.health)
        self._pulse = Pulse(application.keep_in_touch, own_lag or (lambda: None))
        self._errands = Errands(
            application.join_network,
            (
                Errand("mirror settlement", application.mirror_settlement, MIRROR_SECONDS),
                Errand("meet participants", application.meet_participants, MEET_SECONDS),
                Errand("reconcile keys", application.reconcile_keys, RECONCILE_SECONDS),
                Errand("remove keys", application.remove_keys_of_closed_accounts, KEY_REMOVAL_SECONDS),
            ),
            application.health,
        )

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        beside = [
            threading.Thread(target=run, args=(stop,), name=name, daemon=True)
            for name, run in (("errands", self._errands.run), ("pulse", self._pulse.run))
        ]
        for thread in beside:
            thread.start()
        self._sweeper.run(stop)
        for thread in beside:
            thread.join()
