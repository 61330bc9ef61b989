"""The hub's role that runs by time: it retransmits due messages and fails expired transfers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from hub.application.use_cases import HubApplication
from pix.participant.scheduler import OutboxSweep
from pix.scheme.deliveries import Outgoing


def outbox_sweep(
    application: HubApplication, publish: Callable[[Sequence[Outgoing]], None], lag: Callable[[], int]
) -> OutboxSweep:
    """`lag` counts the records that wait for the hub. `publish` raises BrokerUnavailable."""

    def send(outgoing: Sequence[Outgoing]) -> int:
        if outgoing:
            publish(outgoing)
        return len(outgoing)

    return OutboxSweep(
        lambda: send(application.retransmit_due()),
        lag,
        application.health,
        TRANSFERS_PER_SWEEP_MAX,
        lambda: send(application.fail_expired()),
    )
