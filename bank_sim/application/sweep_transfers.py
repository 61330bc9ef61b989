"""The outbox sweep: retransmits messages that are due and not yet answered."""

from __future__ import annotations

from collections.abc import Sequence
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
        _enqueue(self._publisher, decisions)
        return len(decisions)


class RetransmitWaiting:
    """Retransmits what waits for the hub, which is reachable again, before its backoff is over; a batch a call."""

    def __init__(
        self, units: UnitsOfWork, publisher: BackgroundPublisher, clock: Clock, policy: RetransmissionPolicy
    ) -> None:
        self._units = units
        self._publisher = publisher
        self._clock = clock
        self._policy = policy

    def __call__(self, since_ms: int, before_ms: int | None = None) -> tuple[int, int | None]:
        """How many rows had waited, and what to hand over as `before_ms` for those that remain; None: none remain.

        `since_ms` is when the hub became reachable, by this clock. What waits longest comes first. Raises
        DatabaseUnavailable.
        """
        real_now_ms = self._clock.real_now_ms()
        # What is due later than the longest backoff is due now, and none of ours.
        until_ms = real_now_ms + self._policy.cap_ms + 1 if before_ms is None else before_ms
        remaining_ms: list[int] = []
        decisions: list[Decision[Any]] = []
        with self._units() as unit:
            for rows in unit.rows.values():
                waiting = rows.lock_waiting(real_now_ms, until_ms, TRANSFERS_PER_SWEEP_MAX)
                if len(waiting) == TRANSFERS_PER_SWEEP_MAX:
                    remaining_ms.append(waiting[-1].resend_at_ms)
                missed = [row for row in waiting if self._was_missed(row, since_ms)]
                decided = [decide_retransmission(row, real_now_ms, self._policy) for row in missed]
                rows.save([decision.row for decision in decided if decision.row is not None])
                decisions += decided
            unit.commit()
        _enqueue(self._publisher, decisions)
        return len(decisions), max(remaining_ms, default=None)

    def _was_missed(self, row: Any, since_ms: int) -> bool:
        """Whether the row sent its message before `since_ms`."""
        return self._policy.was_sent_before(row.row_id[0], row.resend_count, row.resend_at_ms, since_ms)


def _enqueue(publisher: BackgroundPublisher, decisions: Sequence[Decision[Any]]) -> None:
    publisher.enqueue(
        [
            Outgoing(HUB, message, decision.row.traceparent)
            for decision in decisions
            if decision.row is not None
            for message in decision.messages
        ]
    )
