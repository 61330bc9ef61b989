"""The bank's series of each flow's rows, and spans around orders; see `pix.participant.observers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from bank_sim.domain.flows import FLOWS, name_of
from bank_sim.domain.flows.flow import FlowRow
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer
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


class FlowWatch(RowWatch):
    """Counts, times and logs what becomes of this bank's rows of every flow."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
        self._series = {flow.name: _Series(metrics, flow.name) for flow in FLOWS}

    def labels_of(self, row: FlowRow) -> Mapping[str, str]:
        return {"direction": row.direction.value}

    def count(self, pairs: Pairs) -> None:
        of_flows: dict[str, list[tuple[FlowRow | None, FlowRow]]] = {}
        for pair in pairs:
            of_flows.setdefault(name_of(pair[1]), []).append(pair)
        for flow, those in of_flows.items():
            self._series[flow].count(those)


class _Series:
    def __init__(self, metrics: Metrics, flow: str) -> None:
        # The series of transfers are older than other flows, and have no flow in their names.
        prefix = "codepix_bank_" if flow == TRANSFER else f"codepix_bank_{flow}_"
        self._reached = metrics.counter(
            f"codepix_bank_{flow}s_total",
            f"This bank's sides of {flow}s that have reached a status.",
            ("direction", "status"),
        )
        self._failures = metrics.counter(
            f"{prefix}failures_total",
            f"This bank's sides of failed {flow}s, by reason code.",
            ("direction", "reason"),
        )
        self._steps = metrics.histogram(
            f"{prefix}step_seconds",
            f"Time of a {flow}'s steps: request_to_outcome (the customer's debit to the booked outcome), "
            "answer_to_outcome (the answer to an offer to the booked outcome).",
            ("step",),
            STEP_SECONDS,
        )

    def count(self, pairs: Sequence[tuple[FlowRow | None, FlowRow]]) -> None:
        reached: Counter[tuple[str, ...]] = Counter()
        failures: Counter[tuple[str, ...]] = Counter()
        steps: dict[tuple[str, ...], list[float]] = {}
        for before, after in pairs:
            if before is not None and before.status is after.status:
                continue
            reached[after.direction.value, after.status.value] += 1
            if after.status == "failed" and after.reason is not None:
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
