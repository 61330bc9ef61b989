"""The outbox sweep: retransmits messages that are due and not yet answered."""

from __future__ import annotations

from typing import Any, Final

from bank_sim.application.ports import BackgroundPublisher, UnitsOfWork
from bank_sim.domain.flows import decide_retransmission
from bank_sim.domain.flows.flow import Decision
from pix.runtime.clock import Clock
from pix.scheme.deliveries import HUB, Outgoing
from pix.scheme.retransmission import RetransmissionPolicy

TRANSFERS_PER_SWEEP_MAX: Final = 500
"""A sweep is one transaction of bounded size; the sweeper sweeps again at once while there is more."""


class RetransmitDue:
    """Derives again what rows owe whose time has come; replicas share them by skipping what is locked.

    Their next time is durable before anything is sent, so a broker that is down is not asked in a tight circle.
    """

    def __init__(
        self, units: UnitsOfWork, publisher: BackgroundPublisher, clock: Clock, policy: RetransmissionPolicy
    ) -> None:
        self._units = units
        self._publisher = publisher
        self._clock = clock
        self._policy = policy

    def __call__(self) -> int:
        """How many rows were due, of each flow at most `TRANSFERS_PER_SWEEP_MAX`. Raises DatabaseUnavailable."""
        real_now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            decisions: list[Decision[Any]] = []
            for rows in unit.rows.values():
                due = rows.lock_due(real_now_ms, TRANSFERS_PER_SWEEP_MAX, self._policy.cap_ms)
                decided = [decide_retransmission(row, real_now_ms, self._policy) for row in due]
                rows.save([decision.row for decision in decided if decision.row is not None])
                decisions += decided
            if not decisions:
                return 0
            unit.commit()
        self._publisher.enqueue(
            [
                Outgoing(HUB, message, decision.row.traceparent)
                for decision in decisions
                if decision.row is not None
                for message in decision.messages
            ]
        )
        return len(decisions)
