"""The hub's scheduler: a periodic task retransmits what is due and fails what has timed out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from hub.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.scheme.deliveries import Outgoing

INTERVAL_SECONDS: Final = 0.5
SWEEP_SECONDS_MAX: Final = 30.0
"""A sweep that takes longer is in trouble. The broker alone may take 10 s to say that it does not answer."""

log = logger(__name__)


class Sweeper:
    """The role that resends and times out."""

    def __init__(
        self,
        retransmit_due: Callable[[], list[Outgoing]],
        fail_expired: Callable[[], list[Outgoing]],
        publish: Callable[[Sequence[Outgoing]], None],
        lag: Callable[[], int],
        health: Health,
    ) -> None:
        self._retransmit_due = retransmit_due
        self._fail_expired = fail_expired
        self._publish_outgoing = publish
        self._lag = lag
        self._health = health

    def run(self, stop: threading.Event) -> None:
        """Sweeps until told to stop; at once again while a sweep was full."""
        full = False
        while full or not stop.wait(INTERVAL_SECONDS):
            if stop.is_set():
                return
            try:
                full = self.sweep() >= TRANSFERS_PER_SWEEP_MAX
                self._health.ok("sweeper", SWEEP_SECONDS_MAX)
            except (DatabaseUnavailable, BrokerUnavailable) as error:
                full = False
                self._health.trouble("sweeper", str(error))
                log.warning("sweep failed, the next one retries", error=str(error))

    def sweep(self) -> int:
        """One sweep; returns how many messages it sent, at least."""
        expired = self._fail_expired()
        self._publish(expired)
        if len(expired) >= TRANSFERS_PER_SWEEP_MAX or self._lag() > LAG_RECORDS_MAX:
            # What has expired besides is failed first: nothing of it is sent again.
            return len(expired)
        due = self._retransmit_due()
        self._publish(due)
        if due:
            log.info("resent", messages=len(due))
        return max(len(expired), len(due))

    def _publish(self, outgoing: Sequence[Outgoing]) -> None:
        if outgoing:
            self._publish_outgoing(outgoing)
