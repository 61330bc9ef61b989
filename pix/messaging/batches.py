"""The order in which a participant treats what it receives, whatever carries it.

poll a batch → one database transaction → publish and await the acks → commit the offsets. Nothing is acknowledged
before it is durable, so everything may come twice; the domain makes sure that nothing counts twice. While a batch is on
its way to the broker the next one is treated already; its offsets are committed once the acks are there, and before
anything of the next one is sent. The Kafka clients stand behind these ports, and so does the network of the
deterministic simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from pix.wire.record import Record

Position = TypeVar("Position")
"""How a source names what was polled; nobody else looks into it."""


class RecordSource(Protocol[Position]):
    """Where records come from, in order within a partition, each at least once."""

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """The next batch: waits for one record at most this long, then takes what is there. Empty when none came.

        Raises ConsumerStalled when none comes although some are there, or nobody can tell.
        """

    def position(self) -> Position:
        """The place behind everything polled so far, for `commit`."""

    def commit(self, position: Position) -> None:
        """Makes durable that everything polled before the place is done."""

    def rewind(self) -> None:
        """Forgets what was polled since the last commit; it will be polled again."""

    def lag(self) -> int:
        """How many records wait behind what was polled, as far as is known."""


class Publication(Protocol):
    """Records on their way to the broker."""

    def wait(self) -> None:
        """Returns once the broker has acknowledged every one of them. Raises PublishFailed."""


class RecordPublisher(Protocol):
    """Where records go."""

    def publish(self, records: Sequence[Record]) -> None:
        """Returns once the broker has acknowledged every record. Raises PublishFailed."""


class RecordSink(RecordPublisher, Protocol):
    """Where records go, also without being waited for."""

    def begin(self, records: Sequence[Record]) -> Publication:
        """Hands the records over, and returns while they are on their way. Raises PublishFailed."""


BatchHandler = Callable[[Sequence[Record]], Sequence[Record]]
"""Treats a batch in one database transaction, and returns what to publish once that is durable."""


class BatchLoop(Generic[Position]):
    """One turn after another of: poll, handle, publish, commit."""

    def __init__(self, source: RecordSource[Position], handle: BatchHandler, sink: RecordSink) -> None:
        self._source = source
        self._handle = handle
        self._sink = sink
        self._under_way: tuple[Publication, Position] | None = None
        """What the batch before has sent, and the place behind that batch."""

    def turn(self, timeout_seconds: float) -> int:
        """Treats one batch and returns its size. After an exception the caller rewinds the source.

        Who is not behind waits for the broker at once; who is has the next batch to treat meanwhile.
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
        """Waits until what is under way is acknowledged, and commits its offsets. Raises PublishFailed."""
        if self._under_way is None:
            return
        (publication, position), self._under_way = self._under_way, None
        publication.wait()
        self._source.commit(position)
