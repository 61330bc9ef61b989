"""Several messages in one record: one key, one signature and one set of headers for up to 500 of them.

A record costs the broker, both client libraries and both participants about as much as the message in it. So what goes
to the same partition of a receiver at the same time goes as one record, if the receiver has announced that it reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final
from zlib import crc32

from google.protobuf.message import DecodeError

from codepix.v1 import batch_pb2 as wire
from pix.wire.protobuf_v1.signatures import sign
from pix.wire.record import (
    BATCH_VALUE_BYTES_MAX,
    HEADER_CLOCK,
    HEADER_SENDER,
    HEADER_SIGNATURE,
    HEADER_TRACEPARENT,
    HEADER_TYPE,
    KEY_BYTES_MAX,
    Record,
    Unsigned,
    too_long,
)

BATCH_TYPE: Final = "Batch"
BATCH_HEADER: Final = BATCH_TYPE.encode()
MESSAGES_MAX: Final = 500
"""Of one record."""
FRAME_BYTES_MAX: Final = 24
"""What Protobuf adds to a message in a batch: tags and lengths of it and of its four fields, at most."""
TYPE_NAMES_MAX: Final = 256
TYPE_LENGTH_MAX: Final = 100
"""A longer name is no message type, also when it is cut."""

PartitionsOf = Callable[[str], int]
"""The number of partitions of a topic; 0 while it is unknown."""


def signed(record: Record) -> Record:
    """The record with its sender's signature, as it is sent alone, or kept as a separate dead letter."""
    if record.unsigned is None:
        return record
    message_type = record.headers[HEADER_TYPE].decode("ascii", "replace")
    signature = sign(record.unsigned.key, record.topic, message_type, record.value)
    headers = {**record.headers, HEADER_SIGNATURE: signature}
    return replace(record, headers=headers, unsigned=None)


def pack(records: Sequence[Record], partitions_of: PartitionsOf) -> list[Record]:
    """Signs records, those of one topic and partition together; leaves signed ones as they are.

    The key of a batch is that of its first message, and all its messages have keys of the same partition. So messages
    about one transfer stay in the order in which they are here, whether they travel in a batch or alone: the
    partitioner is that of librdkafka, CRC-32 of the key.
    """
    packed: list[Record] = []
    open_groups: dict[tuple[str, int], _Group] = {}
    for record in records:
        if record.unsigned is None:
            packed.append(record)
            continue
        partitions = partitions_of(record.topic)
        if not partitions:
            packed.append(signed(record))
            continue
        place = (record.topic, crc32(record.key) % partitions)
        group = open_groups.get(place)
        if group is None:
            group = open_groups[place] = _Group()
        elif not group.has_room_for(record):
            packed.append(group.record())
            group = open_groups[place] = _Group()
        group.add(record)
    packed += [group.record() for group in open_groups.values()]
    return packed


class _Group:
    """Records that become one."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._bytes = 0

    def has_room_for(self, record: Record) -> bool:
        return len(self._records) < MESSAGES_MAX and self._bytes + _size_of(record) <= BATCH_VALUE_BYTES_MAX

    def add(self, record: Record) -> None:
        self._records.append(record)
        self._bytes += _size_of(record)

    def record(self) -> Record:
        first, last = self._records[0], self._records[-1]
        if first is last:
            return signed(first)
        value = wire.Batch(messages=[_message_of(record) for record in self._records]).SerializeToString()
        headers = {HEADER_TYPE: BATCH_HEADER, HEADER_SENDER: last.headers[HEADER_SENDER]}
        if (clock := last.headers.get(HEADER_CLOCK)) is not None:
            # The newest revision is as true of the messages before.
            headers[HEADER_CLOCK] = clock
        return signed(Record(last.topic, first.key, value, headers, unsigned=last.unsigned))


def _size_of(record: Record) -> int:
    """Of the record as a message of a batch, in bytes, at most."""
    headers = record.headers
    return (
        len(record.value)
        + len(record.key)
        + len(headers[HEADER_TYPE])
        + len(headers.get(HEADER_TRACEPARENT, b""))
        + FRAME_BYTES_MAX
    )


def _message_of(record: Record) -> wire.BatchedMessage:
    headers = record.headers
    return wire.BatchedMessage(
        type=headers[HEADER_TYPE].decode("ascii"),
        key=record.key,
        value=record.value,
        traceparent=headers.get(HEADER_TRACEPARENT, b"").decode("ascii", "replace"),
    )


def unpack(record: Record, key: bytes) -> list[Record]:
    """A record for each message of a batch whose signature, with this key, is verified.

    Each stands at the place of the whole. Raises DecodeError or ValueError when the value is no batch.
    """
    if len(record.value) > BATCH_VALUE_BYTES_MAX:
        raise ValueError(too_long(record.value, BATCH_VALUE_BYTES_MAX).removeprefix("value: "))
    try:
        messages = wire.Batch.FromString(record.value).messages
    except DecodeError:
        raise DecodeError("not a Batch in Protobuf") from None
    if not 1 <= len(messages) <= MESSAGES_MAX:
        raise ValueError(f"a batch has 1 to {MESSAGES_MAX} messages, this one {len(messages)}")
    proof = Unsigned(key, is_proven=True)
    common = {name: record.headers[name] for name in (HEADER_SENDER, HEADER_CLOCK) if name in record.headers}
    topic, partition, offset = record.topic, record.partition, record.offset
    records = []
    for message in messages:
        headers = {HEADER_TYPE: _type_header(message.type[:TYPE_LENGTH_MAX]), **common}
        if traceparent := message.traceparent:
            headers[HEADER_TRACEPARENT] = traceparent.encode()
        records.append(
            Record(topic, message.key[:KEY_BYTES_MAX], message.value, headers, partition, offset, None, proof)
        )
    return records


@lru_cache(maxsize=TYPE_NAMES_MAX)
def _type_header(message_type: str) -> bytes:
    return message_type.encode()
