"""What observed units of work of hub and banks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pix.messaging.log_context import end_to_end_id_of, traceparent_of
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.participant.dead_letters.records import record_of
from pix.runtime.trace_context import trace_id_of
from pix.scheme.deliveries import Rejected
from pix.wire.record import digest_of

LETTERS_LOGGED_MAX: Final = 10
"""Of one batch: bad records must not fill the log."""


class ObservedDeadLetters:
    """Dead letters that are also listed once they are added; see `DeadLetterRepository`."""

    def __init__(self, dead_letters: DeadLetterRepository, added: list[Rejected]) -> None:
        self._dead_letters = dead_letters
        self._added = added

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dead_letters, name)

    def add(self, rejected: Sequence[Rejected], now_ms: int) -> None:
        """As the repository does."""
        self._dead_letters.add(rejected, now_ms)
        self._added += rejected


def log_dead_letters(log: Any, rejected: Sequence[Rejected]) -> None:
    """Logs a line for each, up to a limit, and how many there are beyond it."""
    for each in rejected[:LETTERS_LOGGED_MAX]:
        record = record_of(each)
        log.warning(
            "a record went to the dead letters",
            reason=each.reason,
            sender=each.sender,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            digest=digest_of(record),
            end_to_end_id=end_to_end_id_of(record),
            trace_id=trace_id_of(traceparent_of(record)),
        )
    if len(rejected) > LETTERS_LOGGED_MAX:
        log.warning("more records went to the dead letters", records=len(rejected) - LETTERS_LOGGED_MAX)
