"""Records that must not move money: forged, unsigned, unreadable, misdirected or repeated, put on the real broker.

Each knows where its effect is to be seen, through the public interfaces: in the receiver's dead letters, or in
the history of the transfer that it tried to change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Final

from lab.network.parts.process import is_true_within
from lab.read.rest import BankRest, HubRest, Json, Refused
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.scheme.deliveries import HUB
from pix.scheme.ids import make_end_to_end_id, random_suffix
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    Message,
    Party,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferRequested,
)
from pix.wire.protobuf_v1.codec import RecordError, decode_message, encode_record
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import HEADER_SIGNATURE, HEADER_TYPE, Record, digest_of
from pix.wire.topics import HUB_TOPIC, bank_topic

SEEN_SECONDS_MAX: Final = 15.0
FORGED_KEY: Final = signing_key("a secret that the hub does not have")
UNREADABLE: Final = b"\xff\xfe this is no Protobuf \x00\x01"


@dataclass(frozen=True, slots=True)
class Participant:
    """A bank whose records can be made, since the lab knows its secret."""

    code: str
    ispb: str
    secret: str
    rest: BankRest


@dataclass(frozen=True, slots=True)
class Forgery:
    name: str
    expected: str
    record: Record
    was_seen: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    expected: str
    is_ok: bool


def send_forgeries(bootstrap_servers: str, forgeries: Sequence[Forgery]) -> list[Verdict]:
    """Puts all on the broker, and waits until each has had its effect."""
    sink = KafkaSink(KafkaSettings(bootstrap_servers=bootstrap_servers, client_id="codepix-lab"))
    try:
        sink.publish([forgery.record for forgery in forgeries])
    finally:
        sink.close()
    return [
        Verdict(forgery.name, forgery.expected, is_true_within(SEEN_SECONDS_MAX, forgery.was_seen))
        for forgery in forgeries
    ]


class Forger:
    """Makes forgeries after the pattern of a real, completed transfer."""

    def __init__(self, hub: HubRest, payer: Participant, stranger: Participant, row: Json, random: Random) -> None:
        """`row` is the hub's of a completed transfer of `payer`; `stranger` is another bank, no part of it."""
        self._hub = hub
        self._payer = payer
        self._stranger = stranger
        self._row = row
        self._random = random
        self._key = signing_key(payer.secret)

    def all(self) -> list[Forgery]:
        return [
            self._forged(),
            self._unsigned(),
            self._unreadable(),
            self._unknown_type(),
            self._misdirected_answer(),
            self._forged_confirmation(),
            self._bad_end_to_end_id(),
            self._other_content(),
            self._repeated(),
        ]

    def _forged(self) -> Forgery:
        record = encode_record(self._request(), HUB_TOPIC, self._payer.ispb, FORGED_KEY)
        return self._dies_at_hub("forged signature", record, "signature")

    def _unsigned(self) -> Forgery:
        record = self._signed(self._request())
        headers = {name: value for name, value in record.headers.items() if name != HEADER_SIGNATURE}
        return self._dies_at_hub("unsigned", replace(record, headers=headers), "unsigned")

    def _unreadable(self) -> Forgery:
        record = self._signed(self._request())
        signature = sign(self._key, HUB_TOPIC, TransferRequested.__name__, UNREADABLE)
        record = replace(record, value=UNREADABLE, headers={**record.headers, HEADER_SIGNATURE: signature})
        return self._dies_at_hub("unreadable bytes", record, "Protobuf")

    def _unknown_type(self) -> Forgery:
        record = self._signed(self._request())
        signature = sign(self._key, HUB_TOPIC, "TransferDreamt", record.value)
        headers = {**record.headers, HEADER_TYPE: b"TransferDreamt", HEADER_SIGNATURE: signature}
        return self._dies_at_hub("unknown message type", replace(record, headers=headers), "unknown message type")

    def _misdirected_answer(self) -> Forgery:
        message = TransferAccepted(self._row["end_to_end_id"], self._row["amount_centavos"])
        record = encode_record(message, HUB_TOPIC, self._stranger.ispb, signing_key(self._stranger.secret))
        return self._dies_at_hub("answer of a bank that was not asked", record, "payee bank")

    def _forged_confirmation(self) -> Forgery:
        """Money from nothing, if a bank believed it."""
        party = _party(self._row["payee"])
        message = TransferConfirmed(
            self._new_id(), Side.PAYEE, 1_000_000_00, _party(self._row["payer"]), party, _key(self._row), "", 0
        )
        topic = bank_topic(self._payer.code)
        record = encode_record(message, topic, HUB, FORGED_KEY)
        digest = digest_of(record)

        def was_seen() -> bool:
            return any(letter["dead_letter_id"] == digest for letter in self._payer.rest.dead_letters())

        return Forgery("forged confirmation to a bank", "dead letter at the bank", record, was_seen)

    def _bad_end_to_end_id(self) -> Forgery:
        message = self._request(end_to_end_id=self._new_id(self._stranger.ispb))

        def was_seen() -> bool:
            # The bank never made this transfer, so it lays the hub's refusal aside.
            bank = self._payer.rest
            letters = (bank.dead_letter(line["dead_letter_id"]) for line in bank.dead_letters())
            return any(_refuses(letter, message.end_to_end_id, "FF08") for letter in letters)

        return Forgery("end-to-end id of another bank", "refused with FF08", self._signed(message), was_seen)

    def _other_content(self) -> Forgery:
        end_to_end_id = self._row["end_to_end_id"]
        message = self._request(end_to_end_id=end_to_end_id, amount_centavos=self._row["amount_centavos"] + 1)

        def was_seen() -> bool:
            at_hub = any("DUPL" in step["refused"] for step in self._hub.transfer(end_to_end_id)["history"])
            row = self._payer.rest.transfer(end_to_end_id, "outgoing")
            # The refusal says nothing about the transfer that the bank knows.
            at_bank = any(step["event"] == "TransferFailed" and step["refused"] for step in row["history"])
            return at_hub and at_bank and row["status"] == "confirmed"

        return Forgery("same id, other content", "refused with DUPL", self._signed(message), was_seen)

    def _repeated(self) -> Forgery:
        end_to_end_id = self._row["end_to_end_id"]
        duplicates = self._row["duplicates"]
        message = self._request(end_to_end_id=end_to_end_id, requested_at_ms=self._row["requested_at_ms"])

        def was_seen() -> bool:
            return bool(self._hub.transfer(end_to_end_id)["duplicates"] > duplicates)

        return Forgery("same id, same content", "ignored and counted", self._signed(message), was_seen)

    def _dies_at_hub(self, name: str, record: Record, reason: str) -> Forgery:
        digest = digest_of(record)

        def was_seen() -> bool:
            try:
                return reason in self._hub.get(f"/dead-letters/{digest}")["reason"]
            except Refused:
                return False

        return Forgery(name, "dead letter at the hub", record, was_seen)

    def _request(
        self, end_to_end_id: str = "", amount_centavos: int | None = None, requested_at_ms: int | None = None
    ) -> TransferRequested:
        row = self._row
        return TransferRequested(
            end_to_end_id or self._new_id(),
            row["amount_centavos"] if amount_centavos is None else amount_centavos,
            _party(row["payer"]),
            _key(row),
            "",
            row["description"],
            row["requested_at_ms"] if requested_at_ms is None else requested_at_ms,
        )

    def _signed(self, message: Message) -> Record:
        return encode_record(message, HUB_TOPIC, self._payer.ispb, self._key)

    def _new_id(self, ispb: str | None = None) -> str:
        return make_end_to_end_id(ispb or self._payer.ispb, datetime.now(UTC), random_suffix(self._random))


def _refuses(letter: Json, end_to_end_id: str, reason: str) -> bool:
    try:
        message = decode_message("TransferFailed", bytes.fromhex(letter["value_hex"]), frozenset({TransferFailed}))
    except RecordError:
        return False
    return isinstance(message, TransferFailed) and (message.end_to_end_id, message.reason) == (end_to_end_id, reason)


def _party(row: Json) -> Party:
    return Party(row["ispb"], row["branch"], row["account_number"], row["name"], row["tax_id_masked"])


def _key(row: Json) -> PixKey:
    return PixKey(KeyKind(row["key_kind"]), row["key"])
