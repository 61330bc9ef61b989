"""The hub's series of transfers; see `pix.participant.observers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hub.domain.flows.transfer.model import Transfer, TransferStatus
from pix.participant.observers import Pairs, RowWatch
from pix.telemetry.metrics import STEP_SECONDS, Metrics


class TransferWatch(RowWatch):
    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
        self._reached = metrics.counter(
            "codepix_hub_transfers_total", "Transfers that have reached a status.", ("status", "payer_ispb")
        )
        self._failures = metrics.counter(
            "codepix_hub_failures_total", "Transfers that have failed, by reason code.", ("reason", "payer_ispb")
        )
        self._settled = metrics.counter(
            "codepix_hub_settled_centavos_total", "Money of confirmed transfers.", ("payer_ispb",)
        )
        self._steps = metrics.histogram(
            "codepix_hub_step_seconds",
            "Time of a transfer's steps, by the bank of the step: request (payer's commit to the hub's offer, two "
            "clocks), decision (offer to decision), payer_processing and payee_processing (decision to the bank's "
            "OutcomeProcessed), whole (request received to completed).",
            ("step", "ispb"),
            STEP_SECONDS,
        )

    def row_id(self, row: Transfer) -> str:
        return row.end_to_end_id

    def resends_of(self, row: Transfer) -> int:
        return row.resends

    def labels_of(self, row: Transfer) -> Mapping[str, str]:  # noqa: ARG002 - a bank's side has a direction
        return {}

    def count(self, pairs: Pairs) -> None:
        reached: Counter[tuple[str, ...]] = Counter()
        failures: Counter[tuple[str, ...]] = Counter()
        settled: Counter[tuple[str, ...]] = Counter()
        steps: dict[tuple[str, ...], list[float]] = {}
        for before, after in pairs:
            payer = after.payer.ispb
            if before is None:
                steps.setdefault(("request", payer), []).append(_seconds(after.requested_at_ms, after.received_at_ms))
            if before is None or before.status is not after.status:
                reached[after.status.value, payer] += 1
                if after.status is TransferStatus.FAILED and after.reason is not None:
                    failures[after.reason.value, payer] += 1
                elif after.status is TransferStatus.CONFIRMED:
                    settled[(payer,)] += after.amount_centavos
                elif after.status is TransferStatus.COMPLETED:
                    whole = _seconds(after.received_at_ms, after.closed_at_ms)
                    steps.setdefault(("whole", payer), []).append(whole)
            if before is not None:
                _add_later_steps(steps, before, after)
        self._reached.add(reached)
        self._failures.add(failures)
        self._settled.add(settled)
        self._steps.observe(steps)


def _add_later_steps(steps: dict[tuple[str, ...], list[float]], before: Transfer, after: Transfer) -> None:
    payee = "" if after.payee is None else after.payee.ispb
    if before.decided_at_ms is None and after.decided_at_ms is not None:
        steps.setdefault(("decision", payee), []).append(_seconds(after.offered_at_ms, after.decided_at_ms))
    if before.payer_processed_at_ms is None and after.payer_processed_at_ms is not None:
        place = ("payer_processing", after.payer.ispb)
        steps.setdefault(place, []).append(_seconds(after.decided_at_ms, after.payer_processed_at_ms))
    if before.payee_processed_at_ms is None and after.payee_processed_at_ms is not None:
        place = ("payee_processing", payee)
        steps.setdefault(place, []).append(_seconds(after.decided_at_ms, after.payee_processed_at_ms))


def _seconds(from_ms: int | None, to_ms: int | None) -> float:
    """Never less than nought: two clocks may differ."""
    return 0.0 if from_ms is None or to_ms is None else max(0.0, (to_ms - from_ms) / 1000)
