"""The outbox sweep: retransmits messages that are due, and fails transfers that timed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hub.application.ports import RowChange, RowRepository, UnitOfWork, UnitsOfWork
from hub.domain.flows import decide_retransmission, decide_timeout, owed
from hub.domain.flows.flow import Decision
from hub.domain.settlement import Movement, apply_movement, changes_of
from hub.domain.tallies import tally_changes
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.deliveries import Outgoing
from pix.scheme.retransmission import RetransmissionPolicy

TRANSFERS_PER_SWEEP_MAX: Final = 500
"""A sweep is one transaction of bounded size; the sweeper sweeps again at once while there is more."""


class _Sweep:
    """Decides on rows that are found by a time, in one transaction."""

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        clock: Clock,
        policy: RetransmissionPolicy,
        timeout_ms: int | None = None,
    ) -> None:
        """`timeout_ms` is how long a transfer may be pending; None: as long as it takes."""
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._policy = policy
        self._timeout_ms = timeout_ms

    def _sweep(
        self, lock: Callable[[RowRepository[Any]], Sequence[Any]], decide: Callable[[Any], Decision[Any]]
    ) -> list[Outgoing]:
        with self._units() as unit:
            outgoing = _decide_all(unit, lock, decide)
            unit.commit()
        return outgoing


class RetransmitDue(_Sweep):
    """Derives again every message that is due and not yet answered; returns them once their next time is durable."""

    def __call__(self) -> list[Outgoing]:
        """One sweep; the messages to send, each of which has its next time already."""
        now_ms, real_now_ms = self._scheme_clock.now_ms(), self._clock.real_now_ms()
        return self._sweep(
            lambda rows: rows.lock_due(real_now_ms, TRANSFERS_PER_SWEEP_MAX, self._policy.cap_ms),
            lambda row: decide_retransmission(row, now_ms, real_now_ms, self._policy, self._timeout_ms),
        )


class RetransmitWaiting(_Sweep):
    """Retransmits what waits for a bank that is reachable again, before its backoff is over; a batch a call."""

    def __call__(self, ispb: str, since_ms: int, before_ms: int | None = None) -> tuple[list[Outgoing], int | None]:
        """The messages to send, and what to hand over as `before_ms` for those that remain; None: none remain.

        `since_ms` is when the bank became reachable, by this clock. What waits longest comes first; each row that is
        looked at has its next time already. Raises DatabaseUnavailable.
        """
        now_ms, real_now_ms = self._scheme_clock.now_ms(), self._clock.real_now_ms()
        # What is due later than the longest backoff is due now, and none of ours.
        until_ms = real_now_ms + self._policy.cap_ms + 1 if before_ms is None else before_ms
        remaining_ms: list[int] = []

        def lock(rows: RowRepository[Any]) -> Sequence[Any]:
            waiting = rows.lock_waiting(real_now_ms, until_ms, ispb, TRANSFERS_PER_SWEEP_MAX)
            if len(waiting) == TRANSFERS_PER_SWEEP_MAX:
                remaining_ms.append(waiting[-1].resend_at_ms)
            return [row for row in waiting if self._was_missed(row, ispb, since_ms)]

        outgoing = self._sweep(
            lock, lambda row: decide_retransmission(row, now_ms, real_now_ms, self._policy, self._timeout_ms)
        )
        return outgoing, max(remaining_ms, default=None)

    def _was_missed(self, row: Any, ispb: str, since_ms: int) -> bool:
        """Whether the bank owes an answer to what the row sent before `since_ms`."""
        return self._policy.was_sent_before(row.row_id, row.resend_count, row.resend_at_ms, since_ms) and any(
            receiver == ispb for receiver, _ in owed(row)
        )


class FailExpired(_Sweep):
    """Fails what the bank that was offered it has not answered within the hub's timeout."""

    def __call__(self) -> list[Outgoing]:
        """Nothing when no timeout is set: then a transfer waits for a bank that is down, for as long as it takes."""
        if self._timeout_ms is None:
            return []
        now_ms, real_now_ms = self._scheme_clock.now_ms(), self._clock.real_now_ms()
        timeout_ms = self._timeout_ms
        return self._sweep(
            lambda rows: rows.lock_expired(real_now_ms, timeout_ms, TRANSFERS_PER_SWEEP_MAX, self._policy.cap_ms),
            lambda row: decide_timeout(row, now_ms, real_now_ms, self._policy),
        )


def _decide_all(
    unit: UnitOfWork,
    lock: Callable[[RowRepository[Any]], Sequence[Any]],
    decide: Callable[[Any], Decision[Any]],
) -> list[Outgoing]:
    """Decides on the rows that `lock` finds in each flow: all rows first, then the tallies, and the accounts last.

    Reserves are released and nothing else, which no account can be too poor for. See `hub.application.ports.UnitOfWork`
    for the order.
    """
    pairs: list[tuple[Any, Any]] = []
    movements: list[Movement] = []
    outgoing: list[Outgoing] = []
    for repository in unit.rows.values():
        changes = []
        for row in lock(repository):
            decision = decide(row)
            if decision.row is None:
                continue
            changes.append(RowChange(decision.row, decision.steps))
            pairs.append((row, decision.row))
            movements += decision.movements
            outgoing += [Outgoing(ispb, message, decision.row.traceparent) for ispb, message in decision.messages]
        repository.save(changes)
    unit.tallies.add(tally_changes(pairs))
    if movements:
        accounts = unit.settlement.all()
        after = dict(accounts)
        for movement in movements:
            apply_movement(after, movement)
        unit.settlement.add(changes_of(accounts, after))
    return outgoing
