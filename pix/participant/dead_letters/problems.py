"""The errors of dead letters over HTTP."""

from __future__ import annotations

from typing import Final

from pix.participant.dead_letters.model import DeadLetterClosed, DeadLetterNotFound, DeadLetterTruncated
from pix.web.problems import ProblemKind, ProblemTable

DEAD_LETTER_PROBLEMS: Final[ProblemTable] = {
    DeadLetterNotFound: ProblemKind("dead-letter-not-found", 404, "There is no such dead letter"),
    DeadLetterClosed: ProblemKind("dead-letter-settled", 409, "The dead letter is already replayed or discarded"),
    DeadLetterTruncated: ProblemKind("dead-letter-not-whole", 409, "Only part of the record is stored"),
}
