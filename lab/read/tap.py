"""Listens to what hub and banks say to each other, on the broker itself and without being one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition
from google.protobuf.message import DecodeError

from lab.network.parts.errors import PartError
from pix.messaging.kafka.records import record_of
from pix.scheme.messages import MESSAGES_OF_BANKS, MESSAGES_OF_HUB, Message
from pix.wire.protobuf_v1.batches import BATCH_HEADER, unpack
from pix.wire.protobuf_v1.codec import RecordError, decode_message
from pix.wire.record import HEADER_TYPE, Record
from pix.wire.topics import HUB_TOPIC, bank_topic

METADATA_SECONDS_MAX: Final = 10.0
RECORDS_AT_ONCE_MAX: Final = 500


class Tap:
    """Hears every record of the hub's and the banks' topics from the moment on at which it was opened."""

    def __init__(self, bootstrap_servers: str, bank_codes: Sequence[str]) -> None:
        """Raises `PartError` when the broker does not answer, or has lost a topic."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                # A name that nothing is committed under: it is a member of no group.
                "group.id": "codepix-lab-tap",
                "client.id": "codepix-lab-tap",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )
        topics = [HUB_TOPIC, *(bank_topic(code) for code in bank_codes)]
        try:
            positions = [position for topic in topics for position in self._ends(topic)]
            self._consumer.assign(positions)
        except KafkaException as error:
            self._consumer.close()
            raise PartError(f"The broker does not let us listen: {error}") from error

    def _ends(self, topic: str) -> Iterator[TopicPartition]:
        metadata = self._consumer.list_topics(topic, timeout=METADATA_SECONDS_MAX)
        for number in metadata.topics[topic].partitions:
            # Asked for now, so that nothing said from here on is missed: OFFSET_END is looked up at the first fetch.
            _low, high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, number), timeout=METADATA_SECONDS_MAX
            )
            yield TopicPartition(topic, number, high if high >= 0 else OFFSET_END)

    def poll_records(self, seconds_max: float) -> list[Record]:
        """New records: waits for the first one for at most `seconds_max`."""
        first = self._consumer.poll(seconds_max)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(RECORDS_AT_ONCE_MAX, timeout=0)]
        records = [record_of(message) for message in messages if message.error() is None]
        return [each for record in records for each in _unpacked(record)]

    def close(self) -> None:
        self._consumer.close()


def _unpacked(record: Record) -> Sequence[Record]:
    """A record for each message, unproven: the tap has no keys."""
    if record.headers.get(HEADER_TYPE) != BATCH_HEADER or record.flaw is not None:
        return (record,)
    try:
        return unpack(record, b"")
    except (DecodeError, ValueError):
        return (record,)


def message_of(record: Record) -> Message | None:
    """The message of a record; None when the protocol does not know it."""
    try:
        return decode_message(
            record.headers.get(HEADER_TYPE, b"").decode("ascii", "replace"),
            record.value,
            MESSAGES_OF_BANKS | MESSAGES_OF_HUB,
        )
    except RecordError:
        return None
