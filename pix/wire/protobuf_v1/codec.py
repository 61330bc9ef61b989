"""The codec of version 1: a Protobuf value, headers for type, sender and trace, and a signature of the sender."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import replace

from google.protobuf.message import DecodeError

from pix.runtime.trace_context import checked_traceparent
from pix.scheme.clock import REAL_TIME, VirtualTime, time_of_text
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.errors import SchemeError
from pix.scheme.messages import MESSAGES_OF_BANKS, Message
from pix.wire.codec import Peers
from pix.wire.protobuf_v1.batches import BATCH_HEADER, BATCH_TYPE, signed, unpack
from pix.wire.protobuf_v1.messages import DECODERS, ENCODERS
from pix.wire.protobuf_v1.signatures import sign, sign_clock
from pix.wire.record import (
    BANK_VALUE_BYTES_MAX,
    HEADER_CLOCK,
    HEADER_SENDER,
    HEADER_SIGNATURE,
    HEADER_TRACEPARENT,
    HEADER_TYPE,
    VALUE_BYTES_MAX,
    Record,
    Unsigned,
    too_long,
)


class ProtobufV1Codec:
    """See `pix.wire.codec.Codec`."""

    proves_sender = True

    def __init__(
        self,
        participant: str,
        peers: Peers,
        allowed: frozenset[type],
        clock: Callable[[], VirtualTime] = lambda: REAL_TIME,
        *,
        leaves_unsigned: bool = False,
    ) -> None:
        """`participant` signs what is encoded: an ISPB or `hub`. `allowed` are the message classes that it may get.

        What is encoded tells the revision of `clock`, so that its receiver counts by no older one when it answers.
        With `leaves_unsigned` the records for receivers that take batches have no signature yet: `batches.pack`, which
        the sink calls, gives them one.
        """
        self._participant = participant
        self._peers = peers
        self._allowed = allowed
        self._clock = clock
        self._leaves_unsigned = leaves_unsigned

    def encode(self, outgoing: Outgoing) -> Record | None:
        peer = self._peers.find(outgoing.receiver)
        if peer is None:
            return None
        message, key = outgoing.message, peer.keys[0]
        record = _unsigned_record(message, peer.topic, self._participant, key, outgoing.traceparent)
        if not (self._leaves_unsigned and peer.takes_batches):
            record = signed(record)
        time = self._clock()
        if time.revision:
            return replace(record, headers={**record.headers, HEADER_CLOCK: _clock_header(time, key)})
        return record

    def is_packed(self, record: Record) -> bool:
        return record.headers.get(HEADER_TYPE) == BATCH_HEADER and record.unsigned is None

    def unpack(self, record: Record) -> Sequence[Record]:
        return unpack_record(record, self._keys_of)

    def decode(self, record: Record) -> Arrival | Rejected:
        return decode_record(record, self._keys_of, self._allowed)

    def _keys_of(self, sender: str) -> Sequence[bytes]:
        peer = self._peers.find(sender)
        return () if peer is None else peer.keys


class RecordError(Exception):
    """Why a record cannot be read; its text is the reason in the dead letters."""


def encode_record(message: Message, topic: str, sender: str, key: bytes, traceparent: str = "") -> Record:
    """The signed record of a message; `key` is the signing key that sender and receiver share."""
    return signed(_unsigned_record(message, topic, sender, key, traceparent))


def _unsigned_record(message: Message, topic: str, sender: str, key: bytes, traceparent: str) -> Record:
    value = ENCODERS[type(message)](message).SerializeToString(deterministic=True)
    headers = {HEADER_TYPE: type(message).__name__.encode(), HEADER_SENDER: sender.encode()}
    if traceparent:
        headers[HEADER_TRACEPARENT] = traceparent.encode()
    return Record(topic, message.record_key.encode(), value, headers, unsigned=Unsigned(key, is_proven=False))


def unpack_record(record: Record, keys_of_sender: Callable[[str], Sequence[bytes]]) -> Sequence[Record]:
    """See `pix.wire.codec.Codec.unpack`; `keys_of_sender` as for `decode_record`."""
    if record.headers.get(HEADER_TYPE) != BATCH_HEADER or record.flaw is not None or record.unsigned is not None:
        return (record,)
    try:
        return _unpack(record, keys_of_sender(_text_header(record, HEADER_SENDER)))
    except Exception:  # noqa: BLE001 - any fault of a stranger's bytes leaves the record to `decode_record`
        return (record,)


def _unpack(record: Record, keys: Sequence[bytes]) -> Sequence[Record]:
    """Raises RecordError, which says why the record is no batch."""
    key = _check_signature(record, BATCH_TYPE, keys)
    try:
        return unpack(record, key)
    except (DecodeError, ValueError) as error:
        raise RecordError(f"value: {error}") from None


def decode_record(
    record: Record, keys_of_sender: Callable[[str], Sequence[bytes]], allowed: frozenset[type]
) -> Arrival | Rejected:
    """Reads and verifies a record. Raises nothing, whatever the record contains.

    `keys_of_sender` gives the signing keys that are valid for a sender, newest first, none for a stranger. `allowed`
    are the message classes that may come on this topic.
    """
    sender = ""
    try:
        if record.flaw is not None:
            sender = record.headers.get(HEADER_SENDER, b"").decode("ascii", "replace")
            raise RecordError(record.flaw.reason)
        sender = _text_header(record, HEADER_SENDER)
        message_type = _text_header(record, HEADER_TYPE)
        keys = keys_of_sender(sender)
        if record.unsigned is None or not record.unsigned.is_proven:
            _check_signature(record, message_type, keys)
            if message_type == BATCH_TYPE:
                _unpack(record, keys)
        message = decode_message(message_type, record.value, allowed)
        if record.key != message.record_key.encode():
            raise RecordError("record key: must be the id that the message is about")
        trace = record.headers.get(HEADER_TRACEPARENT)
        traceparent = checked_traceparent(trace.decode("ascii", "replace")) if trace else ""
        return Arrival(message, sender, traceparent, record, _proven_clock(record, keys))
    except RecordError as error:
        return Rejected(record, sender, str(error))
    except Exception as error:  # noqa: BLE001 - any fault of a stranger's bytes rejects the record
        return Rejected(record, sender, f"cannot be read: {type(error).__name__}: {error}")


def decode_message(message_type: str, value: bytes, allowed: frozenset[type]) -> Message:
    """The message in a record's value. Raises RecordError, which says what is wrong with it."""
    try:
        message_class, wire_class, decode = DECODERS[message_type]
    except KeyError:
        raise RecordError(f"{HEADER_TYPE}: unknown message type {message_type[:60]!r}") from None
    if message_class not in allowed:
        raise RecordError(f"{HEADER_TYPE}: {message_type} is not sent on this topic")
    bytes_max = BANK_VALUE_BYTES_MAX if message_class in MESSAGES_OF_BANKS else VALUE_BYTES_MAX
    if len(value) > bytes_max:
        raise RecordError(too_long(value, bytes_max))
    try:
        parsed = wire_class.FromString(value)
    except DecodeError:
        raise RecordError(f"value: not a {message_type} in Protobuf") from None
    try:
        return decode(parsed)
    except (SchemeError, ValueError) as error:
        raise RecordError(f"value: {error}") from None


def _clock_header(time: VirtualTime, key: bytes) -> bytes:
    """A signature of its text, and not of the record: a repeated old one changes nothing."""
    text = time.as_text()
    return f"{text}:{sign_clock(key, text).hex()}".encode()


def _proven_clock(record: Record, keys: Sequence[bytes]) -> VirtualTime | None:
    """None for a header that is not the sender's: the message is good without it."""
    header = record.headers.get(HEADER_CLOCK)
    if header is None:
        return None
    text, _, signature = header.decode("ascii", "replace").rpartition(":")
    if not any(hmac.compare_digest(sign_clock(key, text).hex().encode(), signature.encode()) for key in keys):
        return None
    try:
        return time_of_text(text)
    except SchemeError:
        return None


def _text_header(record: Record, name: str) -> str:
    value = record.headers.get(name)
    if not value:
        raise RecordError(f"{name}: header is missing")
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise RecordError(f"{name}: header is not ASCII") from None


def _check_signature(record: Record, message_type: str, keys: Sequence[bytes]) -> bytes:
    """The key with which the record is signed. Raises RecordError."""
    signature = record.headers.get(HEADER_SIGNATURE)
    if not signature:
        raise RecordError(f"{HEADER_SIGNATURE}: header is missing, the record is unsigned")
    if not keys:
        raise RecordError(f"{HEADER_SENDER}: no such participant")
    for key in keys:
        if hmac.compare_digest(sign(key, record.topic, message_type, record.value), signature):
            return key
    raise RecordError(f"{HEADER_SIGNATURE}: not the sender's signature of this record")
