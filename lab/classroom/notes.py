"""What a speaker may say or ask at each step of the walkthrough. Pages translate the texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.classroom.steps import Example, StepKind
from pix.web.marks import translatable

_COMPLETES, _FAILS = Example.COMPLETES, Example.FAILS

NOTES: Final[Mapping[tuple[Example, StepKind], str]] = {
    (_COMPLETES, StepKind.BEFORE): translatable(
        "Ask: who may change a balance here? Each bank its own books, and the hub the settlement accounts. No one else."
    ),
    (_COMPLETES, StepKind.PAY): translatable(
        "Ask: what if the bank crashes right now? The row is saved, so the request is sent after the restart."
    ),
    (_COMPLETES, StepKind.OFFER): translatable(
        "Point at the reserved amount. Ask: why reserve, when the money could be moved at once? The payee's bank may "
        "still reject."
    ),
    (_COMPLETES, StepKind.ANSWER): translatable(
        "An acceptance is a promise and no decision. Ask: what if it arrives twice, or after a timeout?"
    ),
    (_COMPLETES, StepKind.DECIDE): translatable(
        "The moment of truth: one transaction in one database. Before it nothing has moved; after it nothing can be "
        "undone."
    ),
    (_COMPLETES, StepKind.PAYEE_BOOKS): translatable(
        "Ask: what if this message comes five times? One posting, because the database refuses the second."
    ),
    (_COMPLETES, StepKind.PAYER_BOOKS): translatable(
        "Compare the settlement account in the bank's books with the one at the hub: the same number."
    ),
    (_COMPLETES, StepKind.CLOSE): translatable(
        "Count the messages together: seven. Ask which of them could be lost without losing money. All of them."
    ),
    (_FAILS, StepKind.BEFORE): translatable(
        "Now the unhappy path. Let the class guess where the money will be at each step."
    ),
    (_FAILS, StepKind.PAY): translatable(
        "The customer's balance drops, as before. Ask: is the money gone? It is in the clearing account."
    ),
    (_FAILS, StepKind.OFFER): translatable("The hub cannot know that the account is blocked: only its bank does."),
    (_FAILS, StepKind.ANSWER): translatable(
        "A rejection is saved before it is sent, like an acceptance. Ask why a second, different answer would be a "
        "disaster."
    ),
    (_FAILS, StepKind.DECIDE): translatable(
        "The reserve is released. Compare with the first act: no settlement balance has moved."
    ),
    (_FAILS, StepKind.PAYEE_BOOKS): translatable("Nothing to book, and still something to acknowledge. Ask why."),
    (_FAILS, StepKind.PAYER_BOOKS): translatable(
        "The refund is a second posting; the first one is not deleted. Books are only ever added to."
    ),
    (_FAILS, StepKind.CLOSE): translatable("A failed transfer stays failed. To pay again means a new id."),
    (_FAILS, StepKind.AUDIT): translatable(
        "Read the invariants aloud, one by one, and let the class say which step keeps each of them."
    ),
}
