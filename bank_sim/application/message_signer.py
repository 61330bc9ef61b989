"""What the bank owes, as signed records for the hub's topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bank_sim.domain.flows.transfer.model import Transfer
from pix.scheme.messages import BankMessage
from pix.wire.records import HUB_SENDER, HUB_TOPIC, Record, encode_record


class Seal:
    """Signs messages to the hub, and knows the key with which the hub signs to this bank."""

    def __init__(self, ispb: str, key: bytes, other_keys: Sequence[bytes] = ()) -> None:
        """`other_keys` are also the hub's, while the bank's secret changes; nothing is signed with them."""
        self._ispb = ispb
        self._key = key
        self._keys_of_hub = (key, *other_keys)

    def keys_of_sender(self, sender: str) -> Sequence[bytes]:
        """A bank hears the hub alone."""
        return self._keys_of_hub if sender == HUB_SENDER else ()

    def records(self, transfer: Transfer, messages: Iterable[BankMessage]) -> list[Record]:
        """The records of what a row owes; they carry the trace in which the transfer began."""
        return self.records_of(messages, transfer.traceparent)

    def records_of(self, messages: Iterable[BankMessage], traceparent: str) -> list[Record]:
        """The records of messages in a trace."""
        return [encode_record(message, HUB_TOPIC, self._ispb, self._key, traceparent) for message in messages]
