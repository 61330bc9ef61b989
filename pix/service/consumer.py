"""The thread that turns a `BatchLoop`, through absent databases and brokers and poisoned records."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from pix.service.batches import (
    BatchHandler,
    BatchLoop,
    BrokerUnavailable,
    DatabaseUnavailable,
    Place,
    RecordSink,
    RecordSource,
    SourceStuck,
)
from pix.service.health import Health
from pix.service.logs import logger
from pix.service.records import Record
from pix.service.telemetry.records import about

POLL_SECONDS: Final = 0.5
WAIT_SECONDS_FIRST: Final = 0.2
WAIT_SECONDS_MAX: Final = 5.0
LAG_AGE_SECONDS_MAX: Final = 0.5

log = logger(__name__)


class PatientSource(RecordSource[Place], Protocol[Place]):
    """A source that can be kept waiting without losing its place."""

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Waits without taking records; no longer once `stop` is set."""

    def close(self) -> None:
        """Gives its partitions back."""


Bury = Callable[[Record, str], None]
"""Stores one record among the dead letters, with the reason, in a transaction of its own."""


def isolating_poison(handle: BatchHandler, bury: Bury) -> BatchHandler:
    """A handler that survives a record which makes `handle` fail.

    When a batch fails for another reason than an absent database, its records are treated one by one, and each that
    fails alone goes to the dead letters. So a poisoned record never stops a partition, and takes no other with it.
    """

    def handle_batch(records: Sequence[Record]) -> Sequence[Record]:
        try:
            return handle(records)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("a batch failed, its records are treated one by one", records=len(records))
        outgoing: list[Record] = []
        for record in records:
            with about(record):
                try:
                    outgoing.extend(handle([record]))
                except DatabaseUnavailable:
                    raise
                except Exception as error:
                    log.exception("a record cannot be processed", topic=record.topic, offset=record.offset)
                    bury(record, f"processing failed: {type(error).__name__}: {error}"[:500])
        return outgoing

    return handle_batch


class ConsumerThread:
    """Consumes until told to stop; waits, and says so in its health, while the database or the broker is away."""

    def __init__(
        self, make_source: Callable[[], PatientSource[Any]], handle: BatchHandler, sink: RecordSink, health: Health
    ) -> None:
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
        """Consumes from one source; True when that is stuck, and another is to be opened."""
        source = self._open_source(stop)
        if source is None:
            return False
        loop = BatchLoop(source, self._handle, self._sink)
        wait_seconds = WAIT_SECONDS_FIRST
        is_troubled = False
        self._health.ok("consumer")
        try:
            while not stop.is_set():
                try:
                    loop.turn(POLL_SECONDS)
                    if is_troubled:
                        # After trouble nothing is well before it is acknowledged.
                        loop.settle()
                    is_troubled = False
                    self._look_at_lag(source)
                    self._health.ok("consumer")
                    wait_seconds = WAIT_SECONDS_FIRST
                except SourceStuck as error:
                    self._health.trouble("consumer", f"starting anew: {error}")
                    log.warning("the client is stuck and is replaced", error=str(error))
                    return True
                except (DatabaseUnavailable, BrokerUnavailable) as error:
                    is_troubled = True
                    what = "database" if isinstance(error, DatabaseUnavailable) else "broker"
                    self._health.trouble("consumer", f"waiting for the {what}: {error}")
                    log.warning("waiting", for_the=what, error=str(error), seconds=wait_seconds)
                    source.rewind()
                    source.wait(wait_seconds, stop)
                    wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)
            self._finish(loop)
            return False
        finally:
            source.close()

    def _look_at_lag(self, source: PatientSource[Any]) -> None:
        now_seconds = time.monotonic()
        if now_seconds - self._lag_known_at_seconds >= LAG_AGE_SECONDS_MAX:
            self._lag = source.lag()
            self._lag_known_at_seconds = now_seconds

    def _finish(self, loop: BatchLoop[Any]) -> None:
        try:
            loop.settle()
        except BrokerUnavailable as error:
            log.warning("the last batch is not acknowledged, its records will come again", error=str(error))

    def _open_source(self, stop: threading.Event) -> PatientSource[Any] | None:
        """The source, once the broker is there; None when told to stop before."""
        wait_seconds = WAIT_SECONDS_FIRST
        while not stop.is_set():
            try:
                return self._make_source()
            except BrokerUnavailable as error:
                self._health.trouble("consumer", f"waiting for the broker: {error}")
                log.warning("waiting", for_the="broker", error=str(error), seconds=wait_seconds)
                stop.wait(wait_seconds)
                wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)
        return None
