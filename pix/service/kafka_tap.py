"""A look at what passes on topics: from now on, beside whoever consumes them, leaving no trace at the broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import OFFSET_END, TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, TopicPartition

from pix.service.batches import BrokerUnavailable
from pix.service.kafka import ERRORS_THAT_PASS, client_configuration, record_of
from pix.service.settings import KafkaSettings
from pix.service.wire import TappedRecord

RECORDS_PER_LOOK_MAX: Final = 1_000
TOPICS_AGE_SECONDS_MAX: Final = 5.0
"""A bank that is added while somebody watches is seen after this long."""
METADATA_TIMEOUT_SECONDS: Final = 5.0
GROUP: Final = "codepix-hub-tap"
"""The client library wants a name. The tap takes its partitions itself and commits nothing, so no group comes to be."""


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
                "fetch.wait.max.ms": settings.fetch_wait_ms,
                "queued.max.messages.kbytes": 4_096,
            }
        )
        try:
            self._assign()
        except BrokerUnavailable:
            self._consumer.close()
            raise

    def poll(self, timeout_seconds: float) -> Sequence[TappedRecord]:
        """What has passed since the last look; waits for the first record at most this long.

        Raises BrokerUnavailable; then the tap is closed, and another one made.
        """
        if time.monotonic() - self._assigned_at_seconds > TOPICS_AGE_SECONDS_MAX:
            self._assign()
        tapped = []
        for message in self._consumer.consume(RECORDS_PER_LOOK_MAX, timeout_seconds):
            error = message.error()
            if error is None:
                kind, sent_at_ms = message.timestamp()
                at_ms = time.time_ns() // 1_000_000 if kind == TIMESTAMP_NOT_AVAILABLE else sent_at_ms
                tapped.append(TappedRecord(at_ms, record_of(message)))
            elif error.code() not in ERRORS_THAT_PASS:
                raise BrokerUnavailable(error.str())
        return tapped

    def close(self) -> None:
        """Ends the connections."""
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
