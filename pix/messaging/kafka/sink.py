"""Records published to Kafka, behind the port `RecordSink` of `pix.messaging.batches`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from pix.messaging.kafka.client import BATCH_BYTES_MAX, client_configuration
from pix.messaging.kafka.settings import KafkaSettings
from pix.runtime.logs import logger
from pix.runtime.outages import PublishFailed
from pix.wire.record import Record

PUBLISH_TIMEOUT_SECONDS: Final = 30.0
FLUSH_STEP_SECONDS: Final = 0.5
BATCH_BYTES_SENT_MAX: Final = 30 * 1024
"""Of a batch as we send it; a single record may be larger."""
PARTITIONS_TIMEOUT_SECONDS: Final = 1.0
PARTITIONS_AGE_SECONDS_MAX: Final = 30.0
PARTITIONS_RETRY_SECONDS: Final = 2.0
"""After a topic's partitions could not be read."""

log = logger(__name__)


class _Publication:
    """Records that a producer has; see `pix.messaging.batches.Publication`."""

    def __init__(self, sink: KafkaSink, producer: Producer, size: int) -> None:
        self._sink = sink
        self.producer = producer
        self.size = size
        self.failures: list[KafkaError] = []

    def note(self, error: KafkaError | None, _message: KafkaMessage) -> None:
        """The client's word on a record that was not delivered."""
        if error is not None:
            self.failures.append(error)

    def wait(self) -> None:
        if self.size:
            self._sink.await_acks(self)


class KafkaSink:
    """Publishes with acks from all replicas and an idempotent producer. Thread-safe."""

    def __init__(
        self,
        settings: KafkaSettings,
        delivery_seconds_max: float = PUBLISH_TIMEOUT_SECONDS,
        acks_seconds_max: float = PUBLISH_TIMEOUT_SECONDS,
    ) -> None:
        """The client tries `delivery_seconds_max` to deliver a record; who publishes waits `acks_seconds_max`."""
        self._acks_seconds_max = acks_seconds_max
        self._configuration = {
            **client_configuration(settings),
            "acks": "all",
            "enable.idempotence": True,
            # Records gather while a batch is handed over; `flush` sends them without lingering any longer.
            "linger.ms": 5,
            # CRC-32 of the key: `pix.wire.protobuf_v1.batches.pack` counts on it.
            "partitioner": "consistent_random",
            "queue.buffering.max.messages": 500_000,
            "message.max.bytes": BATCH_BYTES_MAX,
            "batch.size": BATCH_BYTES_SENT_MAX,
            "delivery.timeout.ms": int(delivery_seconds_max * 1000),
            # `flush` tells when all are acknowledged; a call of ours for each one that was would only cost time.
            "delivery.report.only.error": True,
        }
        self._producer = Producer(self._configuration)
        self._partitions: dict[str, tuple[int, float]] = {}
        """Of each topic: how many, and until when that counts."""
        self._unanswered_until = 0.0
        """The broker has left the question unanswered, and is not asked again before."""

    def partitions_of(self, topic: str) -> int:
        """See `pix.messaging.packing.PartitionedSink`. Asks the broker twice a minute."""
        known, until_seconds = self._partitions.get(topic, (0, 0.0))
        now_seconds = time.monotonic()
        if now_seconds < max(until_seconds, self._unanswered_until):
            return known
        try:
            known_topics = self._producer.list_topics(topic, timeout=PARTITIONS_TIMEOUT_SECONDS).topics
        except KafkaException:
            # Every message goes alone for a while; `begin` and `wait` tell of an absent broker.
            self._unanswered_until = time.monotonic() + PARTITIONS_RETRY_SECONDS
            return known
        count = len(known_topics[topic].partitions) if topic in known_topics else 0
        age_seconds_max = PARTITIONS_AGE_SECONDS_MAX if count else PARTITIONS_RETRY_SECONDS
        self._partitions[topic] = count, now_seconds + age_seconds_max
        return count

    def publish(self, records: Sequence[Record]) -> None:
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> _Publication:
        """Hands the records to the client; `wait` raises PublishFailed when they are not acknowledged within 30 s."""
        publication = _Publication(self, self._producer, len(records))
        with self._telling_failures(publication.producer):
            for record in records:
                self._produce(publication.producer, record, publication.note)
        return publication

    def await_acks(self, publication: _Publication) -> None:
        producer, failures = publication.producer, publication.failures
        with self._telling_failures(producer):
            # It sends at once what still lingers. Other records may be among those it waits for, too.
            unacknowledged = producer.flush(self._acks_seconds_max)
        if failures:
            self._renew_if_hopeless(producer, failures[0])
            raise PublishFailed(f"{len(failures)} of {publication.size} records not published: {failures[0].str()}")
        if unacknowledged:
            self._renew(producer, "nothing was acknowledged in time")
            raise PublishFailed(f"{unacknowledged} records not acknowledged in time")

    @contextmanager
    def _telling_failures(self, producer: Producer) -> Iterator[None]:
        """What the client raises becomes PublishFailed."""
        try:
            yield
        except KafkaException as error:
            self._renew_if_hopeless(producer, error.args[0])
            raise PublishFailed(str(error)) from error
        except SystemError as error:
            # What is fatal the client raises out of the call that is running; where that is a callback, as this.
            self._renew(producer, str(error.__cause__ or error))
            raise PublishFailed(str(error.__cause__ or error)) from error

    def _renew_if_hopeless(self, producer: Producer, error: KafkaError) -> None:
        # The error that broke it is marked as fatal; each call after that only repeats the code. One that delivered
        # nothing for as long as a record may take may not recover either, and a new one costs nothing.
        if error.fatal() or error.code() in (KafkaError._FATAL, KafkaError._MSG_TIMED_OUT):
            self._renew(producer, error.str())

    def _renew(self, producer: Producer, error: str) -> None:
        """A broker that lost its log leaves an idempotent producer unusable for good; a new one starts afresh.

        Such a broker gives the numbers of its earlier producers to new ones, and refuses the sequences of the old.
        """
        if producer is self._producer:
            log.warning("the producer cannot go on and is replaced", error=error)
            self._producer = Producer(self._configuration)

    def _produce(self, producer: Producer, record: Record, on_delivery: Any) -> None:
        while True:
            try:
                producer.produce(
                    record.topic,
                    # The protocol's records have keys; a wire without any has null.
                    key=record.key or None,
                    value=record.value,
                    headers=dict(record.headers),
                    on_delivery=on_delivery,
                )
                return
            except BufferError:
                # The queue is full: let deliveries make room. Their timeout bounds how long this can last.
                producer.poll(FLUSH_STEP_SECONDS)

    def close(self) -> None:
        self._producer.flush(PUBLISH_TIMEOUT_SECONDS)
