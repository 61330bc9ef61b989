"""The hub's role that runs by time: it retransmits due messages and fails expired transfers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from hub.application.heartbeats import LastSign
from hub.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from hub.application.use_cases import HubApplication
from hub.domain.liveness import HEARTBEAT_AGE_MS_MAX
from pix.participant.reachability import Comeback, Reachability, RetransmitMissed
from pix.participant.scheduler import OutboxSweep
from pix.scheme.deliveries import Outgoing

LOOK_SECONDS: Final = 1.0
"""Between two readings of the banks' heartbeats."""


def outbox_sweep(
    application: HubApplication,
    publish: Callable[[Sequence[Outgoing]], None],
    lag: Callable[[], int],
    reachability: Reachability,
    broker_answers: Callable[[], bool],
) -> OutboxSweep:
    """`lag` counts the records that wait for the hub. `publish` raises BrokerUnavailable."""

    def send(outgoing: Sequence[Outgoing]) -> int:
        if outgoing:
            publish(outgoing)
        return len(outgoing)

    def retransmit_waiting(comeback: Comeback, before_ms: int | None) -> tuple[int, int | None]:
        outgoing, remaining_ms = application.retransmit_waiting(comeback.counterpart, comeback.since_ms, before_ms)
        return send(outgoing), remaining_ms

    return OutboxSweep(
        lambda: send(application.retransmit_due()),
        lag,
        application.health,
        TRANSFERS_PER_SWEEP_MAX,
        lambda: send(application.fail_expired()),
        LookForBanks(application.read_last_signs, reachability),
        RetransmitMissed(reachability, retransmit_waiting, broker_answers),
    )


class LookForBanks:
    """Notes which banks send heartbeats; whichever process of the hub takes them, the database has them."""

    def __init__(
        self,
        read_last_signs: Callable[[], Sequence[LastSign]],
        reachability: Reachability,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_last_signs = read_last_signs
        self._reachability = reachability
        self._seconds = seconds
        self._looked_at_seconds = float("-inf")

    def __call__(self) -> None:
        """Raises DatabaseUnavailable."""
        if self._seconds() - self._looked_at_seconds < LOOK_SECONDS:
            return
        self._looked_at_seconds = self._seconds()
        for sign in self._read_last_signs():
            self._reachability.note_lag(sign.ispb, sign.lag)
            if sign.age_ms <= HEARTBEAT_AGE_MS_MAX:
                self._reachability.note_seen([sign.ispb])
            else:
                self._reachability.note_missing(sign.ispb)
