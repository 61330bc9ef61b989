"""Records: every message there and back, and what is not taken from whom."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codepix.v1 import common_pb2 as common
from codepix.v1 import transfers_pb2 as wire
from pix.scheme.clock import VirtualTime
from pix.scheme.deliveries import HUB, Arrival, Outgoing, Rejected
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    MESSAGES_OF_BANKS,
    MESSAGES_OF_HUB,
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
from pix.scheme.messages.returns import (
    ReturnAccepted,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnProcessed,
    ReturnRejected,
    ReturnRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.wire.codec import FixedPeers, Peer
from pix.wire.protobuf_v1.codec import ProtobufV1Codec, RecordError, decode_message, decode_record, encode_record
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import (
    BANK_VALUE_BYTES_MAX,
    HEADER_CLOCK,
    HEADER_SENDER,
    HEADER_SIGNATURE,
    HEADER_TRACEPARENT,
    HEADER_TYPE,
    Record,
)
from pix.wire.topics import HUB_TOPIC, bank_topic

SENDER = "00000001"
KEY = signing_key("a secret of sixteen")
OTHER_KEY = signing_key("another secret of sixteen")
ID = "E0000000120260921141300000000001"
RETURN_ID = "D" + ID[1:]
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANA = Party(SENDER, "0001", "100001-1", "Ana São João", "***.982.247-**")
BIA = Party("00000002", "0001", "200002-2", "Bia", "***.456.789-**")
PIX_KEY = PixKey(KeyKind.PHONE, "+5511987654321")

MESSAGES: list[Message] = [
    TransferRequested(ID, 12_345, ANA, PIX_KEY, "***.456.789-**", "almoço – não “é”", 1_790_000_000_000),
    TransferOffered(ID, 12_345, ANA, BIA, PIX_KEY, "", 1_790_000_000_000),
    TransferAccepted(ID, 12_345),
    TransferRejected(ID, 12_345, ReasonCode.AC06),
    TransferConfirmed(ID, Side.PAYER, 12_345, ANA, BIA, PIX_KEY, "x", 1),
    TransferFailed(ID, Side.PAYEE, ReasonCode.AB03, 12_345, ANA, BIA, PIX_KEY, "x", 1),
    TransferFailed(ID, Side.PAYER, ReasonCode.AC03, -5, ANA, None, PIX_KEY, "", 0),
    OutcomeProcessed(ID, Side.PAYEE, Outcome.CONFIRMED, 12_345, None),
    OutcomeProcessed(ID, Side.PAYER, Outcome.FAILED, 12_345, ReasonCode.AC07),
    ReturnRequested(RETURN_ID, ID, 345, ReasonCode.MD06, "não é meu", 1_790_000_000_000),
    ReturnOffered(RETURN_ID, ID, 345, ReasonCode.FR01, "", ANA, BIA, 1_790_000_000_000),
    ReturnAccepted(RETURN_ID, ID, 345),
    ReturnRejected(RETURN_ID, ID, 345, ReasonCode.AC07),
    ReturnConfirmed(RETURN_ID, ID, Side.PAYER, 345, ReasonCode.BE08, ANA, BIA, "x", 1),
    ReturnFailed(RETURN_ID, ID, Side.PAYEE, ReasonCode.AB11, 345, ReasonCode.MD06, ANA, BIA, "x", 1),
    ReturnFailed(RETURN_ID, "x", Side.PAYEE, ReasonCode.FF08, -5, ReasonCode.AC03, None, None, "", 0),
    ReturnProcessed(RETURN_ID, ID, Side.PAYEE, Outcome.CONFIRMED, 345, None),
    ReturnProcessed(RETURN_ID, ID, Side.PAYER, Outcome.FAILED, 345, ReasonCode.AC06),
]
NAMES = [f"{type(message).__name__}-{number}" for number, message in enumerate(MESSAGES)]
CONFIRMED = common.OUTCOME_CONFIRMED
PAYER = common.SIDE_PAYER
UNKNOWN_SIDE = cast("common.Side.ValueType", 9)
REQUEST = MESSAGES[0]
ANY = MESSAGES_OF_BANKS | MESSAGES_OF_HUB


def encoded(message: Message = REQUEST, topic: str = HUB_TOPIC, key: bytes = KEY) -> Record:
    return encode_record(message, topic, SENDER, key, TRACEPARENT)


def decoded(record: Record, *keys: bytes, allowed: frozenset[type] = ANY) -> Arrival | Rejected:
    return decode_record(record, lambda sender: keys if sender == SENDER else (), allowed)


def refused(record: Record, *keys: bytes, allowed: frozenset[type] = ANY) -> str:
    read = decoded(record, *(keys or (KEY,)), allowed=allowed)
    assert isinstance(read, Rejected), read
    assert read.envelope is record
    return read.reason


def with_headers(record: Record, **changes: bytes | None) -> Record:
    headers = {**record.headers, **{f"codepix-{name}": value for name, value in changes.items()}}
    return replace(record, headers={name: value for name, value in headers.items() if value is not None})


def with_value(value: bytes, message_type: str = "TransferRequested", key: bytes = ID.encode()) -> Record:
    """A record of these bytes that is signed as it should be."""
    headers = {
        HEADER_TYPE: message_type.encode(),
        HEADER_SENDER: SENDER.encode(),
        HEADER_SIGNATURE: sign(KEY, HUB_TOPIC, message_type, value),
    }
    return Record(HUB_TOPIC, key, value, headers)


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_every_message_comes_back_as_it_went(message: Message) -> None:
    record = encoded(message)
    assert record.key == message.record_key.encode() and message.record_key in (ID, RETURN_ID)
    read = decoded(record, KEY)
    assert read == Arrival(message, SENDER, TRACEPARENT, record)


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_the_value_alone_tells_the_message_for_the_console(message: Message) -> None:
    assert decode_message(type(message).__name__, encoded(message).value, ANY) == message


def test_a_message_without_trace_has_no_such_header() -> None:
    assert HEADER_TRACEPARENT not in encode_record(REQUEST, HUB_TOPIC, SENDER, KEY).headers


@pytest.mark.parametrize(
    "header",
    [b"", b"00-trace-span-01", b"\xff" * 55, b"\x00" * 55, TRACEPARENT.upper().encode(), TRACEPARENT.encode() * 1_000],
)
def test_what_is_no_trace_context_is_not_taken_for_one(header: bytes) -> None:
    # A signature does not cover it: whoever may write to the topic may write anything there.
    record = encoded()
    read = decoded(replace(record, headers={**record.headers, HEADER_TRACEPARENT: header}), KEY)
    assert isinstance(read, Arrival) and read.traceparent == ""


def test_either_of_two_valid_keys_is_good_while_a_secret_changes() -> None:
    for key in (KEY, OTHER_KEY):
        assert isinstance(decoded(encoded(key=key), KEY, OTHER_KEY), Arrival)
    assert "not the sender's signature" in refused(encoded(key=OTHER_KEY), KEY)


def test_the_signature_covers_topic_type_and_value() -> None:
    record = encoded()
    forged = [
        replace(record, topic=bank_topic("001")),
        with_headers(encoded(TransferAccepted(ID, 1)), type=b"TransferRejected"),
        replace(record, value=encoded(replace(REQUEST, amount_centavos=99)).value),
        with_headers(record, signature=b"\x00" * 32),
        with_headers(record, signature=record.headers[HEADER_SIGNATURE][:-1]),
    ]
    for each in forged:
        assert "not the sender's signature" in refused(each)


@given(st.lists(st.text(max_size=4), min_size=2, max_size=2), st.lists(st.text(max_size=4), min_size=2, max_size=2))
def test_no_two_splits_of_the_same_text_have_one_signature(one: list[str], other: list[str]) -> None:
    same = sign(KEY, one[0], one[1], b"") == sign(KEY, other[0], other[1], b"")
    assert same == (one == other)


def test_keys_of_different_secrets_differ_and_tell_nothing_of_them() -> None:
    assert len(KEY) == 32
    assert KEY != OTHER_KEY
    assert signing_key("a secret of sixteen") == KEY


def test_what_is_unsigned_or_of_a_stranger_is_not_read() -> None:
    assert (
        refused(with_headers(encoded(), signature=None))
        == "codepix-signature: header is missing, the record is unsigned"
    )
    assert (
        refused(with_headers(encoded(), signature=b""))
        == "codepix-signature: header is missing, the record is unsigned"
    )
    assert refused(with_headers(encoded(), sender=b"00000099")) == "codepix-sender: no such participant"
    assert refused(with_headers(encoded(), sender=None)) == "codepix-sender: header is missing"
    assert refused(with_headers(encoded(), sender="é".encode())) == "codepix-sender: header is not ASCII"
    assert refused(with_headers(encoded(), type=None)) == "codepix-type: header is missing"


def test_the_unreadable_keep_the_sender_that_they_claim() -> None:
    read = decoded(with_headers(encoded(), signature=None), KEY)
    assert isinstance(read, Rejected) and read.sender == SENDER
    nameless = decoded(with_headers(encoded(), sender=None), KEY)
    assert isinstance(nameless, Rejected) and nameless.sender == ""


def test_an_unknown_type_is_not_read_though_signed() -> None:
    assert refused(with_value(b"", "TransferReversed")) == "codepix-type: unknown message type 'TransferReversed'"
    assert len(refused(with_value(b"", "X" * 500))) < 120


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_hub_and_banks_say_different_things(message: Message) -> None:
    is_of_bank = type(message) in MESSAGES_OF_BANKS
    assert isinstance(decoded(encoded(message), KEY, allowed=MESSAGES_OF_BANKS), Arrival) == is_of_bank
    assert isinstance(decoded(encoded(message), KEY, allowed=MESSAGES_OF_HUB), Arrival) != is_of_bank
    other = MESSAGES_OF_HUB if is_of_bank else MESSAGES_OF_BANKS
    assert refused(encoded(message), allowed=other).endswith("is not sent on this topic")


def test_unreadable_bytes_are_not_read_though_signed() -> None:
    assert refused(with_value(b"\xff\xff\xff")) == "value: not a TransferRequested in Protobuf"
    assert refused(with_value(b"\x0a\x02\xff\xfe")) == "value: not a TransferRequested in Protobuf"
    assert "more than the 16320" in refused(with_value(b"\x00" * (BANK_VALUE_BYTES_MAX + 1)))


def test_a_key_needs_a_kind() -> None:
    value = wire.TransferRequested(end_to_end_id=ID, payee_key=common.PixKey(key="a@b.example")).SerializeToString()
    assert refused(with_value(value)) == "value: key.kind: must be CPF, CNPJ, PHONE, EMAIL or EVP"


@pytest.mark.parametrize(
    ("value", "message_type", "reason"),
    [
        (
            wire.TransferRejected(end_to_end_id=ID, reason_code="XX99"),
            "TransferRejected",
            "'XX99' is not a reason code",
        ),
        (wire.TransferRejected(end_to_end_id=ID), "TransferRejected", "'' is not a reason code"),
        (wire.OutcomeProcessed(end_to_end_id=ID, outcome=CONFIRMED), "OutcomeProcessed", "side: is not specified"),
        (wire.OutcomeProcessed(end_to_end_id=ID, side=PAYER), "OutcomeProcessed", "outcome: is not specified"),
        (
            wire.OutcomeProcessed(end_to_end_id=ID, side=UNKNOWN_SIDE, outcome=CONFIRMED),
            "OutcomeProcessed",
            "side: is not specified",
        ),
        (wire.TransferConfirmed(end_to_end_id=ID), "TransferConfirmed", "side: is not specified"),
    ],
)
def test_what_a_message_must_say_it_says(value: object, message_type: str, reason: str) -> None:
    serialized: bytes = value.SerializeToString()  # type: ignore[attr-defined]
    assert reason in refused(with_value(serialized, message_type))


def test_the_records_key_is_the_end_to_end_id() -> None:
    assert refused(replace(encoded(), key=b"other")) == "record key: must be the id that the message is about"
    assert refused(replace(encoded(), key=b"")) == "record key: must be the id that the message is about"


def test_what_a_newer_version_adds_is_passed_over() -> None:
    unknown_field = bytes([15 << 3 | 2, 3]) + b"new"
    value = encoded().value + unknown_field
    read = decoded(with_value(value), KEY)
    assert isinstance(read, Arrival) and read.message == REQUEST


@given(st.binary(max_size=200), st.sampled_from(sorted(each.__name__ for each in ANY)))
def test_no_bytes_whatever_do_more_than_be_refused(value: bytes, message_type: str) -> None:
    try:
        decode_message(message_type, value, ANY)
    except RecordError as error:
        assert str(error)


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=30),
    st.sampled_from(list(KeyKind)),
    st.sampled_from(list(ReasonCode)),
)
def test_any_content_comes_back(amount: int, text: str, kind: KeyKind, reason: ReasonCode) -> None:
    text = text.encode("utf-8", "ignore").decode()
    party = Party(text, text, text, text, text)
    message = TransferFailed(ID, Side.PAYER, reason, amount, party, party, PixKey(kind, text), text, amount)
    read = decoded(encoded(message), KEY)
    assert isinstance(read, Arrival) and read.message == message


def test_topics_are_named_after_the_code() -> None:
    assert bank_topic("001") == "codepix.bank.001.v1"
    assert (HUB_TOPIC, HUB) == ("codepix.hub.v1", "hub")


def test_a_signature_is_an_hmac_over_lengths_and_parts() -> None:
    # Written out once by hand, so that a participant in another language can check itself against it.
    parts = (HUB_TOPIC.encode(), b"TransferAccepted", b"value")
    covered = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    expected = hmac.new(KEY, covered, hashlib.sha256).digest()
    assert sign(KEY, HUB_TOPIC, "TransferAccepted", b"value") == expected


# The clock.

TIME = VirtualTime(3, 1_790_000_000_000, 86_400_000, 60)


def told(time: VirtualTime = TIME) -> Record:
    """A record of the hub for Aurora that tells a revision of the clock."""
    peers = FixedPeers({SENDER: Peer(bank_topic("001"), (KEY,))})
    codec = ProtobufV1Codec(HUB, peers, frozenset(), lambda: time)
    record = codec.encode(Outgoing(SENDER, TransferOffered(ID, 1, ANA, BIA, PIX_KEY, "", 1)))
    assert record is not None
    return record


def heard(record: Record) -> VirtualTime | None:
    arrival = decode_record(record, lambda _: [KEY], frozenset({TransferOffered}))
    assert isinstance(arrival, Arrival), "the message itself is good"
    return arrival.clock


def test_a_record_tells_the_senders_revision_of_the_clock() -> None:
    assert heard(told()) == TIME
    assert HEADER_CLOCK not in told(VirtualTime()).headers, "a network without a virtual clock has no such header"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"4:1:1:1",
        b"\xff",
        TIME.as_text().encode() + b":" + b"0" * 64,
        told().headers[HEADER_CLOCK].replace(b"3:", b"4:", 1),
        b"x" + told().headers[HEADER_CLOCK],
    ],
)
def test_a_strangers_clock_header_is_ignored_and_the_message_stays_good(header: bytes) -> None:
    record = told()
    assert heard(replace(record, headers={**record.headers, HEADER_CLOCK: header})) is None
