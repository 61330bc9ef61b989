"""Reads the latest records of topics: it joins no group, commits nothing and influences no consumer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pix.messaging.kafka.client import client_configuration
from pix.messaging.kafka.records import ERRORS_OF_BATCHES, ERRORS_THAT_PASS, fetch_limits, record_of
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.tap import sent_at_ms
from pix.messaging.tap import TappedRecord
from pix.runtime.outages import BrokerUnavailable
from pix.scheme.values import value_object

METADATA_TIMEOUT_SECONDS: Final = 5.0
READ_SECONDS_MAX: Final = 4.0
"""What the broker has not sent by then is left out."""
POLL_SECONDS: Final = 0.2
GROUP: Final = "codepix-hub-browser"
"""The client library wants a name. The browser takes its partitions and commits nothing, so no group comes to be."""


@value_object
class Extent:
    """A partition, with the offsets of its first record and of the one that comes next."""

    topic: str
    partition: int
    first: int
    next: int


class KafkaBrowser:
    """Opens a client for each look, one look at a time. Every method may raise BrokerUnavailable."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._one_look = threading.Lock()

    def extents(self, topics: Sequence[str]) -> list[Extent]:
        """The partitions of those topics that exist, in the order of the topics and numbers."""
        with self._client() as client:
            return _extents(client, topics)

    def read(self, topic: str, partition: int | None, before: int | None, size: int) -> list[TappedRecord]:
        """At most `size` records, newest first by time of sending; below the offset `before`, if one is given."""
        with self._client() as client:
            ends: dict[int, int] = {}
            starts = []
            for extent in _extents(client, [topic]):
                if partition is not None and extent.partition != partition:
                    continue
                end = extent.next if before is None else min(before, extent.next)
                start = max(extent.first, end - size)
                if start < end:
                    ends[extent.partition] = end
                    starts.append(TopicPartition(topic, extent.partition, start))
            if not starts:
                return []
            client.assign(starts)
            found = _collect(client, ends)
        found.sort(key=lambda each: (each.at_ms, each.record.offset), reverse=True)
        return found[:size]

    @contextmanager
    def _client(self) -> Iterator[Consumer]:
        with self._one_look:
            client = Consumer(
                {
                    **client_configuration(self._settings),
                    "group.id": GROUP,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "enable.partition.eof": False,
                    **fetch_limits(self._settings),
                }
            )
            try:
                yield client
            except KafkaException as error:
                raise BrokerUnavailable(error.args[0].str()) from error
            finally:
                client.close()


def _extents(client: Consumer, topics: Sequence[str]) -> list[Extent]:
    known = client.list_topics(timeout=METADATA_TIMEOUT_SECONDS).topics
    extents = []
    for topic in topics:
        for number in sorted(known[topic].partitions) if topic in known else ():
            first, following = client.get_watermark_offsets(
                TopicPartition(topic, number), timeout=METADATA_TIMEOUT_SECONDS
            )
            extents.append(Extent(topic, number, first, following))
    return extents


def _collect(client: Consumer, ends: dict[int, int]) -> list[TappedRecord]:
    """What comes below these offsets, until all of it is there or the time is over."""
    found: list[TappedRecord] = []
    open_partitions = set(ends)
    deadline = time.monotonic() + READ_SECONDS_MAX
    while open_partitions and time.monotonic() < deadline:
        message = client.poll(POLL_SECONDS)
        if message is None:
            continue
        error = message.error()
        partition, offset = message.partition(), message.offset()
        if error is not None and error.code() not in ERRORS_OF_BATCHES and error.code() not in ERRORS_THAT_PASS:
            raise BrokerUnavailable(error.str())
        if partition is None or offset is None or partition not in open_partitions:
            continue
        if error is None and offset < ends[partition]:
            found.append(TappedRecord(sent_at_ms(message), record_of(message)))
        if error is not None or offset >= ends[partition] - 1:
            # A batch that cannot be unpacked would come again and again.
            open_partitions.discard(partition)
    return found
