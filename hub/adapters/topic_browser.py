"""The console's look into topics (`hub.application.ports.topics.TopicBrowser`) on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hub.adapters.message_tap import RecordMessageTap
from hub.application.ports.topics import LoggedRecord, PartitionLog
from pix.messaging.kafka.browser import KafkaBrowser
from pix.messaging.tap import TappedRecord


class KafkaTopicBrowser:
    """Decodes records as their receivers do."""

    def __init__(
        self, browser: KafkaBrowser, topics: Callable[[], Sequence[str]], decoder: Callable[[], RecordMessageTap]
    ) -> None:
        self._browser = browser
        self._topics = topics
        self._decoder = decoder

    def logs(self) -> Sequence[PartitionLog]:
        return [
            PartitionLog(each.topic, each.partition, each.first, each.next)
            for each in self._browser.extents(self._topics())
        ]

    def read(self, topic: str, partition: int | None, before: int | None, size: int) -> Sequence[LoggedRecord]:
        if topic not in self._topics():
            return ()
        decoder = self._decoder()
        return [logged(decoder, each) for each in self._browser.read(topic, partition, before, size)]


def logged(decoder: RecordMessageTap, tapped: TappedRecord) -> LoggedRecord:
    record = tapped.record
    parts = decoder.unpack(tapped)
    packed = () if parts[0].record is record else tuple(decoder.read(part) for part in parts)
    read = replace(packed[0], message=None, reason="") if packed else decoder.read(tapped)
    return LoggedRecord(
        record.topic,
        record.partition,
        record.offset,
        tapped.at_ms,
        record.key,
        record.headers,
        record.value,
        read,
        packed,
    )
