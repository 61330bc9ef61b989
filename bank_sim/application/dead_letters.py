"""People look after the records that died: after a fix they run one again, or they lay it aside."""

from __future__ import annotations

from typing import Final

from bank_sim.application.ports import BackgroundPublisher, UnitsOfWork
from bank_sim.application.process_messages import ProcessMessages, StoreDeadLetter
from bank_sim.domain.errors import DeadLetterClosed, DeadLetterNotFound, DeadLetterTruncated
from pix.participant.dead_letters import DeadLetter, DeadLetterState
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.texts import check_line

NOTE_LENGTH_MAX: Final = 200


class ReplayDeadLetter:
    """Runs a dead record through the handler again, as if it had just come."""

    def __init__(
        self,
        units: UnitsOfWork,
        process: ProcessMessages,
        store_dead_letter: StoreDeadLetter,
        publisher: BackgroundPublisher,
    ) -> None:
        self._units = units
        self._process = process
        self._store_dead_letter = store_dead_letter
        self._publisher = publisher

    def __call__(self, *, dead_letter_id: str) -> DeadLetter:
        """The letter afterwards: `replayed`, once and for all, or `dead` again with its count raised.

        Raises DeadLetterNotFound, DeadLetterClosed; DeadLetterTruncated when only a part of the record was kept.
        """
        with self._units() as unit:
            letter = unit.dead_letters.find(dead_letter_id)
        if letter is None:
            raise DeadLetterNotFound
        if letter.state is not DeadLetterState.DEAD:
            raise DeadLetterClosed
        if letter.record.flaw is not None:
            raise DeadLetterTruncated
        try:
            self._replay(letter)
        except (DatabaseUnavailable, DeadLetterClosed):
            raise
        except Exception as error:  # noqa: BLE001 - whatever killed the record before may kill it again
            self._store_dead_letter(letter.record, f"processing failed: {type(error).__name__}: {error}"[:500])
        with self._units() as unit:
            after = unit.dead_letters.find(dead_letter_id)
        if after is None:
            raise DeadLetterNotFound
        return after

    def _replay(self, letter: DeadLetter) -> None:
        with self._units() as unit:
            processed = self._process.within(unit, [letter.record])
            # Locked after the transfers, as the consumer does; who comes second finds the letter settled.
            locked = unit.dead_letters.lock(letter.digest)
            if locked is None or locked.state is not DeadLetterState.DEAD:
                raise DeadLetterClosed
            if not processed.letters:
                unit.dead_letters.set_state(letter.digest, DeadLetterState.REPLAYED, "")
            unit.commit()
        self._publisher.take(processed.outgoing)


class DiscardDeadLetter:
    """Lays a dead record aside, with a note why."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, dead_letter_id: str, note: str = "") -> DeadLetter:
        """Raises DeadLetterNotFound, DeadLetterClosed, SchemeError(field="note")."""
        note = check_line(note, "note", 0, NOTE_LENGTH_MAX)
        with self._units() as unit:
            letter = unit.dead_letters.lock(dead_letter_id)
            if letter is None:
                raise DeadLetterNotFound
            if letter.state is not DeadLetterState.DEAD:
                raise DeadLetterClosed
            unit.dead_letters.set_state(dead_letter_id, DeadLetterState.DISCARDED, note)
            after = unit.dead_letters.find(dead_letter_id)
            unit.commit()
        if after is None:
            raise DeadLetterNotFound
        return after
