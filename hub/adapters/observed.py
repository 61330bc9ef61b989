"""The hub's series of each flow's rows; see `pix.participant.observers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from hub.domain.flows import FLOWS, name_of
from hub.domain.flows.flow import Flow, FlowRow
from hub.domain.flows.transfer.model import NAME as TRANSFER
from pix.participant.observers import Pairs, RowWatch
from pix.scheme.messages import Party, Side
from pix.telemetry.metrics import STEP_SECONDS, Metrics

_STEPS: Final = (
    "Time of a {flow}'s steps, by the bank of the step: request ({asks}'s commit to the hub's offer, two "
    "clocks), decision (offer to decision), payer_processing and payee_processing (decision to the bank's "
    "{processed}), whole (request received to completed)."
)


class FlowWatch(RowWatch):
    """Counts, times and logs what becomes of the rows of every flow."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
        self._series = {flow.name: _Series(metrics, flow) for flow in FLOWS}

    def labels_of(self, row: FlowRow) -> Mapping[str, str]:  # noqa: ARG002 - a bank's side has a direction
        return {}

    def count(self, pairs: Pairs) -> None:
        of_flows: dict[str, list[tuple[Any, Any]]] = {}
        for pair in pairs:
            of_flows.setdefault(name_of(pair[1]), []).append(pair)
        for flow, those in of_flows.items():
            self._series[flow].count(those)


class _Series:
    def __init__(self, metrics: Metrics, flow: Flow[Any, Any, Any]) -> None:
        name, rows = flow.name, f"{flow.name.capitalize()}s"
        # The series of transfers are older than other flows, and have no flow in their names.
        prefix = "codepix_hub_" if name == TRANSFER else f"codepix_hub_{name}_"
        self._answering = flow.offered_to
        self._reached = metrics.counter(
            f"codepix_hub_{name}s_total", f"{rows} that have reached a status.", ("status", "payer_ispb")
        )
        self._failures = metrics.counter(
            f"{prefix}failures_total", f"{rows} that have failed, by reason code.", ("reason", "payer_ispb")
        )
        self._settled = metrics.counter(
            f"{prefix}settled_centavos_total", f"Money of confirmed {name}s.", ("payer_ispb",)
        )
        processed = next(each.__name__ for each in flow.messages if each.__name__.endswith("Processed"))
        self._steps = metrics.histogram(
            f"{prefix}step_seconds",
            _STEPS.format(flow=name, asks=flow.offered_to.other.value, processed=processed),
            ("step", "ispb"),
            STEP_SECONDS,
        )

    def count(self, pairs: Pairs) -> None:
        reached: Counter[tuple[str, ...]] = Counter()
        failures: Counter[tuple[str, ...]] = Counter()
        settled: Counter[tuple[str, ...]] = Counter()
        steps: dict[tuple[str, ...], list[float]] = {}
        asking, answering = self._answering.other, self._answering
        for before, after in pairs:
            payer = _ispb(after, Side.PAYER)
            if before is None:
                place = ("request", _ispb(after, asking))
                steps.setdefault(place, []).append(_seconds(after.requested_at_ms, after.received_at_ms))
            if before is None or before.status is not after.status:
                reached[after.status.value, payer] += 1
                if after.status == "failed" and after.reason is not None:
                    failures[after.reason.value, payer] += 1
                elif after.status == "confirmed":
                    settled[(payer,)] += after.amount_centavos
                elif after.status == "completed":
                    whole = _seconds(after.received_at_ms, after.closed_at_ms)
                    steps.setdefault(("whole", payer), []).append(whole)
            if before is not None:
                _add_later_steps(steps, before, after, answering)
        self._reached.add(reached)
        self._failures.add(failures)
        self._settled.add(settled)
        self._steps.observe(steps)


def _add_later_steps(steps: dict[tuple[str, ...], list[float]], before: Any, after: Any, answering: Side) -> None:
    if before.decided_at_ms is None and after.decided_at_ms is not None:
        place = ("decision", _ispb(after, answering))
        steps.setdefault(place, []).append(_seconds(after.offered_at_ms, after.decided_at_ms))
    if before.payer_processed_at_ms is None and after.payer_processed_at_ms is not None:
        place = ("payer_processing", _ispb(after, Side.PAYER))
        steps.setdefault(place, []).append(_seconds(after.decided_at_ms, after.payer_processed_at_ms))
    if before.payee_processed_at_ms is None and after.payee_processed_at_ms is not None:
        place = ("payee_processing", _ispb(after, Side.PAYEE))
        steps.setdefault(place, []).append(_seconds(after.decided_at_ms, after.payee_processed_at_ms))


def _ispb(row: FlowRow, side: Side) -> str:
    party: Party | None = row.payer if side is Side.PAYER else row.payee
    return "" if party is None else party.ispb


def _seconds(from_ms: int | None, to_ms: int | None) -> float:
    """Never less than nought: two clocks may differ."""
    return 0.0 if from_ms is None or to_ms is None else max(0.0, (to_ms - from_ms) / 1000)
