"""What nobody of ours has made, for the two readers of foreign things: the record decoder and the BR Code parser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pix.scheme import brcode
from pix.scheme.deliveries import Arrival, Rejected
from pix.scheme.errors import SchemeError
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
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import decode_record, encode_record
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import HEADER_SENDER, HEADER_SIGNATURE, HEADER_TRACEPARENT, HEADER_TYPE, Record
from pix.wire.topics import HUB_TOPIC
from tests.integration.attacks.inputs import COUNTS

RECORDS: Final = 1_000
SIGNATURES: Final = 300
CODES: Final = 1_000
FUZZING: Final = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

KEY: Final = signing_key("the secret of the fuzzed bank")
ISPB: Final = "00000001"
ANA: Final = Party(ISPB, "0001", "100001-1", "Ana Souza", "***.982.247-**")
BIA: Final = Party("00000002", "0001", "200002-2", "Bia Lima", "***.444.777-**")
BIAS: Final = PixKey(KeyKind.EMAIL, "bia@example.com")
ID: Final = "E00000001202611231200abcdefghijk"
MESSAGES: Final[tuple[Message, ...]] = (
    TransferRequested(ID, 500, ANA, BIAS, "", "lunch", 1),
    TransferOffered(ID, 500, ANA, BIA, BIAS, "lunch", 2),
    TransferAccepted(ID, 500),
    TransferRejected(ID, 500, ReasonCode.AC03),
    TransferConfirmed(ID, Side.PAYEE, 500, ANA, BIA, BIAS, "lunch", 3),
    TransferFailed(ID, Side.PAYER, ReasonCode.AB03, 500, ANA, BIA, BIAS, "lunch", 3),
    OutcomeProcessed(ID, Side.PAYEE, Outcome.CONFIRMED, 500, None),
)
TYPES: Final = st.sampled_from([type(message).__name__ for message in MESSAGES]) | st.text(max_size=30)
EVERYTHING: Final = MESSAGES_OF_BANKS | MESSAGES_OF_HUB


def keys_of(sender: str) -> list[bytes]:
    return [KEY] if sender == ISPB else []


@st.composite
def damaged(draw: st.DrawFn) -> Record:
    """A record of ours with bytes changed, put in, cut out or doubled; half of them signed anew after that."""
    record = encode_record(draw(st.sampled_from(MESSAGES)), HUB_TOPIC, ISPB, KEY)
    value = bytearray(record.value)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(value) - 1)))
        match draw(st.sampled_from(["change", "insert", "cut", "double"])):
            case "change" if value:
                value[place] = draw(st.integers(0, 255))
            case "insert":
                value[place:place] = draw(st.binary(min_size=1, max_size=12))
            case "cut":
                del value[place : place + draw(st.integers(1, 20))]
            case _:
                value += value[place:]
    headers = dict(record.headers)
    if draw(st.booleans()):
        headers[HEADER_TYPE] = draw(TYPES).encode("utf-8", "replace")
    name = headers[HEADER_TYPE].decode("ascii", "replace")
    if draw(st.booleans()):
        headers[HEADER_SIGNATURE] = sign(KEY, HUB_TOPIC, name, bytes(value))
    return replace(record, value=bytes(value), headers=headers)


@st.composite
def arbitrary(draw: st.DrawFn) -> Record:
    """Any bytes, rightly signed or not, under any headers."""
    value, name = draw(st.binary(max_size=400)), draw(TYPES)
    headers = {
        HEADER_TYPE: name.encode("utf-8", "replace"),
        HEADER_SENDER: draw(st.just(ISPB.encode()) | st.binary(max_size=20)),
        HEADER_SIGNATURE: draw(st.just(sign(KEY, HUB_TOPIC, name, value)) | st.binary(max_size=40)),
        HEADER_TRACEPARENT: draw(st.binary(max_size=80)),
        **draw(st.dictionaries(st.text(max_size=20), st.binary(max_size=40), max_size=3)),
    }
    for missing in draw(st.sets(st.sampled_from(sorted(headers)), max_size=2)):
        del headers[missing]
    return Record(HUB_TOPIC, draw(st.binary(max_size=40) | st.just(ID.encode())), value, headers)


@settings(FUZZING, max_examples=RECORDS)
@given(record=damaged() | arbitrary(), allowed=st.sampled_from([MESSAGES_OF_BANKS, MESSAGES_OF_HUB, EVERYTHING]))
def test_the_decoder_reads_what_was_signed_and_says_of_all_else_what_is_wrong(
    record: Record, allowed: frozenset[type[Any]]
) -> None:
    COUNTS["fuzzed records"] += 1
    read = decode_record(record, keys_of, allowed)
    if isinstance(read, Rejected):
        assert read.reason and read.reason.isprintable() and len(read.reason) < 300
        return
    assert isinstance(read, Arrival)
    name = record.headers[HEADER_TYPE].decode()
    assert record.headers[HEADER_SIGNATURE] == sign(KEY, HUB_TOPIC, name, record.value)
    assert read.sender == ISPB and type(read.message) in allowed and type(read.message).__name__ == name
    assert record.key == read.message.record_key.encode()
    again = encode_record(read.message, HUB_TOPIC, ISPB, KEY)
    assert decode_record(again, keys_of, allowed).message == read.message  # type: ignore[union-attr]


@settings(FUZZING, max_examples=SIGNATURES)
@given(record=damaged(), place=st.integers(0, 31), flipped=st.integers(1, 255))
def test_no_signature_but_the_right_one_is_taken(record: Record, place: int, flipped: int) -> None:
    COUNTS["fuzzed signatures"] += 1
    name = record.headers[HEADER_TYPE].decode("ascii", "replace")
    signature = bytearray(sign(KEY, HUB_TOPIC, name, record.value))
    signature[place] ^= flipped
    forged = replace(record, headers={**record.headers, HEADER_SIGNATURE: bytes(signature)})
    assert isinstance(decode_record(forged, keys_of, EVERYTHING), Rejected)


VALID: Final = (
    brcode.encode(
        brcode.BRCode(key="bia@example.com", merchant_name="Bia Lima", merchant_city="Sao Paulo", amount_centavos=1_234)
    ),
    brcode.encode(brcode.dynamic_code("bank-002:8000/qr/v2/0123456789abcdefghijkl", "Bia Lima", "Sao Paulo")),
)


@st.composite
def codes(draw: st.DrawFn) -> str:
    """Damaged ones of ours, some with a checksum that is right again, and any text."""
    if draw(st.booleans()):
        return draw(st.text(max_size=300))
    text = list(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 5))):
        place = draw(st.integers(0, len(text) - 1))
        text[place] = draw(st.sampled_from("0123456789AZaz.@é\x00") | st.characters())
        if draw(st.booleans()):
            del text[place : place + draw(st.integers(1, 6))]
        if not text:
            break
    damaged_text = "".join(text)
    if draw(st.booleans()) and len(damaged_text) > 4:
        body = damaged_text[:-4]
        return body + f"{brcode.crc16_ccitt_false(body.encode('utf-8', 'replace')):04X}"
    return damaged_text


@settings(FUZZING, max_examples=CODES)
@given(text=codes())
def test_the_br_code_parser_reads_it_or_says_what_is_wrong(text: str) -> None:
    COUNTS["fuzzed BR Codes"] += 1
    try:
        code = brcode.decode(text)
    except SchemeError as error:
        assert error.field and error.rule
        return
    assert bool(code.key) != bool(code.location)
    assert code.amount_centavos is None or code.amount_centavos >= 0
