"""The bank's messages as records: version 1 of the wire, with the hub as the only peer."""

from __future__ import annotations

from collections.abc import Callable

from pix.participant.gateway import MessageGateway
from pix.scheme.deliveries import HUB
from pix.scheme.messages import MESSAGES_OF_HUB
from pix.wire.codec import CachedPeers, MakeCodec, Peer
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.topics import HUB_TOPIC


def _no() -> bool:
    return False


def bank_gateway(
    ispb: str,
    secret: str,
    secret_other: str = "",
    codec: MakeCodec = ProtobufV1Codec,
    hub_reads_batches: Callable[[], bool] = _no,
) -> MessageGateway:
    """The bank's edge to the hub.

    `secret_other` also verifies the hub's messages, while the bank's secret changes; nothing is signed with it.
    `hub_reads_batches` is asked now and then, and raises nothing.
    """
    keys = tuple(signing_key(each) for each in (secret, secret_other) if each)
    peers = CachedPeers(lambda: {HUB: Peer(HUB_TOPIC, keys, hub_reads_batches())})
    return MessageGateway(codec(ispb, peers, MESSAGES_OF_HUB), peers)
