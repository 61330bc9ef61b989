"""Observed units of work: metrics, spans and logs of changes, the same for hub and banks.

The unit of work compares the rows that were locked with those that are saved, and counts once the transaction has
committed. So metrics tell committed facts, never attempts, and neither use cases nor SQL know of them.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import attrgetter
from types import TracebackType
from typing import Any, Final, cast

from pix.messaging.log_context import id_of, name_of_id, traceparent_of
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.participant.dead_letters.records import record_of
from pix.runtime.logs import logger
from pix.runtime.trace_context import trace_id_of
from pix.scheme.deliveries import Rejected
from pix.telemetry.metrics import Metrics
from pix.telemetry.records import spans_of_batch
from pix.wire.record import digest_of

COMMITTED: Final = ("committed",)
READ: Final = ("read",)
FAILED: Final = ("failed",)

log = logger(__name__)

Pairs = Sequence[tuple[Any, Any]]
"""Rows before (None for a new one) and after a transaction."""


class RowWatch(ABC):
    """Counts, times and logs changes of rows. Hub and bank derive theirs, with their own series."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def record_key(self, row: Any) -> str:
        """The key of the records about the row."""
        row_id = row.row_id
        return row_id if isinstance(row_id, str) else cast(str, row_id[0])

    @abstractmethod
    def count(self, pairs: Pairs) -> None: ...

    @abstractmethod
    def labels_of(self, row: Any) -> Mapping[str, str]:
        """What distinguishes the row from others with its end-to-end id, for logs and the names of attributes."""

    def committed(self, pairs: Pairs, rejected: Sequence[Rejected]) -> None:
        """Observes rows and dead letters of a committed transaction."""
        if pairs:
            self.count(pairs)
            self._count_messages([pair for pair in pairs if pair[0] is not None])
            self._annotate(pairs)
        if rejected:
            self.metrics.stored.add({(): float(len(rejected))})
            log_dead_letters(log, rejected)

    def _count_messages(self, changed: Pairs) -> None:
        added = [0, 0, 0]
        for before, after in changed:
            # Most rows count none of these.
            if (counted := _counts_of(after)) != (known := _counts_of(before)):
                added = [total + new - old for total, new, old in zip(added, counted, known, strict=True)]
        for counter, number in zip(
            (self.metrics.resends, self.metrics.duplicates, self.metrics.refusals), added, strict=True
        ):
            if number:
                counter.add({(): float(number)})

    def _annotate(self, pairs: Pairs) -> None:
        """Writes the status into the current spans, and a line each into a log with the level DEBUG."""
        is_detailed = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
        spans = spans_of_batch()
        if not is_detailed and not spans:
            return
        for before, after in pairs:
            labels = self.labels_of(after)
            event = f"{type(after).__name__.lower()} changed"
            for span in spans.get(self.record_key(after), ()):
                span.set(".".join(("codepix", *labels.values(), "status")), after.status.value)
            if is_detailed:
                log.debug(
                    event,
                    **{name_of_id(self.record_key(after)): self.record_key(after)},
                    trace_id=trace_id_of(after.traceparent),
                    **labels,
                    status=after.status.value,
                    was=None if before is None else before.status.value,
                    reason=None if after.reason is None else after.reason.value,
                )


_counts_of: Final = attrgetter("resends", "duplicates", "refusals")
"""How often messages of a row were retransmitted, came again, and were ignored."""


class ObservedUnitsOfWork:
    """Opens units of work that are watched."""

    def __init__(self, units: Callable[[], Any], watch: RowWatch) -> None:
        self._units = units
        self._watch = watch

    def __call__(self) -> Any:
        """A new one; everything but rows and dead letters is the unit's."""
        return _ObservedUnit(self._units(), self._watch)


class _ObservedUnit:
    def __init__(self, unit: Any, watch: RowWatch) -> None:
        self._unit = unit
        self._watch = watch
        self._before: dict[Hashable, Any] = {}
        self._saved: list[Any] = []
        self._rejected: list[Rejected] = []
        self._outcome = READ
        self._started_seconds = 0.0

    @property
    def transfers(self) -> Any:
        return self._observed(self._unit.transfers)

    @property
    def rows(self) -> Mapping[str, Any]:
        """The repositories of all flows, by name."""
        return {flow: self._observed(rows) for flow, rows in self._unit.rows.items()}

    @property
    def dead_letters(self) -> ObservedDeadLetters:
        return ObservedDeadLetters(self._unit.dead_letters, self._rejected)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    def _observed(self, rows: Any) -> _ObservedRows:
        return _ObservedRows(rows, self._before, self._saved)

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
        self._watch.committed([(self._before.get(row.row_id), row) for row in self._saved], self._rejected)


class _ObservedRows:
    """A repository of rows; the hub saves changes with a row in them, a bank saves rows."""

    def __init__(self, rows: Any, before: dict[Hashable, Any], saved: list[Any]) -> None:
        self._rows = rows
        self._before = before
        self._saved = saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    def lock(self, *ids: Any, **options: Any) -> Any:
        locked = self._rows.lock(*ids, **options)
        self._before.update(locked)
        return locked

    def lock_due(self, *bounds: int) -> Any:
        return self._locked(self._rows.lock_due(*bounds))

    def lock_expired(self, *bounds: int) -> Any:
        return self._locked(self._rows.lock_expired(*bounds))

    def add(self, rows: Sequence[Any]) -> None:
        self._rows.add(rows)
        self._saved += rows

    def save(self, changes: Sequence[Any]) -> None:
        self._rows.save(changes)
        self._saved += [getattr(change, "row", change) for change in changes]

    def _locked(self, rows: Any) -> Any:
        self._before.update((row.row_id, row) for row in rows)
        return rows


LETTERS_LOGGED_MAX: Final = 10
"""Of one batch: bad records must not fill the log."""


class ObservedDeadLetters:
    """Dead letters that are also listed once they are added; see `DeadLetterRepository`."""

    def __init__(self, dead_letters: DeadLetterRepository, added: list[Rejected]) -> None:
        self._dead_letters = dead_letters
        self._added = added

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dead_letters, name)

    def add(self, rejected: Sequence[Rejected], now_ms: int) -> None:
        self._dead_letters.add(rejected, now_ms)
        self._added += rejected


def log_dead_letters(log: Any, rejected: Sequence[Rejected]) -> None:
    """Logs a line for each, up to a limit, and how many there are beyond it."""
    for each in rejected[:LETTERS_LOGGED_MAX]:
        record = record_of(each)
        log.warning(
            "a record went to the dead letters",
            reason=each.reason,
            sender=each.sender,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            digest=digest_of(record),
            **{name_of_id(id_of(record)): id_of(record)},
            trace_id=trace_id_of(traceparent_of(record)),
        )
    if len(rejected) > LETTERS_LOGGED_MAX:
        log.warning("more records went to the dead letters", records=len(rejected) - LETTERS_LOGGED_MAX)
