"""Kafka calls the hub: records of the banks in, decided upon, records for the banks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from hub.application.ports import Outgoing
from hub.application.process_messages import Arrival, ProcessMessages
from pix.messaging.kafka.clients import KafkaSource, ensure_topics
from pix.messaging.kafka.settings import KafkaSettings
from pix.participant.dead_letters import dead_letter
from pix.runtime.clock import Clock, monotonic_ms
from pix.scheme.messages import BankMessage
from pix.wire.records import (
    HUB_SENDER,
    HUB_TOPIC,
    MESSAGES_OF_BANKS,
    Received,
    Record,
    Unreadable,
    bank_topic,
    decode_record,
    encode_record,
)

CONSUMER_GROUP: Final = "codepix-hub"
KEYRING_AGE_MS_MAX: Final = 2_000


class Keyring:
    """The banks' signing keys, read again when they are old, or when they prove nothing of some record."""

    def __init__(
        self, read: Callable[[], Mapping[str, Sequence[bytes]]], monotonic_ms: Callable[[], int] = monotonic_ms
    ) -> None:
        """`monotonic_ms` must not go back: while it did, a retired secret would stay good."""
        self._read = read
        self._monotonic_ms = monotonic_ms
        self._keys: Mapping[str, Sequence[bytes]] = {}
        self._read_at_ms: int | None = None

    def refresh(self, age_ms_max: int = KEYRING_AGE_MS_MAX) -> bool:
        """Reads the keys when they are older than this; tells whether it has."""
        now_ms = self._monotonic_ms()
        if self._read_at_ms is not None and now_ms - self._read_at_ms <= age_ms_max:
            return False
        self._keys = self._read()
        self._read_at_ms = now_ms
        return True

    def keys_of(self, sender: str) -> Sequence[bytes]:
        """Newest first; none for a stranger."""
        return self._keys.get(sender, ())


class HubRecordHandler:
    """Treats a batch of records: a `pix.messaging.batches.BatchHandler`."""

    def __init__(self, process_messages: ProcessMessages, keyring: Keyring, clock: Clock) -> None:
        self._process_messages = process_messages
        self._keyring = keyring
        self._clock = clock

    def __call__(self, records: Sequence[Record]) -> list[Record]:
        """Decides in one transaction; returns what to publish once it is durable."""
        fresh = self._keyring.refresh()
        arrivals, letters = [], []
        for record in records:
            read = decode_record(record, self._keyring.keys_of, MESSAGES_OF_BANKS)
            if isinstance(read, Unreadable) and not fresh:
                # Its bank may have been added, or have changed its secret, since the keys were read. Once per batch.
                fresh = True
                if self._keyring.refresh(age_ms_max=0):
                    read = decode_record(record, self._keyring.keys_of, MESSAGES_OF_BANKS)
            if isinstance(read, Received):
                message = cast(BankMessage, read.message)
                arrivals.append(Arrival(message, read.sender, record, read.traceparent))
            else:
                letters.append(dead_letter(record, read.sender, read.reason, self._clock.now_ms()))
        return records_of(self._process_messages(arrivals, letters))


def open_source(settings: KafkaSettings) -> KafkaSource:
    """Raises BrokerUnavailable."""
    ensure_topics(settings, [HUB_TOPIC])
    return KafkaSource(settings, HUB_TOPIC, CONSUMER_GROUP)


def records_of(outgoing: Sequence[Outgoing]) -> list[Record]:
    """The signed records of what the hub owes."""
    return [
        encode_record(owed.message, bank_topic(owed.bank_code), HUB_SENDER, owed.signing_key, owed.traceparent)
        for owed in outgoing
    ]
