"""Records that no client library for Python lets through: any bytes as names of headers, null keys, null values."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import confluent_kafka
from hypothesis import strategies as st

from pix.messaging.kafka.sink import BATCH_BYTES_SENT_MAX

FLUSH_SECONDS_MAX: Final = 60.0
POLL_MS: Final = 100
ERROR_TEXT_BYTES: Final = 512

# librdkafka's rd_kafka_type_t, rd_kafka_conf_res_t, rd_kafka_vtype_t and flags of messages.
_PRODUCER: Final = 0
_CONF_OK: Final = 0
_END, _TOPIC, _PARTITION, _VALUE, _KEY, _MSGFLAGS, _HEADERS = 0, 1, 3, 4, 5, 7, 10
_COPY: Final = 2
_QUEUE_FULL: Final = -184


@dataclass(frozen=True)
class RawRecord:
    """What is to be sent. None stands for null."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    partition: int = -1


NAMES_OF_PROTOCOL: Final = (b"codepix-type", b"codepix-sender", b"codepix-signature", b"traceparent")
NOT_UTF8: Final = RawRecord(b"value", b"key", [(b"\xff\xfe", b"v")])
SPECIAL: Final = (
    NOT_UTF8,
    RawRecord(None),
    RawRecord(None, b"a tombstone"),
    RawRecord(b"", b"", [(b"", b"")]),
    RawRecord(b"value", b"key", [(b"codepix-type", None)]),
    RawRecord(b"value", b"key", [(b"codepix-sender", b"00000001"), (b"codepix-sender", b"00000002")]),
    RawRecord(b"value", b"key", [(b"a\x00b", b"\x00")]),
    RawRecord(b"value", b"key", [(b"", None)] * 5_000),
    RawRecord(b"value", b"key", [(b"x" * 20_000, b"y" * 2_000)]),
    RawRecord(b"value", b"k" * 20_000),
    RawRecord(bytes(20_000), b"key"),
)


def raw_records() -> st.SearchStrategy[RawRecord]:
    """Records that no participant sends: any bytes at any place, and what is known to be hard."""
    contents = st.none() | st.binary(max_size=60)
    names = st.sampled_from(NAMES_OF_PROTOCOL) | st.binary(max_size=20)
    headers = st.lists(st.tuples(names, contents), max_size=6)
    return st.builds(RawRecord, contents, contents, headers) | st.sampled_from(SPECIAL)


def repeated_often(record: RawRecord) -> list[RawRecord]:
    """What fails at first may crash once Python has specialised the call."""
    return [record] * 40


class RawProducer:
    """A producer that is librdkafka's own, called without the checks of its client for Python."""

    def __init__(self, bootstrap_servers: str, settings: Mapping[str, Any] | None = None) -> None:
        """`settings` are librdkafka's."""
        self._library = _library()
        conf = self._library.rd_kafka_conf_new()
        error = ctypes.create_string_buffer(ERROR_TEXT_BYTES)
        # The embedded broker takes no request of more than 64 KiB.
        own = {"bootstrap.servers": bootstrap_servers, "log_level": 0, "batch.size": BATCH_BYTES_SENT_MAX}
        for name, value in {**own, **(settings or {})}.items():
            answer = self._library.rd_kafka_conf_set(
                conf, name.encode(), str(value).encode(), error, ctypes.c_size_t(ERROR_TEXT_BYTES)
            )
            assert answer == _CONF_OK, error.value
        self._producer = self._library.rd_kafka_new(_PRODUCER, conf, error, ctypes.c_size_t(ERROR_TEXT_BYTES))
        assert self._producer, error.value

    def send(self, topic: str, record: RawRecord) -> None:
        """Hands a record to the client; waits while its queue is full."""
        while (code := self._produce(topic, record)) == _QUEUE_FULL:
            self._library.rd_kafka_poll(self._producer, POLL_MS)
        assert code == 0, f"librdkafka refuses the record: {code}"

    def _produce(self, topic: str, record: RawRecord) -> int:
        library = self._library
        headers = library.rd_kafka_headers_new(len(record.headers))
        for name, content in record.headers:
            size = 0 if content is None else len(content)
            library.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), content, ctypes.c_ssize_t(size))
        code: int = library.rd_kafka_producev(
            ctypes.c_void_p(self._producer),
            *(ctypes.c_int(_TOPIC), ctypes.c_char_p(topic.encode())),
            *(ctypes.c_int(_PARTITION), ctypes.c_int32(record.partition)),
            *(ctypes.c_int(_MSGFLAGS), ctypes.c_int(_COPY)),
            *(ctypes.c_int(_VALUE), *_pointer_and_size(record.value)),
            *(ctypes.c_int(_KEY), *_pointer_and_size(record.key)),
            *(ctypes.c_int(_HEADERS), ctypes.c_void_p(headers)),
            ctypes.c_int(_END),
        )
        if code:
            library.rd_kafka_headers_destroy(headers)
        return code

    def flush(self, seconds: float = FLUSH_SECONDS_MAX) -> bool:
        """Waits for the broker; whether nothing is left to be sent."""
        return bool(self._library.rd_kafka_flush(self._producer, int(seconds * 1_000)) == 0)

    def close(self) -> None:
        """Throws away what is not sent, and ends the client."""
        self._library.rd_kafka_destroy(self._producer)


@contextmanager
def raw_producer(bootstrap_servers: str, settings: Mapping[str, Any] | None = None) -> Iterator[RawProducer]:
    """A producer while the block runs, whose records are sent at its end."""
    producer = RawProducer(bootstrap_servers, settings)
    try:
        yield producer
        assert producer.flush(), "the broker has not taken every record"
    finally:
        producer.close()


def _pointer_and_size(content: bytes | None) -> tuple[ctypes.c_char_p, ctypes.c_size_t]:
    return ctypes.c_char_p(content), ctypes.c_size_t(0 if content is None else len(content))


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    (path,) = folder.glob("librdkafka-*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_conf_set.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 3, ctypes.c_size_t]
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_headers_new.argtypes = [ctypes.c_size_t]
    library.rd_kafka_headers_destroy.argtypes = [ctypes.c_void_p]
    library.rd_kafka_header_add.argtypes = [
        ctypes.c_void_p,
        *(ctypes.c_char_p, ctypes.c_ssize_t),
        *(ctypes.c_char_p, ctypes.c_ssize_t),
    ]
    library.rd_kafka_poll.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_flush.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_destroy.argtypes = [ctypes.c_void_p]
    return library
