"""What a transfer's page says: the verdict in a person's words, and the steps with their times. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.web.languages import Language, reason_sentence, translate
from pix.web.marks import translatable

SLOW_MS: Final = 4_000
"""A transfer that is open for longer than this gets a sentence why it waits."""

_PASSING_REASONS: Final = frozenset({ReasonCode.AB03, ReasonCode.AM04, ReasonCode.ED05, ReasonCode.DS27})
"""A bank was late, short of settlement money, in trouble or suspended; the others stay, such as a blocked account."""

_SENTENCES: Final = {
    ReasonCode.DS27: translatable("Pix isn't available at the recipient's bank or at ours right now."),
}
"""Reasons that customers read in other words than operators."""

StepState = Literal["done", "now", "next", "failed"]


@dataclass(frozen=True, slots=True)
class StepView:
    name: str
    title: str
    state: StepState
    at_ms: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    kind: Literal["wait", "good", "bad"]
    icon: str
    title: str
    sentence: str = ""
    detail: str = ""
    notice_kind: str = ""
    notice_icon: str = "info"
    reassurance: str = ""
    """Of a failed Pix: where the money is. Apart from the reason, which is bad news."""


@dataclass(frozen=True, slots=True)
class TransferView:
    transfer: Transfer
    stage: str
    verdict: Verdict
    steps: tuple[StepView, ...]
    version: str

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing will change any more."""
        return self.stage in ("completed", "failed")

    @property
    def may_help_again(self) -> bool:
        """Whether the same payment may go through when it is tried again soon."""
        return self.transfer.reason in _PASSING_REASONS

    @property
    def has_receipt(self) -> bool:
        """A receipt is there once the hub has decided, and only for a payment that was made."""
        return self.transfer.status is TransferStatus.CONFIRMED


def view_transfer(transfer: Transfer, now_ms: int, language: Language) -> TransferView:
    stage = stage_of(transfer)
    is_slow = stage in ("pending", "accepted", "confirmed") and now_ms - transfer.requested_at_ms > SLOW_MS
    say = partial(translate, language)
    if transfer.direction is Direction.OUTGOING:
        verdict, steps = _outgoing(transfer, stage, is_slow, say, language)
    else:
        verdict, steps = _incoming(transfer, stage, is_slow, say, language)
    version = f"{stage}.{int(is_slow)}{int(transfer.offered_at_ms is not None)}"
    return TransferView(transfer, stage, verdict, tuple(steps), version)


def stage_of(transfer: Transfer) -> str:
    """The bank's status, or `completed` once the hub has said so."""
    if transfer.status is TransferStatus.CONFIRMED and transfer.completed_at_ms is not None:
        return "completed"
    return transfer.status.value


def _why(reason: ReasonCode | None, language: Language) -> str:
    if reason in _SENTENCES:
        return translate(language, _SENTENCES[reason])
    return reason_sentence(reason, language)


def _outgoing(
    transfer: Transfer, stage: str, is_slow: bool, say: Callable[[str], str], language: Language
) -> tuple[Verdict, list[StepView]]:
    sent = StepView("sent", say("Sent"), "done", transfer.requested_at_ms)
    if stage == "failed":
        why = _why(transfer.reason, language)
        back = say("The amount was refunded to your account.")
        code = say("Reason %(code)s") % {"code": transfer.reason} if transfer.reason else ""
        verdict = Verdict("bad", "cross", say("Pix not sent"), why, code, "bad", "info", back)
        return verdict, [
            sent,
            StepView("failed", say("Rejected"), "failed", transfer.decided_at_ms, why),
            StepView("refunded", say("Refunded to your account"), "done", transfer.decided_at_ms),
        ]
    is_decided = stage in ("confirmed", "completed")
    # The hub tells when it has offered the transfer; without that it is the hub that has not answered.
    waits_for_hub = is_slow and not is_decided and transfer.offered_at_ms is None
    if is_decided:
        offered = say("Sent to the recipient's bank")
    elif waits_for_hub:
        offered = say("Waiting for the Pix network")
    else:
        offered = say("Waiting for the recipient's bank")
    # A confirmed payment is final: what the banks still tell each other is no step of the customer's.
    steps = [
        sent,
        StepView("offered", offered, "done" if is_decided else "now", transfer.offered_at_ms),
        StepView("confirmed", say("Received by the bank"), "done" if is_decided else "next", transfer.decided_at_ms),
    ]
    if is_decided:
        waits = say("The payment is final. The recipient's bank is finishing its bookkeeping.") if is_slow else ""
        return Verdict("good", "check", say("Pix sent"), waits), steps
    waits = (
        say(
            "Your money is safe. We'll finish the payment as soon as the Pix network responds, or refund you. You "
            "can close this page."
        )
        if waits_for_hub
        else say(
            "Your money is safe. We'll finish the payment as soon as the recipient's bank responds, or refund you. "
            "You can close this page."
        )
    )
    sentence = waits if is_slow else ""
    return Verdict("wait", "bolt", say("Your Pix is on its way"), sentence, "", "wait", "shield"), steps


def _incoming(
    transfer: Transfer, stage: str, is_slow: bool, say: Callable[[str], str], language: Language
) -> tuple[Verdict, list[StepView]]:
    announced = StepView("offered", say("On its way from the sender's bank"), "done", transfer.requested_at_ms)
    if stage in ("failed", "rejected"):
        why = _why(transfer.reason, language)
        code = say("Reason %(code)s") % {"code": transfer.reason} if transfer.reason else ""
        verdict = Verdict("bad", "cross", say("The Pix did not arrive"), why, code, "bad", "info")
        return verdict, [
            announced,
            StepView("failed", say("Rejected"), "failed", transfer.decided_at_ms or transfer.answered_at_ms, why),
        ]
    is_decided = stage in ("confirmed", "completed")
    steps = [
        announced,
        StepView("accepted", say("Accepted"), "done", transfer.answered_at_ms),
        StepView("confirmed", say("In your account"), "done" if is_decided else "now", transfer.decided_at_ms),
    ]
    if is_decided:
        return Verdict("good", "check", say("Pix received")), steps
    sentence = say("The Pix network hasn't confirmed this Pix yet. You don't need to do anything.") if is_slow else ""
    return Verdict("wait", "bolt", say("A Pix is coming"), sentence, "", "wait", "shield"), steps
