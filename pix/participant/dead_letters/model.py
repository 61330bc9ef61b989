"""Dead letters: what could not be applied, kept with the reason and as much of its bytes as the limits allow.

They are the same in every participant. One that fails again, by redelivery or by replay, is the same letter: it counts
up, so the queue does not grow. The envelope is opaque here; `records` knows that it is a Kafka record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

from pix.scheme.deliveries import Rejected
from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

SENDER_LENGTH_MAX: Final = 40


class DeadLetterState(StrEnum):
    """Dead until an operator replays or discards it."""

    DEAD = "dead"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@value_object
class DeadLetter:
    """An envelope that could not be applied, with its reason."""

    digest: str
    """Identifies the letter: SHA-256 over the whole envelope, in hex."""
    record: object
    """The envelope, cut where it is larger than the limits; see `pix.participant.dead_letters.records.record_of`."""
    sender: str
    """As the envelope claims, unproven; may be empty."""
    reason: str
    flaw: str
    """Why only a part of the envelope was kept; empty when all of it was."""
    value_bytes: int
    """The length of the whole value."""
    value_sha256: str
    """Of the whole value, in hex."""
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int = 1
    state: DeadLetterState = DeadLetterState.DEAD
    note: str = ""
    """Why it was discarded."""

    @property
    def is_whole(self) -> bool:
        """Whether the envelope was kept as it came; only such a letter can be replayed."""
        return not self.flaw


@value_object
class DeadLetterHead:
    """What a list shows of a dead letter: everything but the bytes of its envelope."""

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


@value_object
class DeadLetterFilter:
    """Which letters; what is empty narrows nothing."""

    sender: str = ""
    """As the envelope claims it, whole."""
    reason: str = ""
    """A part of the reason, in any case."""
    topic: str = ""
    """Whole."""


EVERY_LETTER: Final = DeadLetterFilter()


@value_object
class DeadLetterChoices:
    """What the letters in a state have to choose from, each with the number of its letters, most first."""

    senders: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    topics: tuple[tuple[str, int], ...]


@value_object
class ReplayReport:
    """What became of the letters of a filter; the numbers add up to the letters that it had."""

    replayed: int = 0
    failed_again: int = 0
    """Dead again, and counted up."""
    settled_meanwhile: int = 0
    """Replayed or discarded by another operator before their turn."""
    left: int = 0
    """Not tried: more than are replayed at once."""
    truncated: int = 0
    """Not tried: only a part of their envelopes is stored."""


class DeadLetterNotFound(SchemeError):
    def __init__(self) -> None:
        super().__init__("digest", "No dead letter has this digest.")


class DeadLetterClosed(SchemeError):
    def __init__(self) -> None:
        super().__init__("digest", "This dead letter was already replayed or discarded.")


class DeadLetterTruncated(SchemeError):
    def __init__(self, flaw: str) -> None:
        super().__init__("digest", f"Only part of this record is stored ({flaw}), so it cannot be replayed.")


class DeadLetterRepository(Protocol):
    """The dead letters, inside the transaction of the unit of work that they belong to."""

    def add(self, rejected: Sequence[Rejected], now_ms: int) -> None:
        """Stores letters of bounded size; one that exists already counts up, and is `dead` again."""

    def find(self, digest: str) -> DeadLetter | None: ...

    def list(
        self, state: DeadLetterState | None, size: int, narrow: DeadLetterFilter = EVERY_LETTER
    ) -> list[DeadLetterHead]:
        """Last seen first. The bytes of the envelopes are not read."""

    def replayable(self, narrow: DeadLetterFilter, size: int) -> Sequence[str]:
        """The digests of letters that are dead and whole, seen longest ago first.

        A letter that fails again was just seen, so it comes behind those that were not tried yet.
        """

    def count_dead(self, narrow: DeadLetterFilter) -> tuple[int, int]:
        """How many letters are dead, and how many of those are whole."""

    def choices(self, state: DeadLetterState | None, size: int, among: int) -> DeadLetterChoices:
        """At most `size` senders, reasons and topics, the most frequent `among` so many letters that were seen last."""

    def lock(self, digest: str) -> DeadLetter | None:
        """One letter, locked until the end of the transaction."""

    def set_state(self, digest: str, state: DeadLetterState, note: str) -> None: ...

    def count(self) -> Mapping[DeadLetterState, int]: ...
