"""The tap of messages (`hub.application.ports.MessageTap`) on a tap of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hub.application.ports import PassedMessage, ReadMessage
from pix.messaging.tap import TappedRecord, WireTap
from pix.scheme.deliveries import HUB, Arrival
from pix.scheme.messages import MESSAGES_OF_BANKS, MESSAGES_OF_HUB
from pix.wire.codec import Peers
from pix.wire.protobuf_v1.codec import decode_record, unpack_record
from pix.wire.topics import HUB_TOPIC


class RecordMessageTap:
    """Decodes records as their receivers do."""

    def __init__(self, tap: WireTap, peers: Peers, read_codes: Callable[[], Mapping[str, str]]) -> None:
        """`read_codes` gives a bank's three digits by its ISPB."""
        self._tap = tap
        self._peers = peers
        self._read_codes = read_codes
        self._codes: Mapping[str, str] = {}

    def poll(self, timeout_seconds: float) -> Sequence[PassedMessage]:
        return [_PassedRecord(self, part) for tapped in self._tap.poll(timeout_seconds) for part in self.unpack(tapped)]

    def close(self) -> None:
        self._tap.close()

    def unpack(self, tapped: TappedRecord) -> Sequence[TappedRecord]:
        """A record for each of its messages. Raises DatabaseUnavailable."""
        self._refresh()
        parts = unpack_record(tapped.record, self._keys_on(tapped.record.topic))
        return [TappedRecord(tapped.at_ms, part) for part in parts]

    def _refresh(self) -> None:
        if self._peers.refresh():
            self._codes = self._read_codes()

    def read(self, tapped: TappedRecord) -> ReadMessage:
        """The message of a record. Raises DatabaseUnavailable."""
        self._refresh()
        record = tapped.record
        if record.topic == HUB_TOPIC:
            receiver = HUB
            read = decode_record(record, self._keys_of, MESSAGES_OF_BANKS)
            sender = self._codes.get(read.sender, "")
        else:
            _, receiver, sender = self._bank_of(record.topic)
            read = decode_record(record, self._keys_on(record.topic), MESSAGES_OF_HUB)
        if isinstance(read, Arrival):
            return ReadMessage(sender, receiver, read.message)
        return ReadMessage("", receiver, None, read.reason)

    def _keys_on(self, topic: str) -> Callable[[str], Sequence[bytes]]:
        """The keys of a sender on the topic."""
        if topic == HUB_TOPIC:
            return self._keys_of
        # A bank verifies the hub with its own keys.
        ispb, _, _ = self._bank_of(topic)
        return lambda _: self._keys_of(ispb)

    def _keys_of(self, participant: str) -> Sequence[bytes]:
        peer = self._peers.find(participant)
        return () if peer is None else peer.keys

    def _bank_of(self, topic: str) -> tuple[str, str, str]:
        for ispb, code in self._codes.items():
            peer = self._peers.find(ispb)
            if peer is not None and peer.topic == topic:
                return ispb, code, HUB
        return "", "", HUB


class _PassedRecord:
    def __init__(self, tap: RecordMessageTap, tapped: TappedRecord) -> None:
        self._tap = tap
        self._tapped = tapped
        self.at_ms = tapped.at_ms
        self.claimed_id = tapped.record.key

    def read(self) -> ReadMessage:
        return self._tap.read(self._tapped)
