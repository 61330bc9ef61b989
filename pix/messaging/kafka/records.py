"""What the client library hands over, as records of `pix.wire`, with the bounds of what it takes into memory."""

from __future__ import annotations

from operator import methodcaller
from typing import Any, Final, cast

from confluent_kafka import KafkaError
from confluent_kafka import Message as KafkaMessage

from pix.messaging.kafka.client import BATCH_BYTES_MAX
from pix.messaging.kafka.settings import KafkaSettings
from pix.runtime.logs import logger
from pix.wire.record import Record, received_record

FETCH_BYTES_MAX: Final = 16 * BATCH_BYTES_MAX
"""Of one answer of the broker with records, which always has at least one batch.

A topic with TOPIC_LIMITS stores no batch packed, so an answer takes no more than this in memory. On a topic without
them many small packed batches unpack to as much as a single large one, which any limit lets pass. One batch an answer
costs time: 2,800 records of a full topic took 6.4 ms, and take 2.6 ms (the best of 60), on a busy machine 73 and 5.5.
"""
RESPONSE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of any answer of the broker, and of a batch packed with Zstandard once it is unpacked. It has to be larger than a
batch on a topic without limits, 1 MiB by default: a client cannot get past what is larger."""
QUEUED_KBYTES_MAX: Final = 4_096
"""What the client library fetches ahead, unpacked."""

log = logger(__name__)


def fetch_limits(settings: KafkaSettings) -> dict[str, Any]:
    """How much a consumer takes into memory, in librdkafka's words."""
    return {
        "fetch.wait.max.ms": settings.fetch_wait_ms,
        "fetch.error.backoff.ms": 100,
        # After a large record has filled the queue, too.
        "fetch.queue.backoff.ms": 100,
        "message.max.bytes": BATCH_BYTES_MAX,
        "fetch.message.max.bytes": FETCH_BYTES_MAX,
        "fetch.max.bytes": FETCH_BYTES_MAX,
        "receive.message.max.bytes": RESPONSE_BYTES_MAX,
        "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
    }


ERRORS_THAT_PASS: Final = frozenset(
    {
        KafkaError._PARTITION_EOF,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
"""The client retries after these."""
ERRORS_OF_BATCHES: Final = frozenset(
    {
        KafkaError._BAD_COMPRESSION,
        KafkaError._BAD_MSG,
        KafkaError._NOT_IMPLEMENTED,
        KafkaError._CRIT_SYS_RESOURCE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)
"""What the client says of records that it cannot unpack or take apart, at each fetch anew."""


def is_placed(message: KafkaMessage) -> bool:
    """Whether an error is about a place in a log."""
    partition, offset = message.partition(), message.offset()
    return partition is not None and offset is not None and partition >= 0 and offset >= 0


_headers_of: Final = methodcaller("headers")
"""Calls a message's `headers` in the one way that is safe (confluent-kafka 2.16).

For a name that is not UTF-8 the library returns tuples without a name, and sets an exception besides. A call through
`methodcaller` is checked by Python, which raises SystemError. A call that is written out, `message.headers()`, is not
checked any more once Python has specialised it, after a few calls: to unpack what it returns ends the process.
"""


def record_of(message: KafkaMessage) -> Record:
    """A message of the client library's as a record of ours. Raises nothing, whatever the message contains."""
    fault = ""
    headers: list[tuple[str, bytes]] = []
    try:
        found = cast("list[tuple[str, bytes | None]]", _headers_of(message) or [])
        headers = [(name, content or b"") for name, content in found]
    except (SystemError, ValueError) as error:
        # SystemError for a name that is not UTF-8. The message must not be asked a second time.
        fault = f"headers: cannot be read: {error.__cause__ or error}"
    return received_record(
        message.topic() or "",
        _bytes(message.key()),
        _bytes(message.value()),
        headers,
        message.partition() or 0,
        message.offset() or 0,
        fault,
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
