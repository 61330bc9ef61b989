"""Dead letters of the hub: bury one, replay one after a fix, discard one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hub.application.ports import UnitsOfWork
from hub.domain.errors import DeadLetterNotFound, DeadLetterTruncated
from pix.participant.dead_letters import DeadLetter, DeadLetterHead, DeadLetterState, dead_letter
from pix.runtime.clock import Clock
from pix.scheme.texts import check_line
from pix.wire.records import Record

NOTE_LENGTH_MAX = 200


class StoreDeadLetter:
    """Stores one record that cannot be processed."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, record: Record, reason: str) -> None:
        """In a transaction of its own."""
        with self._units() as unit:
            unit.dead_letters.add([dead_letter(record, "", reason, self._clock.now_ms())])
            unit.commit()


class ReplayDeadLetter:
    """Treats a dead letter's record once more, as if it had just come."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, digest: str, treat: Callable[[Record], None]) -> DeadLetter:
        """Returns the letter as it stands afterwards: `replayed`, or `dead` once more and counted up.

        `treat` is the same path that records from the broker take, so a crash in between only means that the letter is
        still there and may be replayed again: nothing counts twice. Raises DeadLetterNotFound; DeadLetterTruncated
        when only a part of the record was kept.
        """
        with self._units() as unit:
            before = unit.dead_letters.find(digest)
        if before is None or before.state is not DeadLetterState.DEAD:
            raise DeadLetterNotFound("digest", "no dead letter with this digest is waiting")
        if before.record.flaw is not None:
            raise DeadLetterTruncated("digest", f"only a part of the record was kept ({before.record.flaw.reason})")
        treat(before.record)
        with self._units() as unit:
            after = unit.dead_letters.lock(digest)
            if after is not None and after.times == before.times:
                unit.dead_letters.set_state(digest, DeadLetterState.REPLAYED, "")
                unit.commit()
        return self._read(digest)

    def _read(self, digest: str) -> DeadLetter:
        with self._units() as unit:
            letter = unit.dead_letters.find(digest)
        assert letter is not None, "dead letters are never deleted"
        return letter


class DiscardDeadLetter:
    """Closes a dead letter that needs no replay."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, digest: str, note: str) -> None:
        """Raises DeadLetterNotFound; SchemeError when no reason is given."""
        note = check_line(note, "note", 1, NOTE_LENGTH_MAX)
        with self._units() as unit:
            letter = unit.dead_letters.lock(digest)
            if letter is None or letter.state is not DeadLetterState.DEAD:
                raise DeadLetterNotFound("digest", "no dead letter with this digest is waiting")
            unit.dead_letters.set_state(digest, DeadLetterState.DISCARDED, note)
            unit.commit()


class ReadDeadLetters:
    """Shows dead letters."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def list(self, state: DeadLetterState | None, size: int) -> Sequence[DeadLetterHead]:
        """Last seen first."""
        with self._units() as unit:
            return unit.dead_letters.list(state, size)

    def count(self) -> Mapping[DeadLetterState, int]:
        """How many are in each state."""
        with self._units() as unit:
            return unit.dead_letters.count()

    def find(self, digest: str) -> DeadLetter:
        """Raises DeadLetterNotFound."""
        with self._units() as unit:
            letter = unit.dead_letters.find(digest)
        if letter is None:
            raise DeadLetterNotFound("digest", "there is no dead letter with this digest")
        return letter
