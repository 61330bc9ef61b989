"""The hub's messages as records: version 1 of the wire, with the banks as peers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pix.participant.gateway import MessageGateway
from pix.runtime.clock import monotonic_ms
from pix.scheme.deliveries import HUB
from pix.scheme.messages import MESSAGES_OF_BANKS
from pix.wire.codec import CachedPeers, MakeCodec, Peer
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.topics import bank_topic

WireKeys = Callable[[], Mapping[str, tuple[str, tuple[bytes, ...]]]]
"""Each bank's code and the keys that are valid for its messages, newest first, by ISPB."""


BatchReaders = Callable[[], Collection[str]]
"""The ISPBs of the banks that read several messages in one record."""


def _none() -> Collection[str]:
    return ()


def bank_peers(
    wire_keys: WireKeys, monotonic_ms: Callable[[], int] = monotonic_ms, batch_readers: BatchReaders = _none
) -> CachedPeers:
    def read() -> Mapping[str, Peer]:
        takers = batch_readers()
        return {ispb: Peer(bank_topic(code), keys, ispb in takers) for ispb, (code, keys) in wire_keys().items()}

    return CachedPeers(read, monotonic_ms)


def hub_gateway(
    wire_keys: WireKeys,
    monotonic_ms: Callable[[], int] = monotonic_ms,
    codec: MakeCodec = ProtobufV1Codec,
    batch_readers: BatchReaders = _none,
) -> MessageGateway:
    peers = bank_peers(wire_keys, monotonic_ms, batch_readers)
    return MessageGateway(codec(HUB, peers, MESSAGES_OF_BANKS), peers)
