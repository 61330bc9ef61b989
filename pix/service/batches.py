"""The order in which a participant treats what it receives, whatever carries it.

poll a batch → one database transaction → publish and await the acks → commit the offsets. Nothing is acknowledged
before it is durable, so everything may come twice; the domain makes sure that nothing counts twice. The Kafka clients
stand behind these ports, and so does the network of the deterministic simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pix.service.records import Record


class DatabaseUnavailable(Exception):
    """The database does not answer. It is no fault of the records: wait, and read them again."""


class BrokerUnavailable(Exception):
    """The broker does not answer. Wait, and try again."""


class PublishFailed(BrokerUnavailable):
    """The broker has not acknowledged in time. What is owed stays in the rows and is sent again."""


class RecordSource(Protocol):
    """Where records come from, in order within a partition, each at least once."""

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """The next batch: waits for one record at most this long, then takes what is there. Empty when none came."""

    def commit(self) -> None:
        """Makes durable that everything polled so far is done."""

    def rewind(self) -> None:
        """Forgets what was polled since the last commit; it will be polled again."""

    def lag(self) -> int:
        """How many records wait behind what was polled, as far as is known."""


class RecordSink(Protocol):
    """Where records go."""

    def publish(self, records: Sequence[Record]) -> None:
        """Returns once the broker has acknowledged every record. Raises PublishFailed."""


BatchHandler = Callable[[Sequence[Record]], Sequence[Record]]
"""Treats a batch in one database transaction, and returns what to publish once that is durable."""


class BatchLoop:
    """One turn after another of: poll, handle, publish, commit."""

    def __init__(self, source: RecordSource, handle: BatchHandler, sink: RecordSink) -> None:
        self._source = source
        self._handle = handle
        self._sink = sink

    def turn(self, timeout_seconds: float) -> int:
        """Treats one batch and returns its size. After an exception the caller rewinds the source."""
        records = self._source.poll(timeout_seconds)
        if not records:
            return 0
        self._sink.publish(self._handle(records))
        self._source.commit()
        return len(records)
