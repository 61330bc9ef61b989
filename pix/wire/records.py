"""Kafka records of the protocol: topics, headers, encoding and signatures.

A record's value is a Protobuf message of `codepix.v1`; its key is the end-to-end id; its headers name the message type,
the sender, the signature and the trace. The signature is HMAC-SHA256 over topic, type and value with a key that is
derived from the secret which the bank and the hub share, so neither can be made to read a message that it was not sent.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Protobuf

from codepix.v1 import common_pb2 as common
from codepix.v1 import transfers_pb2 as wire
from pix.runtime.trace_context import checked_traceparent
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    Message,
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object

HUB_TOPIC: Final = "codepix.hub.v1"
HUB_SENDER: Final = "hub"

HEADER_TYPE: Final = "codepix-type"
HEADER_SENDER: Final = "codepix-sender"
HEADER_SIGNATURE: Final = "codepix-signature"
HEADER_TRACEPARENT: Final = "traceparent"
HEADERS_OF_PROTOCOL: Final = frozenset({HEADER_TYPE, HEADER_SENDER, HEADER_SIGNATURE, HEADER_TRACEPARENT})

VALUE_BYTES_MAX: Final = 16 * 1024
"""No message of the protocol comes near this; whatever is larger is not read."""

BANK_VALUE_BYTES_MAX: Final = VALUE_BYTES_MAX - 64
"""The same for messages of banks: a request that is refused is repeated in the refusal, which must fit, too."""

VALUE_KEPT_BYTES_MAX: Final = 64 * 1024
"""Of a larger value no more is kept in memory or as a dead letter: its length and its SHA-256 stand for the rest."""
KEY_BYTES_MAX: Final = 1_024
HEADERS_MAX: Final = 64
"""The protocol has four headers; tools between the participants may add theirs."""
HEADERS_BYTES_MAX: Final = 8 * 1024
"""Names and values together."""

SIGNED_HEADS_MAX: Final = 1_024
"""A stranger's topic and type may be any text: what is kept of them is bounded."""

_SIGNING_PURPOSE: Final = b"codepix/v1/kafka-signing"


def bank_topic(code: str) -> str:
    """The topic on which the hub speaks to the bank with this 3-digit code."""
    return f"codepix.bank.{code}.v1"


def signing_key(secret: str) -> bytes:
    """The key of a bank's signatures, derived from its secret: 32 bytes.

    The hub keeps this and a hash of the secret, never the secret: its tables let nobody call gRPC as a bank.
    """
    return hmac.new(secret.encode(), _SIGNING_PURPOSE, hashlib.sha256).digest()


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
        return _too_long(value, VALUE_BYTES_MAX)
    if len(key) > KEY_BYTES_MAX:
        return f"record key: {len(key)} bytes, more than the {KEY_BYTES_MAX} that a record may have"
    if len(headers) > HEADERS_MAX:
        return f"headers: {len(headers)}, more than the {HEADERS_MAX} that a record may have"
    if _size_of(headers) > HEADERS_BYTES_MAX:
        return f"headers: {_size_of(headers)} bytes, more than the {HEADERS_BYTES_MAX} that a record may have"
    return "headers: a name comes more than once"


def _too_long(value: bytes, bytes_max: int) -> str:
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


@value_object
class Received:
    """A message that was read from a record whose signature is its sender's."""

    message: Message
    sender: str
    """The ISPB of the bank, or `hub`."""
    record: Record
    traceparent: str = ""


@value_object
class Unreadable:
    """A record that is for the dead letters, and why."""

    record: Record
    sender: str
    """As the record claims; empty when it names none."""
    reason: str


class RecordError(Exception):
    """Why a record cannot be read; its text is the reason in the dead letters."""


def sign(key: bytes, topic: str, message_type: str, value: bytes) -> bytes:
    """HMAC-SHA256 over topic, type and value, each preceded by its length so that no two splits read alike."""
    # `hmac.digest` is one call into OpenSSL; an HMAC object that is fed part by part costs four times as much.
    return hmac.digest(key, _signed_head(topic, message_type) + len(value).to_bytes(4, "big") + value, "sha256")


@lru_cache(maxsize=SIGNED_HEADS_MAX)
def _signed_head(topic: str, message_type: str) -> bytes:
    """What a signature covers in front of the value: the same for every record of a type on a topic."""
    parts = (topic.encode(), message_type.encode())
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def encode_record(message: Message, topic: str, sender: str, key: bytes, traceparent: str = "") -> Record:
    """The signed record of a message; `key` is the signing key that sender and receiver share."""
    message_type = type(message).__name__
    value = _ENCODERS[type(message)](message).SerializeToString(deterministic=True)
    headers = {
        HEADER_TYPE: message_type.encode(),
        HEADER_SENDER: sender.encode(),
        HEADER_SIGNATURE: sign(key, topic, message_type, value),
    }
    if traceparent:
        headers[HEADER_TRACEPARENT] = traceparent.encode()
    return Record(topic=topic, key=message.end_to_end_id.encode(), value=value, headers=headers)


def decode_record(
    record: Record, keys_of_sender: Callable[[str], Sequence[bytes]], allowed: frozenset[type]
) -> Received | Unreadable:
    """Reads a record, or says why not.

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
        _check_signature(record, message_type, keys_of_sender(sender))
        message = decode_message(message_type, record.value, allowed)
        if record.key != message.end_to_end_id.encode():
            raise RecordError("record key: must be the end-to-end id of the message")
        traceparent = checked_traceparent(record.headers.get(HEADER_TRACEPARENT, b"").decode("ascii", "replace"))
        return Received(message=message, sender=sender, record=record, traceparent=traceparent)
    except RecordError as error:
        return Unreadable(record=record, sender=sender, reason=str(error))
    except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes may raise is a reason to refuse them
        return Unreadable(record=record, sender=sender, reason=f"cannot be read: {type(error).__name__}: {error}")


def decode_message(message_type: str, value: bytes, allowed: frozenset[type]) -> Message:
    """The message in a record's value. Raises RecordError, which says what is wrong with it."""
    try:
        message_class, wire_class, decode = _DECODERS[message_type]
    except KeyError:
        raise RecordError(f"{HEADER_TYPE}: unknown message type {message_type[:60]!r}") from None
    if message_class not in allowed:
        raise RecordError(f"{HEADER_TYPE}: {message_type} is not sent on this topic")
    bytes_max = BANK_VALUE_BYTES_MAX if message_class in MESSAGES_OF_BANKS else VALUE_BYTES_MAX
    if len(value) > bytes_max:
        raise RecordError(_too_long(value, bytes_max))
    try:
        parsed = wire_class.FromString(value)
    except DecodeError:
        raise RecordError(f"value: not a {message_type} in Protobuf") from None
    try:
        return decode(parsed)
    except (SchemeError, ValueError) as error:
        raise RecordError(f"value: {error}") from None


def _text_header(record: Record, name: str) -> str:
    value = record.headers.get(name)
    if not value:
        raise RecordError(f"{name}: header is missing")
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise RecordError(f"{name}: header is not ASCII") from None


def _check_signature(record: Record, message_type: str, keys: Sequence[bytes]) -> None:
    signature = record.headers.get(HEADER_SIGNATURE)
    if not signature:
        raise RecordError(f"{HEADER_SIGNATURE}: header is missing, the record is unsigned")
    if not keys:
        raise RecordError(f"{HEADER_SENDER}: no such participant")
    for key in keys:
        if hmac.compare_digest(sign(key, record.topic, message_type, record.value), signature):
            return
    raise RecordError(f"{HEADER_SIGNATURE}: not the sender's signature of this record")


# From here on: each message to and from Protobuf. The enums' numbers are looked up once.

_KIND_TO_WIRE: Final = {kind: common.KeyKind.Value(f"KEY_KIND_{kind.value}") for kind in KeyKind}
_KIND_FROM_WIRE: Final = {number: kind for kind, number in _KIND_TO_WIRE.items()}
_SIDE_TO_WIRE: Final = {Side.PAYER: common.SIDE_PAYER, Side.PAYEE: common.SIDE_PAYEE}
_SIDE_FROM_WIRE: Final = {number: side for side, number in _SIDE_TO_WIRE.items()}
_OUTCOME_TO_WIRE: Final = {Outcome.CONFIRMED: common.OUTCOME_CONFIRMED, Outcome.FAILED: common.OUTCOME_FAILED}
_OUTCOME_FROM_WIRE: Final = {number: outcome for outcome, number in _OUTCOME_TO_WIRE.items()}


def key_to_wire(key: PixKey) -> common.PixKey:
    """The Protobuf form of a key."""
    return common.PixKey(kind=_KIND_TO_WIRE[key.kind], key=key.key)


def key_from_wire(key: common.PixKey) -> PixKey:
    """A key as it came; it is not normalised here. Raises SchemeError for an unknown kind."""
    return PixKey(key_kind_from_wire(key.kind), key.key)


def key_kind_from_wire(number: int) -> KeyKind:
    """Raises SchemeError for an unspecified or unknown kind."""
    try:
        return _KIND_FROM_WIRE[cast(Any, number)]
    except KeyError:
        raise SchemeError("key.kind", "must be CPF, CNPJ, PHONE, EMAIL or EVP") from None


def party_to_wire(party: Party) -> common.Party:
    """The Protobuf form of a party."""
    return common.Party(
        ispb=party.ispb,
        branch=party.branch,
        account_number=party.account_number,
        name=party.name,
        tax_id_masked=party.tax_id_masked,
    )


def party_from_wire(party: common.Party) -> Party:
    """A party as it came."""
    return Party(party.ispb, party.branch, party.account_number, party.name, party.tax_id_masked)


_Value = TypeVar("_Value")


def _from_wire(table: Mapping[Any, _Value], number: int, field_name: str) -> _Value:
    try:
        return table[number]
    except KeyError:
        raise SchemeError(field_name, "is not specified") from None


def _reason_from_wire(text: str) -> ReasonCode:
    try:
        return ReasonCode(text)
    except ValueError:
        raise SchemeError("reason_code", f"{text[:10]!r} is not a reason code of the scheme") from None


def _encode_requested(message: TransferRequested) -> Protobuf:
    return wire.TransferRequested(
        end_to_end_id=message.end_to_end_id,
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee_key=key_to_wire(message.payee_key),
        payee_tax_id_masked=message.payee_tax_id_masked,
        description=message.description,
        requested_at_ms=message.requested_at_ms,
    )


def _decode_requested(parsed: wire.TransferRequested) -> Message:
    return TransferRequested(
        parsed.end_to_end_id,
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        key_from_wire(parsed.payee_key),
        parsed.payee_tax_id_masked,
        parsed.description,
        parsed.requested_at_ms,
    )


def _encode_offered(message: TransferOffered) -> Protobuf:
    return wire.TransferOffered(
        end_to_end_id=message.end_to_end_id,
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee),
        payee_key=key_to_wire(message.payee_key),
        description=message.description,
        offered_at_ms=message.offered_at_ms,
    )


def _decode_offered(parsed: wire.TransferOffered) -> Message:
    return TransferOffered(
        parsed.end_to_end_id,
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee),
        key_from_wire(parsed.payee_key),
        parsed.description,
        parsed.offered_at_ms,
    )


def _encode_accepted(message: TransferAccepted) -> Protobuf:
    return wire.TransferAccepted(end_to_end_id=message.end_to_end_id, amount_centavos=message.amount_centavos)


def _decode_accepted(parsed: wire.TransferAccepted) -> Message:
    return TransferAccepted(parsed.end_to_end_id, parsed.amount_centavos)


def _encode_rejected(message: TransferRejected) -> Protobuf:
    return wire.TransferRejected(
        end_to_end_id=message.end_to_end_id,
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value,
    )


def _decode_rejected(parsed: wire.TransferRejected) -> Message:
    return TransferRejected(parsed.end_to_end_id, parsed.amount_centavos, _reason_from_wire(parsed.reason_code))


def _encode_confirmed(message: TransferConfirmed) -> Protobuf:
    return wire.TransferConfirmed(
        end_to_end_id=message.end_to_end_id,
        side=_SIDE_TO_WIRE[message.side],
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee),
        payee_key=key_to_wire(message.payee_key),
        description=message.description,
        confirmed_at_ms=message.confirmed_at_ms,
    )


def _decode_confirmed(parsed: wire.TransferConfirmed) -> Message:
    return TransferConfirmed(
        parsed.end_to_end_id,
        _from_wire(_SIDE_FROM_WIRE, parsed.side, "side"),
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee),
        key_from_wire(parsed.payee_key),
        parsed.description,
        parsed.confirmed_at_ms,
    )


def _encode_failed(message: TransferFailed) -> Protobuf:
    return wire.TransferFailed(
        end_to_end_id=message.end_to_end_id,
        side=_SIDE_TO_WIRE[message.side],
        reason_code=message.reason.value,
        amount_centavos=message.amount_centavos,
        payer=party_to_wire(message.payer),
        payee=party_to_wire(message.payee) if message.payee else None,
        payee_key=key_to_wire(message.payee_key),
        description=message.description,
        failed_at_ms=message.failed_at_ms,
    )


def _decode_failed(parsed: wire.TransferFailed) -> Message:
    return TransferFailed(
        parsed.end_to_end_id,
        _from_wire(_SIDE_FROM_WIRE, parsed.side, "side"),
        _reason_from_wire(parsed.reason_code),
        parsed.amount_centavos,
        party_from_wire(parsed.payer),
        party_from_wire(parsed.payee) if parsed.HasField("payee") else None,
        key_from_wire(parsed.payee_key),
        parsed.description,
        parsed.failed_at_ms,
    )


def _encode_processed(message: OutcomeProcessed) -> Protobuf:
    return wire.OutcomeProcessed(
        end_to_end_id=message.end_to_end_id,
        side=_SIDE_TO_WIRE[message.side],
        outcome=_OUTCOME_TO_WIRE[message.outcome],
        amount_centavos=message.amount_centavos,
        reason_code=message.reason.value if message.reason else "",
    )


def _decode_processed(parsed: wire.OutcomeProcessed) -> Message:
    return OutcomeProcessed(
        parsed.end_to_end_id,
        _from_wire(_SIDE_FROM_WIRE, parsed.side, "side"),
        _from_wire(_OUTCOME_FROM_WIRE, parsed.outcome, "outcome"),
        parsed.amount_centavos,
        _reason_from_wire(parsed.reason_code) if parsed.reason_code else None,
    )


_ENCODERS: Final[Mapping[type, Callable[[Any], Protobuf]]] = {
    TransferRequested: _encode_requested,
    TransferOffered: _encode_offered,
    TransferAccepted: _encode_accepted,
    TransferRejected: _encode_rejected,
    TransferConfirmed: _encode_confirmed,
    TransferFailed: _encode_failed,
    OutcomeProcessed: _encode_processed,
}

_DECODERS: Final[Mapping[str, tuple[type, type[Protobuf], Callable[[Any], Message]]]] = {
    "TransferRequested": (TransferRequested, wire.TransferRequested, _decode_requested),
    "TransferOffered": (TransferOffered, wire.TransferOffered, _decode_offered),
    "TransferAccepted": (TransferAccepted, wire.TransferAccepted, _decode_accepted),
    "TransferRejected": (TransferRejected, wire.TransferRejected, _decode_rejected),
    "TransferConfirmed": (TransferConfirmed, wire.TransferConfirmed, _decode_confirmed),
    "TransferFailed": (TransferFailed, wire.TransferFailed, _decode_failed),
    "OutcomeProcessed": (OutcomeProcessed, wire.OutcomeProcessed, _decode_processed),
}

MESSAGES_OF_BANKS: Final = frozenset({TransferRequested, TransferAccepted, TransferRejected, OutcomeProcessed})
"""What may come on the hub's topic."""

MESSAGES_OF_HUB: Final = frozenset({TransferOffered, TransferConfirmed, TransferFailed})
"""What may come on a bank's topic."""


REASON_LENGTH_MAX: Final = 500


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
