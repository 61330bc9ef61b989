"""Topics in memory: the latest records of a `MemoryWire`, each topic with one partition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hub.adapters.memory.tap import MemoryWire
from hub.adapters.message_tap import RecordMessageTap
from hub.adapters.topic_browser import logged
from hub.application.ports.topics import LoggedRecord, PartitionLog
from pix.messaging.tap import TappedRecord


class MemoryTopicBrowser:
    """See `hub.application.ports.topics.TopicBrowser`."""

    def __init__(self, wire: MemoryWire, decoder: Callable[[], RecordMessageTap]) -> None:
        self._wire = wire
        self._decoder = decoder

    def logs(self) -> Sequence[PartitionLog]:
        return [
            PartitionLog(topic, 0, following - len(records), following)
            for topic, (following, records) in sorted(self._wire.kept().items())
        ]

    def read(self, topic: str, partition: int | None, before: int | None, size: int) -> Sequence[LoggedRecord]:
        following, records = self._wire.kept().get(topic, (0, ()))
        if partition not in (None, 0):
            return ()
        decoder = self._decoder()
        numbered = [
            TappedRecord(each.at_ms, replace(each.record, partition=0, offset=following - len(records) + place))
            for place, each in enumerate(records)
        ]
        found = [each for each in numbered if before is None or each.record.offset < before]
        return [logged(decoder, each) for each in found[::-1][:size]]
