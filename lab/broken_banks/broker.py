"""The bank's side of Kafka: reads the hub's records, and publishes what the bank owes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_STORED, Consumer, KafkaException, Producer, TopicPartition

from lab.broken_banks.defects import Defect
from lab.broken_banks.settings import Settings
from pix.runtime.logs import logger
from pix.scheme.messages import BankMessage
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record, received_record
from pix.wire.topics import HUB_TOPIC

RECORDS_PER_BATCH_MAX: Final = 100
POLL_SECONDS: Final = 0.2
FETCH_WAIT_MS: Final = 20
FLUSH_SECONDS_MAX: Final = 10.0
METADATA_SECONDS_MAX: Final = 5.0
WORK_SECONDS: Final = 0.01
"""What one record costs a bank that asks its fraud prevention first."""

log = logger(__name__)


class BrokerUnavailable(Exception):
    """The broker has not acknowledged, or has no topic for this bank yet."""


class Publisher:
    """Enqueues; librdkafka retries, and keeps the order of each partition."""

    def __init__(self, settings: Settings) -> None:
        self._ispb = settings.ispb
        self._key = signing_key(settings.secret)
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_servers,
                "enable.idempotence": True,
                "linger.ms": 0,
                "message.timeout.ms": 30_000,
                "topic.metadata.refresh.interval.ms": 5_000,
            }
        )

    def publish(self, messages: Sequence[BankMessage]) -> None:
        """Never waits: the rows are the outbox, and what is lost here is retransmitted from them."""
        for message in messages:
            record = encode_record(message, HUB_TOPIC, self._ispb, self._key)
            try:
                self._producer.produce(record.topic, record.value, record.key, headers=dict(record.headers))
            except BufferError:
                log.warning("the producer's queue is full; the message will be retransmitted", key=message.record_key)
        self._producer.poll(0)

    def flush(self) -> None:
        """Waits for the acknowledgements. Raises BrokerUnavailable."""
        if self._producer.flush(FLUSH_SECONDS_MAX):
            raise BrokerUnavailable("the broker does not acknowledge")


class Reader:
    """Reads the bank's topic from the committed offsets on, from the beginning where there is none."""

    def __init__(self, settings: Settings, defects: frozenset[Defect]) -> None:
        self._defects = defects
        self._topic = settings.topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka_servers,
                "group.id": f"bank-{settings.code}",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "allow.auto.create.topics": True,
                "fetch.wait.max.ms": FETCH_WAIT_MS,
            }
        )
        self.lag: int | None = None
        """Records that are not read yet; None before the first batch."""

    def assign(self) -> None:
        """Takes all partitions, since one process needs no group to share them. Raises BrokerUnavailable."""
        try:
            partitions = (
                self._consumer.list_topics(self._topic, timeout=METADATA_SECONDS_MAX).topics[self._topic].partitions
            )
        except KafkaException as error:
            raise BrokerUnavailable(str(error)) from None
        if not partitions:
            raise BrokerUnavailable(f"the topic {self._topic} has no partitions yet")
        self._consumer.assign([self._begin(number) for number in partitions])

    def _begin(self, number: int) -> TopicPartition:
        if Defect.STARTS_AT_THE_END not in self._defects:
            return TopicPartition(self._topic, number, OFFSET_STORED)
        # STARTS_AT_THE_END: what came while the bank was down lies before the end.
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), METADATA_SECONDS_MAX)
        return TopicPartition(self._topic, number, end)

    def run(
        self, receive: Callable[[Sequence[Record]], None], flush: Callable[[], None], stop: threading.Event
    ) -> None:
        """Polls, processes, publishes and only then commits the offsets, until `stop` is set."""
        while not stop.is_set():
            batch = [
                _record(each)
                for each in self._consumer.consume(RECORDS_PER_BATCH_MAX, POLL_SECONDS)
                if not each.error()
            ]
            self._measure_lag()
            if not batch:
                continue
            if Defect.OFFSETS_FIRST in self._defects:
                # OFFSETS_FIRST: from here on this process alone knows of these records.
                self._commit(batch)
                for record in batch:
                    stop.wait(WORK_SECONDS)
                    receive([record])
                    flush()
                continue
            # Nothing is acknowledged before it is durable: a crash in between repeats records, and loses none.
            receive(batch)
            flush()
            self._commit(batch)

    def close(self) -> None:
        self._consumer.close()

    def _measure_lag(self) -> None:
        lag = 0
        for place in self._consumer.position(self._consumer.assignment()):
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if place.offset >= 0 and end >= 0:
                lag += max(0, end - place.offset)
        self.lag = lag

    def _commit(self, batch: Sequence[Record]) -> None:
        next_offsets = {record.partition: record.offset + 1 for record in batch}
        offsets = [TopicPartition(self._topic, number, offset) for number, offset in next_offsets.items()]
        self._consumer.commit(offsets=offsets, asynchronous=False)


def _record(message: Any) -> Record:
    headers = [(name, value or b"") for name, value in message.headers() or ()]
    key, value = message.key() or b"", message.value() or b""
    return received_record(message.topic(), key, value, headers, message.partition(), message.offset())
