"""The story of a transfer: every message that was sent for it, and every state that it reached, with the rule.

All of it is derived from the row and its history, by the same functions that made the messages when they were sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from hub.domain.flows.transfer.decisions import HUB
from hub.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus, Trigger, outcome_message
from pix.scheme.messages import (
    Message,
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class Role(StrEnum):
    """Who sends, and who receives."""

    PAYER = "payer"
    HUB = "hub"
    PAYEE = "payee"


class Mark(StrEnum):
    """What is to be said of a message beside that it was sent."""

    NONE = ""
    RESENT = "resent"
    """It had been sent before, and was not answered."""
    REFUSED = "refused"
    """It changed nothing."""


class Rule(StrEnum):
    """The rules that move a transfer, by the names that the protocol page gives them."""

    EVERY_RULE_KEPT = "every-rule-kept"
    ID_OF_TODAY = "id-of-today"
    BANKS_TAKE_PART = "banks-take-part"
    AMOUNT_ABOVE_ZERO = "amount-above-zero"
    AMOUNT_WITHIN_LIMIT = "amount-within-limit"
    KEY_IS_REGISTERED = "key-is-registered"
    NOT_TO_ONESELF = "not-to-oneself"
    HOLDER_AS_SHOWN = "holder-as-shown"
    SETTLEMENT_FUNDS = "settlement-funds"
    PAYEES_BANK_PROMISES = "payees-bank-promises"
    PAYEES_BANK_REFUSES = "payees-bank-refuses"
    ANSWER_IN_TIME = "answer-in-time"
    BOTH_BANKS_HAVE_BOOKED = "both-banks-have-booked"
    OUTCOME_IS_FINAL = "outcome-is-final"


RULES_OF_REQUESTS: Final[dict[ReasonCode, Rule]] = {
    ReasonCode.FF08: Rule.ID_OF_TODAY,
    ReasonCode.DS27: Rule.BANKS_TAKE_PART,
    ReasonCode.AM09: Rule.AMOUNT_ABOVE_ZERO,
    ReasonCode.AM02: Rule.AMOUNT_WITHIN_LIMIT,
    ReasonCode.AC03: Rule.KEY_IS_REGISTERED,
    ReasonCode.AG12: Rule.NOT_TO_ONESELF,
    ReasonCode.BE01: Rule.HOLDER_AS_SHOWN,
    ReasonCode.AM04: Rule.SETTLEMENT_FUNDS,
}
"""The rules that the hub checks a request against, each with the reason for which it fails; `decisions` checks them."""

_RULES_OF_TRIGGERS: Final = {
    Trigger.REQUEST: Rule.EVERY_RULE_KEPT,
    Trigger.ACCEPTANCE: Rule.PAYEES_BANK_PROMISES,
    Trigger.REJECTION: Rule.PAYEES_BANK_REFUSES,
    Trigger.TIMEOUT: Rule.ANSWER_IN_TIME,
    Trigger.SUSPENSION: Rule.BANKS_TAKE_PART,
    Trigger.COMPLETION: Rule.BOTH_BANKS_HAVE_BOOKED,
}


def rule_of(trigger: Trigger, reason: ReasonCode | None) -> Rule:
    """The rule by which a trigger moves a transfer; of a refusal, the one that the request breaks."""
    if trigger is Trigger.REFUSAL:
        return Rule.EVERY_RULE_KEPT if reason is None else RULES_OF_REQUESTS.get(reason, Rule.EVERY_RULE_KEPT)
    return _RULES_OF_TRIGGERS[trigger]


@value_object
class Told:
    """A message, from whom to whom."""

    at_ms: int
    """By the hub's clock: when it sent it, or when it had it."""
    name: str
    sender: Role
    receiver: Role
    message: Message | None = None
    """As it was sent; None for one that was refused, whose content is not kept."""
    mark: Mark = Mark.NONE
    why: str = ""
    """Why it was refused."""


@value_object
class Reached:
    """A state that the transfer has reached."""

    at_ms: int
    status: TransferStatus
    trigger: Trigger
    rule: Rule
    reason: ReasonCode | None = None


def timeline(transfer: Transfer, history: Sequence[HistoryStep]) -> list[Told | Reached]:
    """Everything that has happened, in its order."""
    told: list[Told | Reached] = []
    status: TransferStatus | None = None
    for step in history:
        told += _step(transfer, step, status)
        if not step.refused:
            status = step.status
    return told


def _step(transfer: Transfer, step: HistoryStep, before: TransferStatus | None) -> Iterator[Told | Reached]:
    name, _, side = step.message.rstrip(")").partition(" (")
    if step.refused:
        yield Told(step.at_ms, name, _author(name, side), Role.HUB, None, Mark.REFUSED, step.refused)
        return
    if step.author == HUB and name != Trigger.TIMEOUT.value:
        if name == TransferOffered.__name__:
            yield Told(step.at_ms, name, Role.HUB, Role.PAYEE, _offer(transfer), Mark.RESENT)
        else:
            receiver = Role(side or Role.PAYER)
            message = outcome_message(transfer, Side(receiver.value))
            yield Told(step.at_ms, name, Role.HUB, receiver, message, Mark.RESENT)
        return
    if step.author != HUB:
        author = _author(name, side)
        yield Told(step.at_ms, name, author, Role.HUB, _of_bank(transfer, name, author))
    if step.status is before:
        return
    trigger = _trigger(name, before, step.status)
    yield Reached(step.at_ms, step.status, trigger, rule_of(trigger, transfer.reason), transfer.reason)
    if step.status is TransferStatus.PENDING:
        yield Told(step.at_ms, TransferOffered.__name__, Role.HUB, Role.PAYEE, _offer(transfer))
    elif step.status is not TransferStatus.COMPLETED:
        for receiver in (Role.PAYER, Role.PAYEE):
            message = outcome_message(transfer, Side(receiver.value))
            # A payee's bank that was never offered the transfer is told nothing of its failure.
            if message is not None and (receiver is Role.PAYER or transfer.offered_at_ms is not None):
                yield Told(step.at_ms, type(message).__name__, Role.HUB, receiver, message)


def _author(name: str, side: str) -> Role:
    if side:
        return Role(side)
    return Role.PAYER if name == TransferRequested.__name__ else Role.PAYEE


def _trigger(name: str, before: TransferStatus | None, after: TransferStatus) -> Trigger:
    if before is None:
        return Trigger.REFUSAL if after is TransferStatus.FAILED else Trigger.REQUEST
    if after is TransferStatus.COMPLETED:
        return Trigger.COMPLETION
    if after is TransferStatus.CONFIRMED:
        return Trigger.ACCEPTANCE
    if name == Trigger.TIMEOUT.value:
        return Trigger.TIMEOUT
    return Trigger.SUSPENSION if name == TransferAccepted.__name__ else Trigger.REJECTION


def _of_bank(transfer: Transfer, name: str, author: Role) -> Message | None:
    if name == TransferRequested.__name__:
        return TransferRequested(
            transfer.end_to_end_id,
            transfer.amount_centavos,
            transfer.payer,
            transfer.payee_key,
            transfer.payee_tax_id_masked,
            transfer.description,
            transfer.requested_at_ms,
        )
    if name == TransferAccepted.__name__:
        return TransferAccepted(transfer.end_to_end_id, transfer.amount_centavos)
    if name == TransferRejected.__name__ and transfer.reason is not None:
        return TransferRejected(transfer.end_to_end_id, transfer.amount_centavos, transfer.reason)
    if name == OutcomeProcessed.__name__:
        outcome = transfer.outcome or Outcome.FAILED
        side = Side(author.value)
        return OutcomeProcessed(transfer.end_to_end_id, side, outcome, transfer.amount_centavos, transfer.reason)
    return None


def _offer(transfer: Transfer) -> Message | None:
    if transfer.payee is None or transfer.offered_at_ms is None:
        return None
    return TransferOffered(
        transfer.end_to_end_id,
        transfer.amount_centavos,
        transfer.payer,
        transfer.payee,
        transfer.payee_key,
        transfer.description,
        transfer.offered_at_ms,
    )
