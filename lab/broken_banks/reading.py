"""Reads and verifies the hub's records: who sent it, what it says, and whether it may come here."""

from __future__ import annotations

import hmac

from lab.broken_banks.core import Core
from lab.broken_banks.defects import Defect
from lab.broken_banks.refusals import Unfit
from pix.scheme.deliveries import HUB
from pix.scheme.messages import MESSAGES_OF_HUB, Message
from pix.wire.protobuf_v1.codec import RecordError, decode_message
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import HEADER_SENDER, HEADER_SIGNATURE, HEADER_TYPE, Record


class Reading(Core):
    allowed: frozenset[type] = frozenset(MESSAGES_OF_HUB)
    """The messages that may come to a bank."""

    def read(self, record: Record) -> Message:
        """Raises Unfit for a record that is too large, not the hub's, unreadable, or not for a bank."""
        if record.flaw is not None:
            raise Unfit(record.flaw.reason)
        message_type = _text_header(record, HEADER_TYPE)
        # BELIEVES_STRANGERS: the name in a header is no proof, since every client of the broker can write it.
        if not self.has(Defect.BELIEVES_STRANGERS):
            self.verify(record, message_type)
        try:
            message = decode_message(message_type, record.value, self.allowed)
        except RecordError as error:
            raise Unfit(str(error)) from None
        self.check_record_key(record, message)
        return message

    def verify(self, record: Record, message_type: str) -> None:
        if _text_header(record, HEADER_SENDER) != HUB:
            raise Unfit(f"{HEADER_SENDER}: only the hub writes to a bank")
        expected = sign(signing_key(self.settings.secret), record.topic, message_type, record.value)
        # In constant time, so that the answer's delay tells nothing of the signature.
        if not hmac.compare_digest(expected, record.headers.get(HEADER_SIGNATURE, b"")):
            raise Unfit(f"{HEADER_SIGNATURE}: not the hub's signature of this record")

    def check_record_key(self, record: Record, message: Message) -> None:
        if record.key != message.record_key.encode():
            raise Unfit("record key: must be the id that the message is about")


def _text_header(record: Record, name: str) -> str:
    value = record.headers.get(name)
    if not value:
        raise Unfit(f"{name}: header is missing")
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise Unfit(f"{name}: header is not ASCII") from None
