"""A sink that puts several messages for the same partition into one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pix.messaging.batches import Publication, RecordSink
from pix.wire.protobuf_v1.batches import pack
from pix.wire.record import Record


class PartitionedSink(RecordSink, Protocol):
    """A sink that knows the topics to which it publishes."""

    def partitions_of(self, topic: str) -> int:
        """The number of the topic's partitions; 0 while it is unknown. Raises nothing."""


class PackingSink:
    """Packs and signs the records that have no signature yet; the others pass as they are."""

    def __init__(self, sink: PartitionedSink) -> None:
        self._sink = sink

    def publish(self, records: Sequence[Record]) -> None:
        """See `pix.messaging.batches.RecordPublisher`."""
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> Publication:
        """See `pix.messaging.batches.RecordSink`."""
        return self._sink.begin(pack(records, self._sink.partitions_of))
