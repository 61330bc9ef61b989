"""What is to be seen of the hub's transfers: a unit of work around the unit of work.

It compares what was locked with what is saved, and counts once the transaction has committed. So metrics tell what has
happened, never what was attempted, and neither use cases nor SQL know of them.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any, Final, cast

from hub.application.ports import TransferChange, TransferRepository, UnitOfWork, UnitsOfWork
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from pix.participant.observers import ObservedDeadLetters, log_dead_letters
from pix.runtime.logs import logger
from pix.runtime.trace_context import trace_id_of
from pix.scheme.deliveries import Rejected
from pix.telemetry.metrics import STEP_SECONDS, Metrics
from pix.telemetry.records import spans_of_batch

COMMITTED: Final = ("committed",)
READ: Final = ("read",)
FAILED: Final = ("failed",)

log = logger(__name__)


class TransferWatch:
    """Counts, times and logs what becomes of transfers."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
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

    def committed(self, pairs: Sequence[tuple[Transfer | None, Transfer]], letters: Sequence[Rejected]) -> None:
        """Takes note of rows, each as it was and as it is now, and of dead letters."""
        if pairs:
            self._count(pairs)
            self._annotate(pairs)
        if letters:
            self.metrics.stored.add({(): float(len(letters))})
            log_dead_letters(log, letters)

    def _count(self, pairs: Sequence[tuple[Transfer | None, Transfer]]) -> None:
        reached: Counter[tuple[str, ...]] = Counter()
        failures: Counter[tuple[str, ...]] = Counter()
        settled: Counter[tuple[str, ...]] = Counter()
        steps: dict[tuple[str, ...], list[float]] = {}
        resends = duplicates = refusals = 0
        for before, after in pairs:
            payer = after.payer.ispb
            if before is None:
                steps.setdefault(("request", payer), []).append(_seconds(after.requested_at_ms, after.received_at_ms))
            else:
                resends += after.resends - before.resends
                duplicates += after.duplicates - before.duplicates
                refusals += after.refusals - before.refusals
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
        if resends:
            self.metrics.resends.add({(): float(resends)})
        if duplicates:
            self.metrics.duplicates.add({(): float(duplicates)})
        if refusals:
            self.metrics.refusals.add({(): float(refusals)})

    def _annotate(self, pairs: Sequence[tuple[Transfer | None, Transfer]]) -> None:
        """Writes the status into the spans at hand, and a line each into a log that is detailed enough."""
        is_detailed = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
        spans = spans_of_batch()
        if not is_detailed and not spans:
            return
        for before, after in pairs:
            for span in spans.get(after.end_to_end_id, ()):
                span.set("codepix.status", after.status.value)
            if is_detailed:
                log.debug(
                    "transfer changed",
                    end_to_end_id=after.end_to_end_id,
                    trace_id=trace_id_of(after.traceparent),
                    status=after.status.value,
                    was=None if before is None else before.status.value,
                    reason=None if after.reason is None else after.reason.value,
                )


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


class ObservedUnitsOfWork:
    """Opens units of work that are watched."""

    def __init__(self, units: UnitsOfWork, watch: TransferWatch) -> None:
        self._units = units
        self._watch = watch

    def __call__(self) -> UnitOfWork:
        """A new one. What it does not watch it hands on as it is."""
        return cast(UnitOfWork, _ObservedUnit(self._units(), self._watch))


class _ObservedUnit:
    """See `hub.application.ports.UnitOfWork`."""

    def __init__(self, unit: UnitOfWork, watch: TransferWatch) -> None:
        self._unit = unit
        self._watch = watch
        self._before: dict[str, Transfer] = {}
        self._saved: list[TransferChange] = []
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
        pairs = [(self._before.get(each.transfer.end_to_end_id), each.transfer) for each in self._saved]
        self._watch.committed(pairs, self._letters)


class _ObservedTransfers:
    """See `hub.application.ports.TransferRepository`."""

    def __init__(self, transfers: TransferRepository, before: dict[str, Transfer], saved: list[TransferChange]) -> None:
        self._transfers = transfers
        self._before = before
        self._saved = saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transfers, name)

    def lock(self, end_to_end_ids: Collection[str], *, surely: bool = False) -> dict[str, Transfer]:
        locked = self._transfers.lock(end_to_end_ids, surely=surely)
        self._before.update(locked)
        return locked

    def lock_due(self, now_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        return self._noted(self._transfers.lock_due(now_ms, size, wait_ms_max))

    def lock_expired(self, now_ms: int, timeout_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        return self._noted(self._transfers.lock_expired(now_ms, timeout_ms, size, wait_ms_max))

    def save(self, changes: Sequence[TransferChange]) -> None:
        self._transfers.save(changes)
        self._saved += changes

    def _noted(self, locked: list[Transfer]) -> list[Transfer]:
        self._before.update((transfer.end_to_end_id, transfer) for transfer in locked)
        return locked
