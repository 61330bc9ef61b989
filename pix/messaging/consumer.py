"""The thread that runs a `BatchLoop`: waits for an absent database or broker, dead-letters what makes it fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from pix.messaging.batches import BatchHandler, BatchLoop, Position, RecordSink, RecordSource
from pix.messaging.log_context import about
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, ConsumerStalled, DatabaseUnavailable
from pix.scheme.deliveries import REASON_LENGTH_MAX
from pix.wire.protobuf_v1.batches import signed
from pix.wire.record import Record, without_bytes

POLL_SECONDS: Final = 0.5
WAIT_SECONDS_FIRST: Final = 0.2
WAIT_SECONDS_MAX: Final = 1.0
"""An attempt a second costs little, and what waits goes on that soon once the database or the broker is back."""
LAG_AGE_SECONDS_MAX: Final = 0.5
CONNECTION_BREAKS_MAX: Final = 3
"""So often in a row, while the database answers, a batch may break the connection; then so often a record alone."""
TURN_SECONDS_MAX: Final = 10.0
"""A turn that takes longer is in trouble: it hangs, or the database is far too slow."""

log = logger(__name__)


class PausableSource(RecordSource[Position], Protocol[Position]):
    """A source that can pause without losing its position."""

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Waits without taking records, until the time is over or `stop` is set."""

    def close(self) -> None:
        """Gives its partitions back."""


StoreDeadLetter = Callable[[Record, str], None]
"""Stores one record among the dead letters, with the reason, in a separate transaction."""


def _never() -> bool:
    return False


def isolating_poison(
    handle: BatchHandler, store_dead_letter: StoreDeadLetter, database_answers: Callable[[], bool] = _never
) -> BatchHandler:
    """A handler that survives a record which makes `handle` fail.

    When a batch fails for another reason than an absent database, `handle` gets its records one by one, and each that
    fails alone becomes a dead letter. So a poisoned record never stops a partition, and no other is lost with it.

    A record may also break the connection to the database, which looks like an absent database. `database_answers`
    tells them apart: when a batch has failed so several times, and the database answered right after each, `handle`
    gets its records one by one too, and the one that fails so several times alone is poison.
    """
    return _PoisonIsolation(handle, store_dead_letter, database_answers)


class _PoisonIsolation:
    """See `isolating_poison`. For one thread, or several that process their batches one after the other."""

    def __init__(
        self, handle: BatchHandler, store_dead_letter: StoreDeadLetter, database_answers: Callable[[], bool]
    ) -> None:
        self._handle = handle
        self._store_dead_letter = store_dead_letter
        self._database_answers = database_answers
        self._broken_batches = 0
        """Batches in a row that broke the connection, while the database answered."""
        self._suspect: tuple[str, int, int, bytes, bytes] | None = None
        """Topic, partition, offset, key and value of the record that last broke it alone; a place may have several."""
        self._suspect_breaks = 0

    def __call__(self, records: Sequence[Record]) -> Sequence[Record]:
        """Raises DatabaseUnavailable."""
        try:
            outgoing = self._handle(records)
        except DatabaseUnavailable:
            if not self._database_answers():
                self._broken_batches = 0
                raise
            self._broken_batches += 1
            if self._broken_batches < CONNECTION_BREAKS_MAX:
                raise
            log.exception("a batch breaks the connection, its records are treated one by one", records=len(records))
        except Exception:
            log.exception("a batch failed, its records are treated one by one", records=len(records))
        else:
            self._broken_batches = 0
            return outgoing
        return [answer for record in records for answer in self._alone(record)]

    def _alone(self, record: Record) -> Sequence[Record]:
        with about(record):
            try:
                return self._handle([record])
            except DatabaseUnavailable as error:
                if not self._is_poison(record):
                    raise
                log.exception("a record breaks the connection", topic=record.topic, offset=record.offset)
                reason = f"breaks the connection to the database: {error}"
            except Exception as error:
                log.exception("a record cannot be processed", topic=record.topic, offset=record.offset)
                reason = f"processing failed: {type(error).__name__}: {error}"
            self._store(record, reason[:REASON_LENGTH_MAX])
            return ()

    def _is_poison(self, record: Record) -> bool:
        """Whether the record has now broken the connection so often that it cannot be the database's fault."""
        if not self._database_answers():
            return False
        suspect = (record.topic, record.partition, record.offset, record.key, record.value)
        self._suspect_breaks = self._suspect_breaks + 1 if suspect == self._suspect else 1
        self._suspect = suspect
        return self._suspect_breaks >= CONNECTION_BREAKS_MAX

    def _store(self, record: Record, reason: str) -> None:
        """Stores the dead letter, without the record's bytes when the database refuses them.

        Raises DatabaseUnavailable when it can store neither: that is no fault of the record.
        """
        record = signed(record)
        try:
            self._store_dead_letter(record, reason)
        except Exception as error:
            if isinstance(error, DatabaseUnavailable) and not self._database_answers():
                raise
            log.exception("a dead letter cannot be stored with its bytes", topic=record.topic, offset=record.offset)
        else:
            return
        try:
            self._store_dead_letter(without_bytes(record, "its bytes could not be stored"), reason)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - the first failure is in the log
            # The reason may hold what the database refuses, too.
            self._store_dead_letter(without_bytes(record, "its bytes could not be stored"), "processing failed")


class ConsumerThread:
    """Consumes until told to stop; waits, and reports trouble, while the database or the broker does not answer."""

    def __init__(
        self,
        make_source: Callable[[], PausableSource[Any]],
        handle: BatchHandler,
        sink: RecordSink,
        health: Health,
        part: str = "consumer",
    ) -> None:
        """`part` is the name of the consumer in the health."""
        self._part = part
        self._make_source = make_source
        self._handle = handle
        self._sink = sink
        self._health = health
        self._lag = 0
        self._lag_known_at_seconds = float("-inf")

    def lag(self) -> int:
        """Records waiting behind a batch of half a second ago at most, or the last one; 0 before the first."""
        return self._lag

    def run(self, stop: threading.Event) -> None:
        """Consumes until `stop` is set; then finishes its batch, commits and leaves the group."""
        while self._consume(stop):
            pass

    def _consume(self, stop: threading.Event) -> bool:
        """Consumes from one source; True when that has stalled, and another is to be opened."""
        source = self._open_source(stop)
        if source is None:
            return False
        loop = BatchLoop(source, self._handle, self._sink)
        wait_seconds = WAIT_SECONDS_FIRST
        is_troubled = False
        self._health.ok(self._part, TURN_SECONDS_MAX)
        try:
            while not stop.is_set():
                try:
                    loop.turn(POLL_SECONDS)
                    if is_troubled:
                        # After trouble a turn counts as done only once the broker has acknowledged it.
                        loop.flush()
                    is_troubled = False
                    self._update_lag(source)
                    self._health.ok(self._part, TURN_SECONDS_MAX)
                    wait_seconds = WAIT_SECONDS_FIRST
                except ConsumerStalled as error:
                    self._health.trouble(self._part, f"starting anew: {error}")
                    log.warning("the consumer has stalled and is replaced", error=str(error))
                    return True
                except (DatabaseUnavailable, BrokerUnavailable) as error:
                    is_troubled = True
                    what = "database" if isinstance(error, DatabaseUnavailable) else "broker"
                    self._health.trouble(self._part, f"waiting for the {what}: {error}")
                    log.warning("waiting", for_the=what, error=str(error), seconds=wait_seconds)
                    source.rewind()
                    source.wait(wait_seconds, stop)
                    wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)
            self._finish(loop)
            return False
        finally:
            source.close()

    def _update_lag(self, source: PausableSource[Any]) -> None:
        now_seconds = time.monotonic()
        if now_seconds - self._lag_known_at_seconds >= LAG_AGE_SECONDS_MAX:
            self._lag = source.lag()
            self._lag_known_at_seconds = now_seconds

    def _finish(self, loop: BatchLoop[Any]) -> None:
        try:
            loop.flush()
        except BrokerUnavailable as error:
            log.warning("the last batch is not acknowledged, its records will come again", error=str(error))

    def _open_source(self, stop: threading.Event) -> PausableSource[Any] | None:
        """The source, once the broker is there; None when told to stop before."""
        wait_seconds = WAIT_SECONDS_FIRST
        while not stop.is_set():
            try:
                return self._make_source()
            except BrokerUnavailable as error:
                self._health.trouble(self._part, f"waiting for the broker: {error}")
                log.warning("waiting", for_the="broker", error=str(error), seconds=wait_seconds)
                stop.wait(wait_seconds)
                wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)
        return None
