"""Dead letters: records that could not be applied, kept with the reason and as much of their bytes as the limits allow.

They are the same in every participant. One that dies again, by redelivery or by replay, is the same letter: it counts
up and does not pile up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

from pix.scheme.values import value_object
from pix.wire.records import REASON_LENGTH_MAX, Record, digest_of, received_record

SENDER_LENGTH_MAX: Final = 40


class DeadLetterState(StrEnum):
    """What has become of a dead letter."""

    DEAD = "dead"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@value_object
class DeadLetter:
    """A record that could not be applied."""

    digest: str
    """Identifies the letter: SHA-256 over topic, key, headers and value, in hex."""
    record: Record
    sender: str
    """As the record claims, unproven; may be empty."""
    reason: str
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int = 1
    state: DeadLetterState = DeadLetterState.DEAD
    note: str = ""
    """Why it was discarded."""

    @property
    def value_bytes(self) -> int:
        """The length of the value as it came, of which the record may have a part."""
        return len(self.record.value) if self.record.flaw is None else self.record.flaw.value_bytes

    @property
    def value_sha256(self) -> str:
        """Of the value as it came, in hex."""
        flaw = self.record.flaw
        return hashlib.sha256(self.record.value).hexdigest() if flaw is None else flaw.value_sha256

    @property
    def is_cut(self) -> bool:
        """Whether a part of the value is missing."""
        return self.value_bytes > len(self.record.value)


@value_object
class DeadLetterHead:
    """What a list shows of a dead letter: everything but the bytes of its record."""

    digest: str
    topic: str
    partition: int
    offset: int
    sender: str
    reason: str
    value_bytes: int
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int
    state: DeadLetterState
    note: str


def head_of(letter: DeadLetter) -> DeadLetterHead:
    """What a list shows of the letter."""
    return DeadLetterHead(
        letter.digest,
        letter.record.topic,
        letter.record.partition,
        letter.record.offset,
        letter.sender,
        letter.reason,
        letter.value_bytes,
        letter.first_seen_at_ms,
        letter.last_seen_at_ms,
        letter.times,
        letter.state,
        letter.note,
    )


def dead_letter(record: Record, sender: str, reason: str, now_ms: int) -> DeadLetter:
    """A new letter of bounded size."""
    if record.flaw is None:
        headers = tuple(record.headers.items())
        record = received_record(record.topic, record.key, record.value, headers, record.partition, record.offset)
    return DeadLetter(digest_of(record), record, sender[:SENDER_LENGTH_MAX], reason[:REASON_LENGTH_MAX], now_ms, now_ms)


class DeadLetterRepository(Protocol):
    """The dead letters, inside the transaction of the unit of work that they belong to."""

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Stores letters; one that is there already counts up, and is `dead` again."""

    def find(self, digest: str) -> DeadLetter | None:
        """One letter."""

    def list(self, state: DeadLetterState | None, size: int) -> list[DeadLetterHead]:
        """Last seen first. The bytes of the records are not read."""

    def lock(self, digest: str) -> DeadLetter | None:
        """One letter, locked until the end of the transaction."""

    def set_state(self, digest: str, state: DeadLetterState, note: str) -> None:
        """Notes what became of a letter."""

    def count(self) -> Mapping[DeadLetterState, int]:
        """How many letters are in each state."""
