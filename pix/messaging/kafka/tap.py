"""A tap of topics from now on: it joins no group, commits nothing and influences no consumer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from confluent_kafka import OFFSET_END, TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, Message, TopicPartition

from pix.messaging.kafka.client import client_configuration
from pix.messaging.kafka.records import ERRORS_OF_BATCHES, ERRORS_THAT_PASS, fetch_limits, is_placed, record_of
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.tap import TappedRecord
from pix.runtime.outages import BrokerUnavailable

RECORDS_PER_LOOK_MAX: Final = 1_000
VALUES_BYTES_PER_LOOK_MAX: Final = 1024 * 1024
"""A record may hold hundreds of messages."""
TOPICS_AGE_SECONDS_MAX: Final = 5.0
"""A bank that is added while a person watches is seen after this long."""
METADATA_TIMEOUT_SECONDS: Final = 5.0
CLOCK_AHEAD_MS_MAX: Final = 24 * 3_600_000
"""A sender whose clock is further ahead than this is not believed."""
GROUP: Final = "codepix-hub-tap"
"""The client library wants a name. The tap takes its partitions itself and commits nothing, so no group comes to be."""


def sent_at_ms(message: Message) -> int:
    """When the record was sent, as far as that can be; its sender may write any number."""
    kind, sent_at_ms = message.timestamp()
    now_ms = time.time_ns() // 1_000_000
    is_possible = kind != TIMESTAMP_NOT_AVAILABLE and 0 <= sent_at_ms <= now_ms + CLOCK_AHEAD_MS_MAX
    return sent_at_ms if is_possible else now_ms


class KafkaTap:
    """Every partition of some topics, from their ends on. For one thread."""

    def __init__(self, settings: KafkaSettings, topics: Callable[[], Sequence[str]]) -> None:
        """`topics` names them, and is asked again from time to time. Raises BrokerUnavailable."""
        self._topics = topics
        self._assigned: set[tuple[str, int]] = set()
        self._assigned_at_seconds = 0.0
        self._consumer = Consumer(
            {
                **client_configuration(settings),
                "group.id": GROUP,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # After a broker that lost its log, too: what was is not looked at.
                "auto.offset.reset": "latest",
                **fetch_limits(settings),
            }
        )
        try:
            self._assign()
        except BrokerUnavailable:
            self._consumer.close()
            raise

    def poll(self, timeout_seconds: float) -> Sequence[TappedRecord]:
        if time.monotonic() - self._assigned_at_seconds > TOPICS_AGE_SECONDS_MAX:
            self._assign()
        tapped: list[TappedRecord] = []
        message = self._consumer.poll(timeout_seconds)
        taken, taken_bytes = 0, 0
        # One by one, as a consumer does: of a large value a part is kept before the next one is made.
        while message is not None:
            taken += 1
            error = message.error()
            if error is None:
                tapped.append(TappedRecord(sent_at_ms(message), record := record_of(message)))
                taken_bytes += len(record.value)
            elif error.code() in ERRORS_OF_BATCHES and is_placed(message):
                self._go_to_the_end(message)
            elif error.code() not in ERRORS_THAT_PASS:
                raise BrokerUnavailable(error.str())
            is_full = taken >= RECORDS_PER_LOOK_MAX or taken_bytes >= VALUES_BYTES_PER_LOOK_MAX
            message = None if is_full else self._consumer.poll(0)
        return tapped

    def _go_to_the_end(self, unreadable: Message) -> None:
        """The client would fetch what it cannot read again and again."""
        topic, partition = cast(str, unreadable.topic()), cast(int, unreadable.partition())
        try:
            self._consumer.seek(TopicPartition(topic, partition, OFFSET_END))
        except KafkaException as error:
            raise BrokerUnavailable(error.args[0].str()) from error

    def close(self) -> None:
        self._consumer.close()

    def _assign(self) -> None:
        """Takes the partitions that have come since the last time, from their ends; those it has, it keeps."""
        wanted = set()
        try:
            known = self._consumer.list_topics(timeout=METADATA_TIMEOUT_SECONDS).topics
        except KafkaException as error:
            raise BrokerUnavailable(error.args[0].str()) from error
        for topic in self._topics():
            if topic in known:
                wanted |= {(topic, number) for number in known[topic].partitions}
        new = wanted - self._assigned
        if new:
            self._consumer.incremental_assign([TopicPartition(topic, number, OFFSET_END) for topic, number in new])
            self._assigned |= new
        self._assigned_at_seconds = time.monotonic()
