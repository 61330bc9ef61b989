"""Dead letters: records that could not be applied, kept with their raw bytes and the reason.

They are the same in every participant. One that dies again, by redelivery or by replay, is the same letter: it counts
up and does not pile up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from pix.scheme.values import value_object
from pix.service.records import Record


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


def digest_of(record: Record) -> str:
    """The identity of a record's content, wherever in the log it stands."""
    digest = hashlib.sha256()
    parts = [record.topic.encode(), record.key, record.value]
    for name in sorted(record.headers):
        parts += [name.encode(), record.headers[name]]
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.hexdigest()


def dead_letter(record: Record, sender: str, reason: str, now_ms: int) -> DeadLetter:
    """A new letter."""
    return DeadLetter(digest_of(record), record, sender[:40], reason[:500], now_ms, now_ms)


class DeadLetterRepository(Protocol):
    """The dead letters, inside the transaction of the unit of work that they belong to."""

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Stores letters; one that is there already counts up, and is `dead` again."""

    def find(self, digest: str) -> DeadLetter | None:
        """One letter."""

    def list(self, state: DeadLetterState | None, size: int) -> list[DeadLetter]:
        """Last seen first."""

    def lock(self, digest: str) -> DeadLetter | None:
        """One letter, locked until the end of the transaction."""

    def set_state(self, digest: str, state: DeadLetterState, note: str) -> None:
        """Notes what became of a letter."""

    def count(self) -> Mapping[DeadLetterState, int]:
        """How many letters are in each state."""
