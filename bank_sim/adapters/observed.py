"""What is to be seen of a bank's transfers: wrappers around its units of work and around the taking of orders.

The unit of work compares what was locked with what is saved, and counts once the transaction has committed.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, cast

from bank_sim.application.ports import TransferRepository, UnitOfWork, UnitsOfWork
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.flows.transfer.requests import TransferOrder
from pix.participant.observers import ObservedDeadLetters, log_dead_letters
from pix.runtime.logs import logger
from pix.runtime.trace_context import END_TO_END_ID, current_traceparent, note_for_request, trace_id_of
from pix.scheme.deliveries import Rejected
from pix.scheme.errors import SchemeError
from pix.scheme.postings import Direction
from pix.telemetry.metrics import STEP_SECONDS, Metrics
from pix.telemetry.records import spans_of_batch
from pix.telemetry.traces import ATTRIBUTE_END_TO_END_ID, SpanKind, Tracing

COMMITTED: Final = ("committed",)
READ: Final = ("read",)
FAILED: Final = ("failed",)

TakeOrders = Callable[[Sequence[TransferOrder]], list[Transfer | SchemeError]]
"""The use case that takes orders in one transaction."""
Pair = tuple[Transfer | None, Transfer]
"""A row as it was, and as it is now."""

log = logger(__name__)


class TracedOrders:
    """Takes orders, each in a span that becomes the root of what happens to its transfer everywhere."""

    def __init__(self, take_orders: TakeOrders, tracing: Tracing | None) -> None:
        self._take_orders = take_orders
        self._tracing = tracing

    def __call__(self, orders: Sequence[TransferOrder]) -> list[Transfer | SchemeError]:
        """As the use case does."""
        results = self._take_untraced(orders) if self._tracing is None else self._take_traced(orders, self._tracing)
        if len(results) == 1 and isinstance(results[0], Transfer):
            note_for_request(END_TO_END_ID, results[0].end_to_end_id)
        return results

    def _take_untraced(self, orders: Sequence[TransferOrder]) -> list[Transfer | SchemeError]:
        # The caller may trace, and the other participants too.
        if traceparent := current_traceparent():
            orders = [replace(order, traceparent=traceparent) for order in orders]
        return self._take_orders(orders)

    def _take_traced(self, orders: Sequence[TransferOrder], tracing: Tracing) -> list[Transfer | SchemeError]:
        with ExitStack() as stack:
            spans = [tracing.start("request_transfer", SpanKind.INTERNAL, current_traceparent(), {}) for _ in orders]
            for span in spans:
                stack.callback(span.end)
            traced = [replace(order, traceparent=span.traceparent) for order, span in zip(orders, spans, strict=True)]
            results = self._take_orders(traced)
            for span, result in zip(spans, results, strict=True):
                if isinstance(result, SchemeError):
                    span.set("codepix.refused", result.field)
                else:
                    span.set(ATTRIBUTE_END_TO_END_ID, result.end_to_end_id)
                    span.set("codepix.status", result.status.value)
        return results


class TransferWatch:
    """Counts, times and logs what becomes of this bank's sides of transfers."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._reached = metrics.counter(
            "codepix_bank_transfers_total",
            "This bank's sides of transfers that have reached a status.",
            ("direction", "status"),
        )
        self._failures = metrics.counter(
            "codepix_bank_failures_total",
            "This bank's sides of failed transfers, by reason code.",
            ("direction", "reason"),
        )
        self._steps = metrics.histogram(
            "codepix_bank_step_seconds",
            "Time of steps: request_to_outcome (the payer's debit to the booked outcome), answer_to_outcome (the "
            "answer to an offer to the booked outcome).",
            ("step",),
            STEP_SECONDS,
        )

    def committed(self, pairs: Sequence[Pair], letters: Sequence[Rejected]) -> None:
        """Takes note of rows and of dead letters."""
        if pairs:
            self._count(pairs)
            self._annotate(pairs)
        if letters:
            self.metrics.stored.add({(): float(len(letters))})
            log_dead_letters(log, letters)

    def _count(self, pairs: Sequence[Pair]) -> None:
        reached: Counter[tuple[str, ...]] = Counter()
        failures: Counter[tuple[str, ...]] = Counter()
        steps: dict[tuple[str, ...], list[float]] = {}
        resends = duplicates = refusals = 0
        for before, after in pairs:
            if before is not None:
                resends += after.resend_count - before.resend_count
                duplicates += after.duplicates - before.duplicates
                refusals += after.refusals - before.refusals
            if before is not None and before.status is after.status:
                continue
            reached[after.direction.value, after.status.value] += 1
            if after.status is TransferStatus.FAILED and after.reason is not None:
                failures[after.direction.value, after.reason.value] += 1
            if after.decided_at_ms is not None:
                is_outgoing = after.direction is Direction.OUTGOING
                since_ms = after.requested_at_ms if is_outgoing else after.answered_at_ms
                if since_ms is not None:
                    step = ("request_to_outcome" if is_outgoing else "answer_to_outcome",)
                    steps.setdefault(step, []).append(max(0.0, (after.decided_at_ms - since_ms) / 1000))
        self._reached.add(reached)
        self._failures.add(failures)
        self._steps.observe(steps)
        if resends:
            self.metrics.resends.add({(): float(resends)})
        if duplicates:
            self.metrics.duplicates.add({(): float(duplicates)})
        if refusals:
            self.metrics.refusals.add({(): float(refusals)})

    def _annotate(self, pairs: Sequence[Pair]) -> None:
        """Writes the status into the spans at hand, and a line each into a log that is detailed enough."""
        is_detailed = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
        spans = spans_of_batch()
        if not is_detailed and not spans:
            return
        for before, after in pairs:
            for span in spans.get(after.end_to_end_id, ()):
                span.set(f"codepix.{after.direction.value}.status", after.status.value)
            if is_detailed:
                log.debug(
                    "transfer changed",
                    end_to_end_id=after.end_to_end_id,
                    trace_id=trace_id_of(after.traceparent),
                    direction=after.direction.value,
                    status=after.status.value,
                    was=None if before is None else before.status.value,
                    reason=None if after.reason is None else after.reason.value,
                )


class ObservedUnitsOfWork:
    """Opens units of work that are watched."""

    def __init__(self, units: UnitsOfWork, watch: TransferWatch) -> None:
        self._units = units
        self._watch = watch

    def __call__(self) -> UnitOfWork:
        """A new one. What it does not watch it hands on as it is."""
        return cast(UnitOfWork, _ObservedUnit(self._units(), self._watch))


class _ObservedUnit:
    """See `bank_sim.application.ports.UnitOfWork`."""

    def __init__(self, unit: UnitOfWork, watch: TransferWatch) -> None:
        self._unit = unit
        self._watch = watch
        self._before: dict[RowId, Transfer] = {}
        self._saved: list[Transfer] = []
        self._letters: list[Rejected] = []
        self._outcome = READ
        self._started_seconds = 0.0

    @property
    def transfers(self) -> TransferRepository:
        return cast(TransferRepository, _ObservedTransfers(self._unit.transfers, self._before, self._saved))

    @property
    def dead_letters(self) -> ObservedDeadLetters:
        return ObservedDeadLetters(self._unit.dead_letters, self._letters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    def __enter__(self) -> _ObservedUnit:
        self._started_seconds = time.perf_counter()
        self._unit.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._outcome = FAILED
        try:
            self._unit.__exit__(kind, error, trace)
        finally:
            seconds = time.perf_counter() - self._started_seconds
            self._watch.metrics.transaction_seconds.observe({self._outcome: [seconds]})

    def commit(self) -> None:
        self._unit.commit()
        self._outcome = COMMITTED
        pairs = [(self._before.get((each.end_to_end_id, each.direction)), each) for each in self._saved]
        self._watch.committed(pairs, self._letters)


class _ObservedTransfers:
    """See `bank_sim.application.ports.TransferRepository`."""

    def __init__(self, transfers: TransferRepository, before: dict[RowId, Transfer], saved: list[Transfer]) -> None:
        self._transfers = transfers
        self._before = before
        self._saved = saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transfers, name)

    def lock(self, ids: Collection[RowId]) -> dict[RowId, Transfer]:
        locked = self._transfers.lock(ids)
        self._before.update(locked)
        return locked

    def lock_due(self, now_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        locked = self._transfers.lock_due(now_ms, size, wait_ms_max)
        self._before.update(_by_id(locked))
        return locked

    def add(self, transfers: Sequence[Transfer]) -> None:
        self._transfers.add(transfers)
        self._saved += transfers

    def save(self, transfers: Sequence[Transfer]) -> None:
        self._transfers.save(transfers)
        self._saved += transfers


def _by_id(transfers: Iterable[Transfer]) -> dict[RowId, Transfer]:
    return {(transfer.end_to_end_id, transfer.direction): transfer for transfer in transfers}
