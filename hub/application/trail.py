"""What operators do with dead letters goes into their audit trail, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Callable

from hub.application.ports import UnitOfWork
from hub.domain.trail import COMMAND_LINE, Act, Author, entry
from pix.participant.dead_letters.model import DeadLetter, DeadLetterFilter, DeadLetterState, ReplayReport
from pix.runtime.clock import Clock


def note_letters(clock: Clock) -> Callable[[UnitOfWork, DeadLetter, Author | None], None]:
    """See `pix.participant.dead_letters.use_cases.NoteAct`."""

    def note(unit: UnitOfWork, letter: DeadLetter, by: Author | None) -> None:
        match letter.state:
            case DeadLetterState.REPLAYED:
                act, detail = Act.LETTER_REPLAYED, ""
            case DeadLetterState.DISCARDED:
                act, detail = Act.LETTER_DISCARDED, letter.note
            case _:
                act, detail = Act.LETTER_FAILED_AGAIN, letter.reason
        by = by or COMMAND_LINE
        unit.trail.add(entry(clock.real_now_ms(), act, by, subject=letter.digest, detail=detail))

    return note


def note_replays(clock: Clock) -> Callable[[UnitOfWork, DeadLetterFilter, ReplayReport, Author | None], None]:
    """See `pix.participant.dead_letters.use_cases.NoteReplays`."""

    def note(unit: UnitOfWork, narrow: DeadLetterFilter, report: ReplayReport, by: Author | None) -> None:
        # The numbers first: a long reason is cut.
        facts = {
            "replayed": report.replayed,
            "failed again": report.failed_again,
            "left": report.left,
            "sender": narrow.sender,
            "topic": narrow.topic,
            "reason": narrow.reason,
        }
        detail = ", ".join(f"{name} {value}" for name, value in facts.items() if value != "")
        unit.trail.add(entry(clock.real_now_ms(), Act.LETTERS_REPLAYED, by or COMMAND_LINE, detail=detail))

    return note
