"""A wire that carries message objects: nine simulated networks of ten, at a fraction of the cost of Protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from codepix.v1.batch_pb2 import Batch
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.messages import Message
from pix.scheme.values import value_object
from pix.wire.codec import MakeCodec, Peers
from pix.wire.protobuf_v1.batches import BATCH_HEADER
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.record import HEADER_SENDER, HEADER_TYPE, Record

SEEDS_PER_REAL_WIRE: Final = 10


@value_object
class ObjectRecord(Record):
    """A record with its message beside it, which no byte of it holds."""

    message: Message | None = None
    sender: str = ""
    signed_with: bytes = b""
    traceparent: str = ""


Content = Message | bytes
"""The same for a message that is sent again, and for no other."""


def contents_of(record: Record) -> list[Content]:
    """The message of an object's record, or the bytes of each message of another."""
    if isinstance(record, ObjectRecord) and record.message is not None:
        return [record.message]
    if record.headers.get(HEADER_TYPE) == BATCH_HEADER:
        return [each.value for each in Batch.FromString(record.value).messages]
    return [record.value]


class ObjectCodec:
    """See `pix.wire.codec.Codec`: the same senders, keys and topics are accepted as on the wire of bytes."""

    proves_sender = True

    def __init__(self, participant: str, peers: Peers, allowed: frozenset[type]) -> None:
        self._participant = participant
        self._peers = peers
        self._allowed = allowed

    def encode(self, outgoing: Outgoing) -> Record | None:
        peer = self._peers.find(outgoing.receiver)
        if peer is None:
            return None
        message = outgoing.message
        headers = {HEADER_TYPE: type(message).__name__.encode(), HEADER_SENDER: self._participant.encode()}
        return ObjectRecord(
            peer.topic,
            message.record_key.encode(),
            b"",
            headers,
            message=message,
            sender=self._participant,
            signed_with=peer.keys[0],
            traceparent=outgoing.traceparent,
        )

    def is_packed(self, record: Record) -> bool:
        return False

    def unpack(self, record: Record) -> Sequence[Record]:
        return (record,)

    def decode(self, record: Record) -> Arrival | Rejected:
        if not isinstance(record, ObjectRecord) or record.message is None:
            return Rejected(record, "", "not a message")
        if record.signed_with not in self._keys_of(record.sender):
            return Rejected(record, record.sender, "not the sender's signature")
        if type(record.message) not in self._allowed:
            return Rejected(record, record.sender, "not sent on this topic")
        return Arrival(record.message, record.sender, record.traceparent, record)

    def _keys_of(self, sender: str) -> Sequence[bytes]:
        peer = self._peers.find(sender)
        return () if peer is None else peer.keys


PackingCodec: Final = partial(ProtobufV1Codec, leaves_unsigned=True)


def codec_of(seed: int) -> MakeCodec:
    """The wire of a run: each tenth run has the real one, with Protobuf, signatures and batches."""
    return PackingCodec if seed % SEEDS_PER_REAL_WIRE == 0 else ObjectCodec
