"""The hub's side of Kafka, played by the examiner: sends records to the bank, and keeps what it sends back."""

from __future__ import annotations

import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from lab.prove.conform.verdict import CannotExamine
from pix.messaging.kafka.client import client_configuration
from pix.messaging.kafka.records import ERRORS_THAT_PASS, fetch_limits, record_of
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.topics import ensure_topics
from pix.runtime.outages import BrokerUnavailable
from pix.scheme.deliveries import Rejected
from pix.scheme.messages import MESSAGES_OF_BANKS, Message
from pix.wire.protobuf_v1.codec import decode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic

PARTITIONS: Final = 4
POLL_SECONDS: Final = 0.05
FETCH_WAIT_MS: Final = 20
"""The embedded broker answers an empty fetch at this interval."""
DELIVERY_SECONDS_MAX: Final = 15.0
METADATA_SECONDS_MAX: Final = 10.0
CATCH_UP_SECONDS_MAX: Final = 5.0
RECORDS_MAX: Final = 50_000
"""Of an examination. A bank that sends more floods the hub; the rest is counted only."""


@dataclass(frozen=True, slots=True)
class Received:
    """A record of the bank on the hub's topic."""

    record: Record
    message: Message | None
    """None when the hub would not have taken it."""
    fault: str
    """Why it would not; empty for a good one."""
    at: float
    """Monotonic."""


class HubWire:
    """One topic to the bank, one from the banks. Thread-safe."""

    def __init__(self, bootstrap_servers: str, code: str, secret_of: Mapping[str, str]) -> None:
        """`secret_of` has the secrets of the banks by ISPB. Raises `CannotExamine`."""
        self.topic = bank_topic(code)
        self._settings = KafkaSettings(
            bootstrap_servers=bootstrap_servers, client_id="codepix-conform", fetch_wait_ms=FETCH_WAIT_MS
        )
        self._keys = {ispb: (signing_key(secret),) for ispb, secret in secret_of.items()}
        try:
            ensure_topics(self._settings, [HUB_TOPIC, self.topic])
        except BrokerUnavailable as error:
            raise CannotExamine(f"The broker does not answer: {error}.") from None
        self._producer = Producer({**client_configuration(self._settings), "acks": "all", "linger.ms": 0})
        self.partitions = self._partitions_of(self.topic)
        self._received: dict[str, list[Received]] = defaultdict(list)
        self._count = 0
        self._positions: dict[int, int] = {}
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, name="conform-wire", daemon=True)
        self._reader.start()
        # Serves the acknowledgements of all threads that send.
        self._server = threading.Thread(target=self._serve_deliveries, name="conform-deliveries", daemon=True)
        self._server.start()

    def partition_of(self, key: str) -> int:
        """Where records with this key go: the same for all of them, so that they keep their order."""
        return zlib.crc32(key.encode()) % self.partitions

    def send(self, record: Record, partition: int | None = None) -> None:
        """Puts a record on its topic and waits for the broker's acknowledgement. Raises `CannotExamine`."""
        failures: list[str] = []
        done = threading.Event()

        def note(error: Any, _message: object) -> None:
            if error is not None:
                failures.append(str(error))
            done.set()

        chosen = self.partition_of(record.key.decode("utf-8", "replace")) if partition is None else partition
        self._producer.produce(
            record.topic,
            key=record.key,
            value=record.value,
            headers=dict(record.headers),
            partition=chosen,
            on_delivery=note,
        )
        if not done.wait(DELIVERY_SECONDS_MAX):
            raise CannotExamine("The broker acknowledges nothing.")
        if failures:
            raise CannotExamine(f"The broker takes no record: {failures[0]}.")

    def received(self, key: str) -> list[Received]:
        """What came with this record key, in the order in which it was read."""
        with self._news:
            return list(self._received.get(key, ()))

    def all_received(self) -> list[Received]:
        """Everything that came."""
        with self._news:
            return [each for found in self._received.values() for each in found]

    def wait(self, condition: Callable[[], bool], seconds_max: float) -> bool:
        """Whether the condition holds within this time; it is asked whenever something has come."""
        deadline = time.monotonic() + seconds_max
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._news.wait(left)
        return True

    def catch_up(self) -> None:
        """Waits until everything that is on the hub's topic by now has been read."""
        with self._consumer("codepix-conform-look") as looking:
            ends = {
                number: looking.get_watermark_offsets(TopicPartition(HUB_TOPIC, number), timeout=METADATA_SECONDS_MAX)[
                    1
                ]
                for number in range(self._partitions_of(HUB_TOPIC))
            }
        self.wait(
            lambda: all(self._positions.get(number, 0) >= end for number, end in ends.items()), CATCH_UP_SECONDS_MAX
        )

    def close(self) -> None:
        self._stop.set()
        self._reader.join(METADATA_SECONDS_MAX)
        self._server.join(METADATA_SECONDS_MAX)
        self._producer.flush(METADATA_SECONDS_MAX)

    def _partitions_of(self, topic: str) -> int:
        try:
            metadata = self._producer.list_topics(topic, timeout=METADATA_SECONDS_MAX)
        except KafkaException as error:
            raise CannotExamine(f"The broker does not answer: {error}.") from None
        return max(1, len(metadata.topics[topic].partitions))

    @contextmanager
    def _consumer(self, group: str) -> Iterator[Consumer]:
        consumer = Consumer(
            {
                **client_configuration(self._settings),
                **fetch_limits(self._settings),
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            yield consumer
        finally:
            consumer.close()

    def _serve_deliveries(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(POLL_SECONDS)

    def _read(self) -> None:
        partitions = range(self._partitions_of(HUB_TOPIC))
        with self._consumer("codepix-conform") as consumer:
            consumer.assign([TopicPartition(HUB_TOPIC, number, 0) for number in partitions])
            while not self._stop.is_set():
                message = consumer.poll(POLL_SECONDS)
                if message is None:
                    continue
                error = message.error()
                if error is not None:
                    if error.code() not in ERRORS_THAT_PASS:
                        return
                    continue
                self._keep(record_of(message))

    def _keep(self, record: Record) -> None:
        read = decode_record(record, lambda sender: self._keys.get(sender, ()), MESSAGES_OF_BANKS)
        if isinstance(read, Rejected):
            received = Received(record, None, read.reason, time.monotonic())
        else:
            received = Received(record, read.message, "", time.monotonic())
        with self._news:
            self._positions[record.partition] = record.offset + 1
            self._count += 1
            if self._count <= RECORDS_MAX:
                self._received[record.key.decode("utf-8", "replace")].append(received)
            self._news.notify_all()
