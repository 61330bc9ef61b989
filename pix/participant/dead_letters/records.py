"""Dead letters whose envelope is a Kafka record."""

from __future__ import annotations

import hashlib
from typing import cast

from pix.participant.dead_letters.model import SENDER_LENGTH_MAX, DeadLetter, DeadLetterHead
from pix.scheme.deliveries import REASON_LENGTH_MAX, Rejected
from pix.wire.protobuf_v1.batches import signed
from pix.wire.record import Record, digest_of, received_record


def record_of(letter: DeadLetter | Rejected) -> Record:
    """The record; for a message of a batch as it would have come alone, so that it can be replayed alone."""
    return signed(cast(Record, letter.record if isinstance(letter, DeadLetter) else letter.envelope))


def letter_of(rejected: Rejected, now_ms: int) -> DeadLetter:
    """A new letter of bounded size."""
    record = record_of(rejected)
    if record.flaw is None:
        headers = tuple(record.headers.items())
        record = received_record(record.topic, record.key, record.value, headers, record.partition, record.offset)
    return letter_with(record, rejected.sender[:SENDER_LENGTH_MAX], rejected.reason[:REASON_LENGTH_MAX], now_ms, now_ms)


def letter_with(record: Record, sender: str, reason: str, first_seen_at_ms: int, last_seen_at_ms: int) -> DeadLetter:
    """The letter of a record that is within the limits already."""
    flaw = record.flaw
    return DeadLetter(
        digest_of(record),
        record,
        sender,
        reason,
        "" if flaw is None else flaw.reason,
        len(record.value) if flaw is None else flaw.value_bytes,
        hashlib.sha256(record.value).hexdigest() if flaw is None else flaw.value_sha256,
        first_seen_at_ms,
        last_seen_at_ms,
    )


def is_cut(letter: DeadLetter) -> bool:
    return letter.value_bytes > len(record_of(letter).value)


def head_of(letter: DeadLetter) -> DeadLetterHead:
    record = record_of(letter)
    return DeadLetterHead(
        letter.digest,
        record.topic,
        record.partition,
        record.offset,
        letter.sender,
        letter.reason,
        letter.value_bytes,
        letter.first_seen_at_ms,
        letter.last_seen_at_ms,
        letter.times,
        letter.state,
        letter.note,
    )
