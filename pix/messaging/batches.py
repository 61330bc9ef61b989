"""The order in which a participant processes what it receives, whatever carries it.

poll a batch → one database transaction → publish and wait for acknowledgements → commit the offsets. Nothing is
acknowledged before it is durable, so every record may come twice; the domain makes sure that none counts twice. While a
batch is on its way to the broker the loop processes the next one. It commits the offsets of the first once the broker
has acknowledged it, and before it sends anything of the next. The Kafka clients implement these ports, and so does the
network of the deterministic simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from pix.wire.record import Record

Position = TypeVar("Position")
"""A consumer position, in the form that the source gives it; the loop only hands it back."""


class RecordSource(Protocol[Position]):
    """Where records come from, in order within a partition, each at least once."""

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """Returns the next batch: waits at most this long for one record, then takes what is there. May be empty.

        Raises ConsumerStalled when none comes although some are there, or the broker does not say whether some are.
        """

    def position(self) -> Position:
        """The position behind all records polled so far, for `commit`."""

    def commit(self, position: Position) -> None:
        """Makes durable that all records before the position are processed."""

    def rewind(self) -> None:
        """Goes back to the last commit; `poll` returns what came since again."""

    def lag(self) -> int:
        """The number of records behind the position, as of the last fetches."""


class Publication(Protocol):
    """Records on their way to the broker."""

    def wait(self) -> None:
        """Returns once the broker has acknowledged every one of them. Raises PublishFailed."""


class RecordPublisher(Protocol):
    def publish(self, records: Sequence[Record]) -> None:
        """Returns once the broker has acknowledged every record. Raises PublishFailed."""


class RecordSink(RecordPublisher, Protocol):
    """A publisher that can also return before the broker has acknowledged."""

    def begin(self, records: Sequence[Record]) -> Publication:
        """Hands the records to the client, and returns before they are acknowledged. Raises PublishFailed."""


BatchHandler = Callable[[Sequence[Record]], Sequence[Record]]
"""Processes a batch in one database transaction; returns the records to publish once that is durable."""


class BatchLoop(Generic[Position]):
    """One turn after another of: poll, handle, publish, commit."""

    def __init__(self, source: RecordSource[Position], handle: BatchHandler, sink: RecordSink) -> None:
        self._source = source
        self._handle = handle
        self._sink = sink
        self._under_way: tuple[Publication, Position] | None = None
        """The publication of the batch before, and the position behind that batch."""

    def turn(self, timeout_seconds: float) -> int:
        """Processes one batch and returns its size. After an exception the caller rewinds the source.

        When no further batch is there, it waits for acknowledgements at once; else it processes that one meanwhile.
        """
        records = self._source.poll(timeout_seconds if self._under_way is None else 0)
        if not records:
            self.flush()
            return 0
        outgoing = self._handle(records)
        self.flush()
        self._under_way = self._sink.begin(outgoing), self._source.position()
        return len(records)

    def flush(self) -> None:
        """Waits for the acknowledgements of the last batch, and commits its offsets. Raises PublishFailed."""
        if self._under_way is None:
            return
        (publication, position), self._under_way = self._under_way, None
        publication.wait()
        self._source.commit(position)
