"""A record as it travels: a Kafka record of any wire, read within limits that no record can break.

Nothing here knows what a record means; a `Codec` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from pix.scheme.values import value_object

HEADER_TYPE: Final = "codepix-type"
HEADER_SENDER: Final = "codepix-sender"
HEADER_SIGNATURE: Final = "codepix-signature"
HEADER_TRACEPARENT: Final = "traceparent"
HEADER_CLOCK: Final = "codepix-clock"
HEADERS_OF_PROTOCOL: Final = frozenset({HEADER_TYPE, HEADER_SENDER, HEADER_SIGNATURE, HEADER_TRACEPARENT, HEADER_CLOCK})

VALUE_BYTES_MAX: Final = 16 * 1024
"""A larger value is not read: no message of the protocol comes near this."""

BANK_VALUE_BYTES_MAX: Final = VALUE_BYTES_MAX - 64
"""The same for messages of banks: a request that is refused is repeated in the refusal, which must fit, too."""

BATCH_VALUE_BYTES_MAX: Final = 28 * 1024
"""Of the messages of one record together: with its headers such a record fits into what the topics take at once."""

VALUE_KEPT_BYTES_MAX: Final = 64 * 1024
"""Of a larger value no more is kept in memory or as a dead letter: its length and its SHA-256 stand for the rest."""
KEY_BYTES_MAX: Final = 1_024
HEADERS_MAX: Final = 64
"""The protocol has five headers; tools between the participants may add theirs."""
HEADERS_BYTES_MAX: Final = 8 * 1024
"""Names and values together."""


@value_object
class Flaw:
    """Why a record is refused as soon as it is read, and the measures of the whole record, of which a part is kept."""

    reason: str
    digest: str
    """`content_digest` of the whole record."""
    value_bytes: int
    """The length of the whole value."""
    value_sha256: str
    """Of the whole value, in hex."""


@value_object
class Unsigned:
    """Says that a record has no signature, and with which key its sender signs."""

    key: bytes
    is_proven: bool
    """True for a message of a batch whose signature is verified; False for a record that is to be published."""


@value_object
class Record:
    """A Kafka record. `partition` and `offset` are -1 until the broker has given them."""

    topic: str
    key: bytes
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)
    partition: int = -1
    offset: int = -1
    flaw: Flaw | None = None
    """Set when the record breaks a limit of every record. Then key, value and headers may be cut."""
    unsigned: Unsigned | None = None
    """Set while the record has no signature: before it is packed, and after it is unpacked."""


Headers = Sequence[tuple[str, bytes]]


def received_record(
    topic: str, key: bytes, value: bytes, headers: Headers, partition: int, offset: int, fault: str = ""
) -> Record:
    """A record as it came, cut where it is larger than what is kept.

    `fault` says what could not be read of it. Raises nothing, whatever the record contains.
    """
    named = dict(headers)
    if (
        not fault
        and len(value) <= VALUE_KEPT_BYTES_MAX
        and len(key) <= KEY_BYTES_MAX
        and len(headers) == len(named) <= HEADERS_MAX
        and _size_of(headers) <= HEADERS_BYTES_MAX
    ):
        return Record(topic, key, value, named, partition, offset)
    flaw = Flaw(
        fault or _fault_of(key, value, headers),
        content_digest(topic, key, value, headers),
        len(value),
        hashlib.sha256(value).hexdigest(),
    )
    return Record(
        topic, key[:KEY_BYTES_MAX], value[:VALUE_KEPT_BYTES_MAX], _kept_headers(headers), partition, offset, flaw
    )


def unreadable_record(topic: str, partition: int, offset: int, fault: str) -> Record:
    """What stands for records of which the client library could not read anything; `offset` is that of the first."""
    place = f"{partition}:{offset}".encode()
    digest = content_digest(topic, place, fault.encode("utf-8", "replace"), ())
    return Record(topic, b"", b"", {}, partition, offset, Flaw(fault, digest, 0, hashlib.sha256().hexdigest()))


def content_digest(topic: str, key: bytes, value: bytes, headers: Headers) -> str:
    """The identity of a record's content, wherever in the log it stands: SHA-256, in hex."""
    digest = hashlib.sha256()
    parts: list[bytes] = [topic.encode(), key, value]
    for name, content in sorted(headers):
        parts += [name.encode("utf-8", "surrogatepass"), content]
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.hexdigest()


def _size_of(headers: Headers) -> int:
    return sum([len(name) + len(content) for name, content in headers])


def _fault_of(key: bytes, value: bytes, headers: Headers) -> str:
    if len(value) > VALUE_KEPT_BYTES_MAX:
        return too_long(value, VALUE_BYTES_MAX)
    if len(key) > KEY_BYTES_MAX:
        return f"record key: {len(key)} bytes, more than the {KEY_BYTES_MAX} that a record may have"
    if len(headers) > HEADERS_MAX:
        return f"headers: {len(headers)}, more than the {HEADERS_MAX} that a record may have"
    if _size_of(headers) > HEADERS_BYTES_MAX:
        return f"headers: {_size_of(headers)} bytes, more than the {HEADERS_BYTES_MAX} that a record may have"
    return "headers: a name comes more than once"


def too_long(value: bytes, bytes_max: int) -> str:
    """The reason of a value with too many bytes."""
    return f"value: {len(value)} bytes, more than the {bytes_max} that a message may have"


def _kept_headers(headers: Headers) -> dict[str, bytes]:
    """The headers of the protocol, and of the others as many as the limits allow."""
    kept: dict[str, bytes] = {}
    left = HEADERS_BYTES_MAX
    for name, content in sorted(headers, key=lambda header: header[0] not in HEADERS_OF_PROTOCOL):
        if len(kept) >= HEADERS_MAX:
            break
        if name not in kept and len(name) + len(content) <= left:
            kept[name] = content
            left -= len(name) + len(content)
    return kept


def digest_of(record: Record) -> str:
    """The identity of a record's content, wherever in the log it stands."""
    if record.flaw is not None:
        return record.flaw.digest
    return content_digest(record.topic, record.key, record.value, tuple(record.headers.items()))


def without_bytes(record: Record, why: str) -> Record:
    """The record without key, value and headers: for a letter that cannot be stored with them."""
    whole = record.flaw
    flaw = Flaw(
        why if whole is None else whole.reason,
        digest_of(record),
        len(record.value) if whole is None else whole.value_bytes,
        hashlib.sha256(record.value).hexdigest() if whole is None else whole.value_sha256,
    )
    return Record(record.topic, b"", b"", {}, record.partition, record.offset, flaw)
