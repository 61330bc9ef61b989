"""What a person is told of a return: where it stands, in words, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bank_sim.domain.flows.returns.model import NAME, Return, ReturnStatus
from bank_sim.entrypoints.http.transfer_view import SLOW_MS, StepView, Verdict
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode, reason_of
from pix.web.languages import Language, translate


@dataclass(frozen=True, slots=True)
class ReturnView:
    """Everything that the page derives from the row."""

    row: Return
    verdict: Verdict
    steps: tuple[StepView, ...]
    why_returned: str
    """Why the money goes back, in a sentence."""
    version: str

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing will change any more."""
        return self.row.is_final

    @property
    def has_receipt(self) -> bool:
        """A receipt is there once the hub has decided, and only for money that went back."""
        return self.row.status is ReturnStatus.CONFIRMED


def view_return(row: Return, now_ms: int, language: Language) -> ReturnView:
    """The page of a return at this moment."""
    is_slow = not row.is_final and now_ms - row.requested_at_ms > SLOW_MS
    say = partial(translate, language)
    outgoing = row.direction is Direction.OUTGOING
    verdict, steps = _outgoing(row, is_slow, say, language) if outgoing else _incoming(row, say, language)
    why = return_reason_sentence(row.return_reason, language)
    return ReturnView(row, verdict, tuple(steps), why, f"{row.status.value}.{int(is_slow)}")


def return_reason_sentence(reason: ReasonCode | None, language: Language) -> str:
    """Why, in a person's words."""
    if reason is None:
        return ""
    found = reason_of(reason, NAME)
    return found.sentence_pt if language is Language.PORTUGUESE else found.sentence_en


def _outgoing(
    row: Return, is_slow: bool, say: Callable[[str], str], language: Language
) -> tuple[Verdict, list[StepView]]:
    sent = StepView("sent", say("Sent"), "done", row.requested_at_ms)
    if row.status is ReturnStatus.FAILED:
        why = return_reason_sentence(row.reason, language)
        back = say("The amount was refunded to your account.")
        code = say("Reason %(code)s") % {"code": row.reason} if row.reason else ""
        return Verdict("bad", "cross", say("Pix not returned"), f"{why} {back}".strip(), code, "good", "refund"), [
            sent,
            StepView("failed", say("Rejected"), "failed", row.decided_at_ms, why),
            StepView("refunded", say("Refunded to your account"), "done", row.decided_at_ms),
        ]
    is_decided = row.status is ReturnStatus.CONFIRMED
    steps = [
        sent,
        StepView("offered", say("Waiting for the other bank"), "done" if is_decided else "now"),
        StepView("confirmed", say("Received by the bank"), "done" if is_decided else "next", row.decided_at_ms),
    ]
    if is_decided:
        return Verdict("good", "check", say("Pix returned")), steps
    waits = say(
        "Your money is safe. We'll finish the return as soon as the other bank responds, or refund you. You can close "
        "this page."
    )
    sentence = waits if is_slow else ""
    return Verdict("wait", "bolt", say("Your return is on its way"), sentence, "", "wait", "shield"), steps


def _incoming(row: Return, say: Callable[[str], str], language: Language) -> tuple[Verdict, list[StepView]]:
    announced = StepView("offered", say("Returned by the other bank"), "done", row.requested_at_ms)
    if row.status in (ReturnStatus.REJECTED, ReturnStatus.FAILED):
        why = return_reason_sentence(row.reason, language)
        code = say("Reason %(code)s") % {"code": row.reason} if row.reason else ""
        return Verdict("bad", "cross", say("The return did not arrive"), why, code, "bad", "info"), [
            announced,
            StepView("failed", say("Rejected"), "failed", row.decided_at_ms or row.answered_at_ms, why),
        ]
    is_decided = row.status is ReturnStatus.CONFIRMED
    steps = [
        announced,
        StepView("confirmed", say("In your account"), "done" if is_decided else "now", row.decided_at_ms),
    ]
    if is_decided:
        return Verdict("good", "check", say("Pix returned to you")), steps
    return Verdict("wait", "bolt", say("A return is coming"), "", "", "wait", "shield"), steps
