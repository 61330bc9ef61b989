"""What a participant does with dead letters: store one, replay one or many after a fix, discard one, read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Protocol, Self

from pix.participant.dead_letters.model import (
    EVERY_LETTER,
    DeadLetter,
    DeadLetterChoices,
    DeadLetterClosed,
    DeadLetterFilter,
    DeadLetterHead,
    DeadLetterNotFound,
    DeadLetterRepository,
    DeadLetterState,
    DeadLetterTruncated,
    ReplayReport,
)
from pix.runtime.clock import SchemeClock
from pix.scheme.deliveries import Rejected
from pix.scheme.texts import check_line

NOTE_LENGTH_MAX: Final = 200
LISTED_DEFAULT: Final = 50
REPLAYED_AT_ONCE_MAX: Final = 200
"""Of one `replay_all`: three transactions each, within the patience of a browser."""
CHOICES_MAX: Final = 50
"""Of senders, of reasons and of topics that a list offers as filters."""
CHOICES_AMONG: Final = 1_000
"""Letters in which these are counted: a flood of them must not make the page slow."""


class UnitOfWork(Protocol):
    @property
    def dead_letters(self) -> DeadLetterRepository: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def commit(self) -> None: ...


UnitsOfWork = Callable[[], UnitOfWork]
NoteAct = Callable[[Any, DeadLetter, Any], None]
"""Notes in a unit of work what an operator has made of a letter, as it stands afterwards; the last is the operator."""
NoteReplays = Callable[[Any, DeadLetterFilter, ReplayReport, Any], None]
"""Notes in a unit of work what `replay_all` has done; the last is the operator."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The use cases of dead letters, on any participant's units of work. All may raise DatabaseUnavailable."""

    units: UnitsOfWork
    scheme_clock: SchemeClock
    process_again: Callable[[object], None]
    """Processes an envelope as if it had just arrived; if it cannot be applied, it becomes a dead letter again."""
    note_length_min: int = 0
    note_act: NoteAct = lambda _unit, _letter, _by: None
    note_replays: NoteReplays = lambda _unit, _narrow, _report, _by: None

    def store(self, rejected: Rejected) -> None:
        """Stores an envelope that cannot be processed, in a separate transaction."""
        with self.units() as unit:
            unit.dead_letters.add([rejected], self.scheme_clock.now_ms())
            unit.commit()

    def replay(self, digest: str, by: object = None) -> DeadLetter:
        """Processes the envelope again, and returns the letter afterwards: `replayed`, or `dead` and counted up.

        `by` is the operator, for `note_act`. A crash in between leaves the letter as it is, and another replay changes
        nothing twice. Raises DeadLetterNotFound, DeadLetterClosed; DeadLetterTruncated when only a part of the envelope
        was kept.
        """
        with self.units() as unit:
            before = _dead(unit.dead_letters.find(digest))
        if before.flaw:
            raise DeadLetterTruncated(before.flaw)
        self.process_again(before.record)
        with self.units() as unit:
            after = unit.dead_letters.lock(digest)
            if after is not None and after.times == before.times and after.state is DeadLetterState.DEAD:
                unit.dead_letters.set_state(digest, DeadLetterState.REPLAYED, "")
                after = replace(after, state=DeadLetterState.REPLAYED, note="")
            if after is not None:
                self.note_act(unit, after, by)
                unit.commit()
        return self.find(digest)

    def replay_all(self, narrow: DeadLetterFilter, by: object = None) -> ReplayReport:
        """Replays the dead letters of a filter one by one, seen longest ago first, at most `REPLAYED_AT_ONCE_MAX`.

        Each is replayed separately, so that a crash loses none and repeats none. Those that fail again stay dead, and
        come behind the others in the next call.
        """
        with self.units() as unit:
            dead, whole = unit.dead_letters.count_dead(narrow)
            digests = unit.dead_letters.replayable(narrow, REPLAYED_AT_ONCE_MAX)
        outcomes = Counter(self._try_to_replay(digest, by) for digest in digests)
        report = ReplayReport(
            replayed=outcomes[DeadLetterState.REPLAYED],
            failed_again=outcomes[DeadLetterState.DEAD],
            settled_meanwhile=outcomes[None],
            left=max(whole - len(digests), 0),
            truncated=dead - whole,
        )
        with self.units() as unit:
            self.note_replays(unit, narrow, report, by)
            unit.commit()
        return report

    def _try_to_replay(self, digest: str, by: object) -> DeadLetterState | None:
        """The letter's state afterwards; None for one that was closed meanwhile."""
        try:
            return self.replay(digest, by).state
        except (DeadLetterClosed, DeadLetterNotFound):
            return None

    def discard(self, digest: str, note: str, by: object = None) -> DeadLetter:
        """Closes a letter that needs no replay; the note says why, in at most 200 characters.

        Raises DeadLetterNotFound, DeadLetterClosed, SchemeError(field="note").
        """
        note = check_line(note, "note", self.note_length_min, NOTE_LENGTH_MAX)
        with self.units() as unit:
            letter = _dead(unit.dead_letters.lock(digest))
            unit.dead_letters.set_state(digest, DeadLetterState.DISCARDED, note)
            self.note_act(unit, replace(letter, state=DeadLetterState.DISCARDED, note=note), by)
            unit.commit()
        return self.find(digest)

    def list(
        self,
        state: DeadLetterState | None = DeadLetterState.DEAD,
        size: int = LISTED_DEFAULT,
        narrow: DeadLetterFilter = EVERY_LETTER,
    ) -> Sequence[DeadLetterHead]:
        """Last seen first; in any state with None."""
        with self.units() as unit:
            return unit.dead_letters.list(state, size, narrow)

    def choices(self, state: DeadLetterState | None) -> DeadLetterChoices:
        """The senders, reasons and topics of most letters in a state; of all letters with None.

        Among the newest ones alone.
        """
        with self.units() as unit:
            return unit.dead_letters.choices(state, CHOICES_MAX, CHOICES_AMONG)

    def count_dead(self, narrow: DeadLetterFilter) -> tuple[int, int]:
        """How many letters of a filter are dead, and how many of those are whole, so that they can be replayed."""
        with self.units() as unit:
            return unit.dead_letters.count_dead(narrow)

    def count(self) -> Mapping[DeadLetterState, int]:
        with self.units() as unit:
            return unit.dead_letters.count()

    def find(self, digest: str) -> DeadLetter:
        """Raises DeadLetterNotFound."""
        with self.units() as unit:
            letter = unit.dead_letters.find(digest)
        if letter is None:
            raise DeadLetterNotFound
        return letter


def _dead(letter: DeadLetter | None) -> DeadLetter:
    if letter is None:
        raise DeadLetterNotFound
    if letter.state is not DeadLetterState.DEAD:
        raise DeadLetterClosed
    return letter
