"""What observed units of work of hub and banks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pix.messaging.log_context import end_to_end_id_of, traceparent_of
from pix.participant.dead_letters import DeadLetter, DeadLetterRepository
from pix.runtime.trace_context import trace_id_of

LETTERS_LOGGED_MAX: Final = 10
"""Of one batch: who sends rubbish must not fill the log with it."""


class ObservedDeadLetters:
    """Dead letters that also stand in a list once they are buried; see `DeadLetterRepository`."""

    def __init__(self, dead_letters: DeadLetterRepository, stored: list[DeadLetter]) -> None:
        self._dead_letters = dead_letters
        self._stored = stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dead_letters, name)

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """As the repository does."""
        self._dead_letters.add(letters)
        self._stored += letters


def log_dead_letters(log: Any, letters: Sequence[DeadLetter]) -> None:
    """A line for each, up to a limit, and how many there are beyond it."""
    for letter in letters[:LETTERS_LOGGED_MAX]:
        log.warning(
            "a record went to the dead letters",
            reason=letter.reason,
            sender=letter.sender,
            topic=letter.record.topic,
            partition=letter.record.partition,
            offset=letter.record.offset,
            digest=letter.digest,
            end_to_end_id=end_to_end_id_of(letter.record),
            trace_id=trace_id_of(traceparent_of(letter.record)),
        )
    if len(letters) > LETTERS_LOGGED_MAX:
        log.warning("more records went to the dead letters", records=len(letters) - LETTERS_LOGGED_MAX)
