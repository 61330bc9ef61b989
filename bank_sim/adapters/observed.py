"""The bank's series of its sides of transfers, and spans around orders; see `pix.participant.observers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.flows.transfer.requests import TransferOrder
from pix.participant.observers import Pairs, RowWatch
from pix.runtime.trace_context import END_TO_END_ID, current_traceparent, note_for_request
from pix.scheme.errors import SchemeError
from pix.scheme.postings import Direction
from pix.telemetry.metrics import STEP_SECONDS, Metrics
from pix.telemetry.traces import ATTRIBUTE_END_TO_END_ID, SpanKind, Tracing

TakeOrders = Callable[[Sequence[TransferOrder]], list[Transfer | SchemeError]]
"""The use case that takes orders in one transaction."""


class TracedOrders:
    """Takes orders, each in a span that becomes the root of what happens to its transfer everywhere."""

    def __init__(self, take_orders: TakeOrders, tracing: Tracing | None) -> None:
        self._take_orders = take_orders
        self._tracing = tracing

    def __call__(self, orders: Sequence[TransferOrder]) -> list[Transfer | SchemeError]:
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


class TransferWatch(RowWatch):
    """Counts, times and logs what becomes of this bank's sides of transfers."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
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

    def row_id(self, row: Transfer) -> RowId:
        return row.end_to_end_id, row.direction

    def resends_of(self, row: Transfer) -> int:
        return row.resend_count

    def labels_of(self, row: Transfer) -> Mapping[str, str]:
        return {"direction": row.direction.value}

    def count(self, pairs: Pairs) -> None:
        reached: Counter[tuple[str, ...]] = Counter()
        failures: Counter[tuple[str, ...]] = Counter()
        steps: dict[tuple[str, ...], list[float]] = {}
        for before, after in pairs:
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
