"""Several messages in one record: what is packed with what, and what a receiver makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_sim.entrypoints.gateway import bank_gateway
from codepix.v1.batch_pb2 import Batch, BatchedMessage
from hub.entrypoints.gateway import hub_gateway
from pix.messaging.batches import Publication
from pix.messaging.consumer import isolating_poison
from pix.messaging.packing import PackingSink
from pix.participant.dead_letters.records import record_of
from pix.scheme.clock import VirtualTime
from pix.scheme.deliveries import HUB, Arrival, Outgoing, Rejected
from pix.scheme.messages import MESSAGES_OF_HUB, TransferAccepted, TransferConfirmed
from pix.wire.codec import FixedPeers, Peer
from pix.wire.protobuf_v1.batches import BATCH_HEADER, MESSAGES_MAX, pack, signed
from pix.wire.protobuf_v1.codec import ProtobufV1Codec, encode_record, unpack_record
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import (
    BATCH_VALUE_BYTES_MAX,
    HEADER_SENDER,
    HEADER_SIGNATURE,
    HEADER_TYPE,
    Record,
    received_record,
)
from pix.wire.topics import HUB_TOPIC, bank_topic

ISPB: Final = "00000001"
SECRET: Final = "a secret of sixteen"
KEY: Final = signing_key(SECRET)
TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PARTITIONS: Final = 4


def accepted(number: int) -> TransferAccepted:
    return TransferAccepted(f"E{ISPB}20260921141300000000{number:03d}"[:32].ljust(32, "0"), 100 + number)


def outgoing(count: int, traceparent: str = "") -> list[Outgoing]:
    return [Outgoing(HUB, accepted(number), traceparent) for number in range(count)]


BANK: Final = bank_gateway(
    ISPB, SECRET, codec=lambda *parts: ProtobufV1Codec(*parts, leaves_unsigned=True), hub_reads_batches=lambda: True
)
HUB_GATEWAY: Final = hub_gateway(lambda: {ISPB: ("001", (KEY,))})


def sent(messages: Sequence[Outgoing], partitions: int = PARTITIONS) -> list[Record]:
    """The records as the broker has them."""
    return [
        received_record(each.topic, each.key, each.value, list(each.headers.items()), 0, number)
        for number, each in enumerate(pack(BANK.encode(messages), lambda _: partitions))
    ]


def read(records: Sequence[Record]) -> tuple[list[Arrival], list[Rejected]]:
    return HUB_GATEWAY.decode(HUB_GATEWAY.unpack(records))


def signed_batch(*messages: BatchedMessage, value: bytes | None = None, key: bytes = KEY) -> Record:
    content = Batch(messages=messages).SerializeToString() if value is None else value
    headers = {
        HEADER_TYPE: BATCH_HEADER,
        HEADER_SENDER: ISPB.encode(),
        HEADER_SIGNATURE: sign(key, HUB_TOPIC, "Batch", content),
    }
    return Record(HUB_TOPIC, b"any", content, headers, 2, 7)


def part(number: int = 0, **changes: object) -> BatchedMessage:
    record = encode_record(accepted(number), HUB_TOPIC, ISPB, KEY)
    fields = {"type": "TransferAccepted", "key": record.key, "value": record.value, **changes}
    return BatchedMessage(**fields)  # type: ignore[arg-type]


def test_messages_of_a_partition_share_a_record_and_come_back_in_order_with_their_traces() -> None:
    messages = outgoing(40, TRACEPARENT)
    records = sent(messages)
    assert len(records) == PARTITIONS
    arrivals, rejected = read(records)
    assert not rejected
    assert {(each.sender, each.traceparent) for each in arrivals} == {(ISPB, TRACEPARENT)}
    for partition in range(PARTITIONS):
        in_partition = [
            each.message for each in messages if crc32(each.message.record_key.encode()) % PARTITIONS == partition
        ]
        found = [each.message for each in arrivals if crc32(each.message.record_key.encode()) % PARTITIONS == partition]
        assert found == in_partition
    assert all(crc32(record.key) % PARTITIONS == number for record in records for number in [_partition(record)])


def _partition(record: Record) -> int:
    """That of every message in the record."""
    (partition,) = {crc32(each.key) % PARTITIONS for each in unpack_record(record, lambda _: [KEY])}
    return partition


def test_a_message_alone_travels_as_before() -> None:
    (record,) = sent(outgoing(1))
    assert record.headers == encode_record(accepted(0), HUB_TOPIC, ISPB, KEY).headers
    assert record.value == encode_record(accepted(0), HUB_TOPIC, ISPB, KEY).value


def test_with_unknown_partitions_each_message_travels_alone() -> None:
    assert [each.headers[HEADER_TYPE] for each in sent(outgoing(3), partitions=0)] == [b"TransferAccepted"] * 3


def test_a_receiver_that_has_announced_nothing_gets_signed_records() -> None:
    bank = bank_gateway(ISPB, SECRET, codec=lambda *parts: ProtobufV1Codec(*parts, leaves_unsigned=True))
    records = pack(bank.encode(outgoing(3)), lambda _: 1)
    assert [each.headers[HEADER_TYPE] for each in records] == [b"TransferAccepted"] * 3
    assert len(HUB_GATEWAY.decode(records)[0]) == 3


def test_a_record_stays_within_its_limits() -> None:
    records = sent(outgoing(999) * 3, partitions=1)
    assert all(len(each.value) <= BATCH_VALUE_BYTES_MAX for each in records)
    assert max(len(Batch.FromString(each.value).messages) for each in records) <= MESSAGES_MAX
    assert len(read(records)[0]) == 3 * 999


def test_the_clock_of_the_network_reaches_every_message() -> None:
    time = VirtualTime(3, 1_790_000_000_000, 5, 60)
    sender = ProtobufV1Codec(
        HUB,
        FixedPeers({ISPB: Peer(bank_topic("001"), (KEY,), takes_batches=True)}),
        frozenset(),
        lambda: time,
        leaves_unsigned=True,
    )
    drafts = [record for number in range(3) if (record := sender.encode(Outgoing(ISPB, accepted(number))))]
    (record,) = pack(drafts, lambda _: 1)
    receiver = ProtobufV1Codec(ISPB, FixedPeers({HUB: Peer(HUB_TOPIC, (KEY,))}), MESSAGES_OF_HUB | {TransferAccepted})
    read_again = [receiver.decode(each) for each in receiver.unpack(record)]
    assert [each.clock for each in read_again if isinstance(each, Arrival)] == [time] * 3


BAD_PARTS: Final = {
    "a batch": (part(type="Batch"), "codepix-type: unknown message type 'Batch'"),
    "of no type": (part(type=""), "codepix-type: header is missing"),
    "of a long type": (part(type="x" * 5_000), "unknown message type"),
    "not in Protobuf": (part(value=b"\xff"), "value: not a TransferAccepted in Protobuf"),
    "with another's key": (part(key=b"E1"), "record key: must be the id that the message is about"),
    "that no bank sends": (part(type=TransferConfirmed.__name__), "is not sent on this topic"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_PARTS.values(), ids=list(BAD_PARTS))
def test_a_bad_message_is_a_dead_letter_alone_which_can_be_replayed_alone(bad: BatchedMessage, reason: str) -> None:
    arrivals, (rejected,) = read([signed_batch(part(1), bad, part(2))])
    assert [each.message for each in arrivals] == [accepted(1), accepted(2)]
    assert reason in rejected.reason and rejected.sender == ISPB
    letter = record_of(rejected)
    assert (letter.topic, letter.partition, letter.offset) == (HUB_TOPIC, 2, 7)
    assert letter.value == bad.value
    # A replay fails by the message's own fault, and not for want of a signature.
    _, (again,) = read([letter])
    assert HEADER_SIGNATURE not in again.reason


BAD_BATCHES: Final = {
    "forged": (signed_batch(part(), key=b"x" * 32), "not the sender's signature"),
    "for another topic": (replace(signed_batch(part()), topic=bank_topic("002")), "not the sender's signature"),
    "empty": (signed_batch(), "a batch has 1 to 500 messages, this one 0"),
    "too many": (signed_batch(*[BatchedMessage(type="x")] * 501), "a batch has 1 to 500 messages, this one 501"),
    "truncated": (signed_batch(value=Batch(messages=[part()]).SerializeToString()[:-3]), "not a Batch in Protobuf"),
    "garbage": (signed_batch(value=b"\xff" * 9), "not a Batch in Protobuf"),
    "too long": (signed_batch(part(value=b"x" * BATCH_VALUE_BYTES_MAX)), "more than the 28672"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_BATCHES.values(), ids=list(BAD_BATCHES))
def test_a_bad_batch_is_one_dead_letter_beside_good_ones(bad: Record, reason: str) -> None:
    arrivals, (rejected,) = read([signed_batch(part(1)), bad, signed_batch(part(2), part(2))])
    assert [each.message for each in arrivals] == [accepted(1), accepted(2), accepted(2)]
    assert reason in rejected.reason
    assert rejected.envelope is bad


@given(st.binary(max_size=200), st.integers(0, 300))
def test_no_bytes_harm_the_reader(noise: bytes, cut: int) -> None:
    value = Batch(messages=[part(1), part(2)]).SerializeToString()
    for content in (noise, value[:cut], value[:cut] + noise, value + noise):
        arrivals, rejected = read([signed_batch(value=content)])
        assert arrivals or rejected


def test_a_message_that_breaks_the_batch_is_put_aside_and_the_others_are_processed() -> None:
    letters: list[Record] = []
    processed: list[Record] = []

    def handle(records: Sequence[Record]) -> Sequence[Record]:
        if any(record.key == accepted(2).record_key.encode() for record in records):
            raise RuntimeError("poison")
        processed.extend(records)
        return ()

    whole = HUB_GATEWAY.unpacking(isolating_poison(handle, lambda record, _reason: letters.append(record)))
    whole([signed_batch(*(part(number) for number in range(5)))])
    assert [each.key for each in letters] == [accepted(2).record_key.encode()]
    assert len(processed) == 4
    assert read(letters)[0][0].message == accepted(2)


class Sink:
    """Takes what is published; knows one topic with one partition."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def partitions_of(self, topic: str) -> int:
        return 1 if topic == HUB_TOPIC else 0

    def publish(self, records: Sequence[Record]) -> None:
        self.records += records

    def begin(self, records: Sequence[Record]) -> Publication:
        self.publish(records)
        return self

    def wait(self) -> None:
        return


def test_the_sink_packs_what_has_no_signature_and_leaves_what_has() -> None:
    sink = Sink()
    alone = encode_record(accepted(7), HUB_TOPIC, ISPB, KEY)
    PackingSink(sink).publish([*BANK.encode(outgoing(5)), alone])
    assert [each.headers[HEADER_TYPE] for each in sink.records] == [b"TransferAccepted", b"Batch"]
    assert sink.records[0] is alone
    assert signed(alone) is alone
