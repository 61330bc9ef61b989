"""The hub's decisions: from a transfer (or none) and a message to the new row, its steps, and the messages to send.

Pure: no clock, no I/O, no database. `hub.application` loads the rows of `keys`, folds a batch through these functions,
and saves the result. The hub records an illegal or late message in the history and never applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.domain.flows.flow import AddressedMessage, Decision, Facts, RowKey
from hub.domain.flows.transfer.model import (
    NAME,
    HistoryStep,
    Processed,
    Transfer,
    TransferStatus,
    Trigger,
    changed,
    move,
    next_status,
    outcome_message,
    owed,
    owes_outcome,
)
from hub.domain.flows.transfer.movements import movements
from hub.domain.flows.transfer.rules import LATER_RULES, Request, Rule, broken_form, broken_rule
from pix.scheme.deliveries import HUB
from pix.scheme.errors import SchemeError
from pix.scheme.flows import IGNORED_MESSAGES_RECORDED_MAX, RETRANSMISSIONS_RECORDED_MAX, Step
from pix.scheme.ids import is_end_to_end_id, parse_end_to_end_id
from pix.scheme.keys import PixKey
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferFailed,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.messages.transfers import FromBank
from pix.scheme.reasons import PAYEE_BANK_REASONS, REASONS_WITHOUT_ROW, ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy

MESSAGES: Final = frozenset({TransferRequested, TransferAccepted, TransferRejected, OutcomeProcessed})
"""The messages of banks that the flow decides on."""

_TRIGGERS: Final[Mapping[type[FromBank], Trigger]] = {
    TransferRequested: Trigger.REQUEST,
    TransferAccepted: Trigger.ACCEPTANCE,
    TransferRejected: Trigger.REJECTION,
    OutcomeProcessed: Trigger.PROCESSING,
}
"""What a message is in the history when it moves nothing."""


def keys(message: FromBank) -> tuple[RowKey, ...]:
    """All rows that a message loads and locks."""
    return ((NAME, message.end_to_end_id),) if is_end_to_end_id(message.end_to_end_id) else ()


def pix_key(message: FromBank) -> PixKey | None:
    """The payee's key. One that no directory can hold is not looked up: the database would refuse the whole batch."""
    if not isinstance(message, TransferRequested) or message.payee_key is None:
        return None
    return message.payee_key if message.payee_key.key.isprintable() else None


def state(rows: Mapping[str, Any], message: FromBank) -> Transfer | None:
    """The transfer that a message is about; None when the hub knows none."""
    transfer: Transfer | None = rows.get(message.end_to_end_id)
    return transfer


def decide(transfer: Transfer | None, message: FromBank, facts: Facts) -> Decision[Transfer]:
    """Decides on a message of the bank `facts.sender`."""
    if isinstance(message, TransferRequested):
        if transfer is None:
            return _decide_new_request(message, facts)
        return _decide_repeated_request(transfer, message, facts)
    if isinstance(message, OutcomeProcessed) and _is_of_no_row(transfer, message, facts.sender):
        # The bank has processed a rejection that made no row and touched none: nothing is open.
        return Decision(transfer)
    if transfer is None:
        unknown = f"{type(message).__name__}: the hub knows no transfer with this end-to-end id"
        return Decision(None, dead_letter=unknown)
    side = message.side if isinstance(message, OutcomeProcessed) else Side.PAYEE
    party = transfer.party(side)
    if party is None or party.ispb != facts.sender:
        return Decision(
            transfer, dead_letter=f"{type(message).__name__}: the sender is not this transfer's {side} bank"
        )
    if message.amount_centavos != transfer.amount_centavos:
        return _ignore(transfer, message, facts, "the amount is not the transfer's")
    if isinstance(message, OutcomeProcessed):
        return _decide_processed(transfer, message, facts)
    return _decide_answer(transfer, message, facts)


def decide_timeout(
    transfer: Transfer, now_ms: int, real_now_ms: int, policy: RetransmissionPolicy
) -> Decision[Transfer]:
    """Fails a pending transfer and releases the reserve. Raises IllegalTransition for any other."""
    reason = LATER_RULES[Rule.ANSWER_IN_TIME]
    return _move(transfer, Trigger.TIMEOUT, HUB, now_ms, real_now_ms, policy, reason)


def decide_retransmission(
    transfer: Transfer,
    now_ms: int,
    real_now_ms: int,
    policy: RetransmissionPolicy,
    timeout_ms: int | None = None,
) -> Decision[Transfer]:
    """Sends what is owed once more, and sets the next due time."""
    messages = owed(transfer)
    if not messages:
        return Decision(changed(transfer, resend_at_ms=None))
    attempt = transfer.resend_count + 1
    resend_at_ms = real_now_ms + policy.delay_ms(transfer.end_to_end_id, attempt)
    if transfer.status is TransferStatus.PENDING:
        resend_at_ms = _not_after_timeout(resend_at_ms, transfer.waiting_since_ms, real_now_ms, timeout_ms)
    transfer = changed(transfer, resend_count=attempt, resends=transfer.resends + 1, resend_at_ms=resend_at_ms)
    steps: tuple[HistoryStep, ...] = ()
    if transfer.resends <= RETRANSMISSIONS_RECORDED_MAX:
        steps = tuple(
            Step(now_ms, HUB, Trigger.RETRANSMISSION, getattr(message, "side", None), transfer.status)
            for _, message in messages
        )
    return Decision(transfer, steps, messages)


def _not_after_timeout(resend_at_ms: int, since_ms: int, real_now_ms: int, timeout_ms: int | None) -> int:
    """A pending transfer is due at its timeout at the latest, because the timeout sweep reads what is due."""
    return resend_at_ms if timeout_ms is None else min(resend_at_ms, max(since_ms + timeout_ms + 1, real_now_ms))


def _resend_decision_at_ms(transfer: Transfer, real_now_ms: int, policy: RetransmissionPolicy) -> int:
    """When the hub retransmits a decision that the banks have not answered.

    Keeps the row's due time where it leaves the banks half of the usual time: a column that does not change costs the
    database no new entry in its index.
    """
    due_at_ms = transfer.resend_at_ms
    if due_at_ms is not None and policy.first_ms // 2 <= due_at_ms - real_now_ms <= policy.first_ms:
        return due_at_ms
    return real_now_ms + policy.delay_ms(transfer.end_to_end_id, 0)


def _decide_new_request(message: TransferRequested, facts: Facts) -> Decision[Transfer]:
    try:
        end_to_end_id = parse_end_to_end_id(message.end_to_end_id)
    except SchemeError:
        end_to_end_id = None
    entry = None if message.payee_key is None else facts.network.keys.get(message.payee_key)
    payee = message.payee if entry is None else entry.party()
    request = Request(message, end_to_end_id, entry, payee, facts)
    broken = broken_rule(request)
    if broken is not None and not broken.makes_row:
        # The reason code does not name the field; the dead letter does.
        form = broken_form(request) if broken.rule is Rule.FIELDS_IN_FORM else ""
        dead_letter = f"{type(message).__name__}: {form}" if form else ""
        return Decision(None, (), (_rejection_without_row(message, broken.reason, facts),), dead_letter)
    now_ms, real_now_ms = facts.now_ms, facts.real_now_ms
    resend_at_ms = real_now_ms + facts.policy.delay_ms(message.end_to_end_id, 0)
    if broken is None:
        resend_at_ms = _not_after_timeout(resend_at_ms, real_now_ms, real_now_ms, facts.timeout_ms)
    trigger = Trigger.REQUEST if broken is None else Trigger.REFUSAL
    reason = None if broken is None else broken.reason
    transfer = Transfer(
        end_to_end_id=message.end_to_end_id,
        status=next_status(None, trigger),
        reason=reason,
        amount_centavos=message.amount_centavos,
        payer=message.payer,
        payee=payee,
        payee_key=message.payee_key,
        payee_tax_id_masked=message.payee_tax_id_masked,
        description=message.description,
        requested_at_ms=message.requested_at_ms,
        received_at_ms=now_ms,
        offered_at_ms=now_ms if broken is None else None,
        decided_at_ms=None if broken is None else now_ms,
        resend_at_ms=resend_at_ms,
        traceparent=facts.traceparent,
        received_real_at_ms=real_now_ms,
        initiation=message.initiation,
        txid=message.txid,
    )
    step = Step(now_ms, facts.sender, trigger, None, transfer.status, reason)
    return Decision(transfer, (step,), owed(transfer), movements=movements(None, transfer))


def _is_of_no_row(transfer: Transfer | None, message: OutcomeProcessed, sender: str) -> bool:
    if message.reason not in REASONS_WITHOUT_ROW:
        return False
    party = None if transfer is None else transfer.party(message.side)
    return transfer is None or transfer.reason is not message.reason or party is None or party.ispb != sender


def _rejection_without_row(message: TransferRequested, reason: ReasonCode, facts: Facts) -> AddressedMessage:
    rejection = TransferFailed(
        message.end_to_end_id,
        Side.PAYER,
        reason,
        message.amount_centavos,
        message.payer,
        message.payee,
        message.payee_key,
        message.description,
        facts.now_ms,
        message.initiation,
        message.txid,
    )
    return facts.sender, rejection


def _decide_repeated_request(transfer: Transfer, message: TransferRequested, facts: Facts) -> Decision[Transfer]:
    if transfer.payer.ispb != facts.sender:
        # The id of another bank's transfer: the answer goes to the sender, and the transfer does not change.
        return Decision(transfer, messages=(_rejection_without_row(message, ReasonCode.FF08, facts),))
    if transfer.has_content_of(message):
        return _ignore_duplicate(transfer, Side.PAYER)
    reason = LATER_RULES[Rule.ID_USED_ONCE]
    answer = _rejection_without_row(message, reason, facts)
    return _ignore(transfer, message, facts, f"the same id with another content ({reason})", (answer,))


def _decide_answer(
    transfer: Transfer, message: TransferAccepted | TransferRejected, facts: Facts
) -> Decision[Transfer]:
    if isinstance(message, TransferRejected) and message.reason not in PAYEE_BANK_REASONS:
        return _ignore(transfer, message, facts, f"{message.reason} is for the hub alone to give")
    if transfer.status is TransferStatus.PENDING:
        trigger, reason = _trigger_of_answer(transfer, message, facts)
        return _move(transfer, trigger, facts.sender, facts.now_ms, facts.real_now_ms, facts.policy, reason)
    if isinstance(message, TransferAccepted):
        is_repeated = transfer.outcome is Outcome.CONFIRMED
    else:
        is_repeated = transfer.outcome is not Outcome.CONFIRMED and message.reason is transfer.reason
    if is_repeated:
        return _ignore_duplicate(transfer, Side.PAYEE)
    # The bank believes otherwise, so the hub sends the decision to it again.
    why = f"too late: the transfer is {transfer.status}"
    return _ignore(transfer, message, facts, why, _outcome_for(transfer, Side.PAYEE))


def _trigger_of_answer(
    transfer: Transfer, message: TransferAccepted | TransferRejected, facts: Facts
) -> tuple[Trigger, ReasonCode | None]:
    if isinstance(message, TransferRejected):
        return Trigger.REJECTION, message.reason
    if facts.network.takes_part(transfer.payer.ispb) and facts.network.takes_part(facts.sender):
        return Trigger.ACCEPTANCE, None
    # The money that was reserved before the suspension does not move during it.
    return Trigger.SUSPENSION, LATER_RULES[Rule.BANKS_TAKE_PART]


def _move(
    transfer: Transfer,
    trigger: Trigger,
    author: str,
    now_ms: int,
    real_now_ms: int,
    policy: RetransmissionPolicy,
    reason: ReasonCode | None,
) -> Decision[Transfer]:
    """The decision on a pending transfer."""
    resend_at_ms = _resend_decision_at_ms(transfer, real_now_ms, policy)
    decided = move(transfer, trigger, now_ms, reason, resend_at_ms=resend_at_ms)
    step = Step(now_ms, author, trigger, None, decided.status, reason)
    return Decision(decided, (step,), owed(decided), movements=movements(transfer, decided))


def _decide_processed(transfer: Transfer, message: OutcomeProcessed, facts: Facts) -> Decision[Transfer]:
    if message.outcome is not transfer.outcome or message.reason is not transfer.reason:
        return _ignore(transfer, message, facts, f"not this transfer's outcome: it is {transfer.status}")
    if message.side is Side.PAYEE and transfer.offered_at_ms is None:
        return _ignore(transfer, message, facts, "the payee's bank was never told of this transfer")
    if transfer.processed_at_ms(message.side) is not None:
        return Decision(changed(transfer, duplicates=transfer.duplicates + 1))
    now_ms = facts.now_ms
    processed: Processed = (
        {"payer_processed_at_ms": now_ms} if message.side is Side.PAYER else {"payee_processed_at_ms": now_ms}
    )
    trigger = Trigger.PROCESSING
    if owes_outcome(transfer, message.side.other):
        transfer = changed(transfer, **processed)
    elif transfer.status is TransferStatus.CONFIRMED:
        trigger = Trigger.COMPLETION
        transfer = move(transfer, trigger, now_ms, resend_at_ms=None, **processed)
    else:
        transfer = changed(transfer, closed_at_ms=now_ms, resend_at_ms=None, **processed)
    return Decision(transfer, (Step(now_ms, facts.sender, trigger, message.side, transfer.status, message.reason),))


def _ignore_duplicate(transfer: Transfer, side: Side) -> Decision[Transfer]:
    """Counts it, and sends the bank the decision again: the bank may not have received it."""
    return Decision(changed(transfer, duplicates=transfer.duplicates + 1), messages=_outcome_for(transfer, side))


def _outcome_for(transfer: Transfer, side: Side) -> tuple[AddressedMessage, ...]:
    party, message = transfer.party(side), outcome_message(transfer, side)
    return () if party is None or message is None else ((party.ispb, message),)


def _ignore(
    transfer: Transfer, message: FromBank, facts: Facts, why: str, messages: tuple[AddressedMessage, ...] = ()
) -> Decision[Transfer]:
    """Records an ignored message: it changes nothing else."""
    ignored = changed(transfer, refusals=transfer.refusals + 1)
    if ignored.refusals > IGNORED_MESSAGES_RECORDED_MAX:
        return Decision(ignored, (), messages)
    side = message.side if isinstance(message, OutcomeProcessed) else None
    step = Step(facts.now_ms, facts.sender, _TRIGGERS[type(message)], side, transfer.status, ignored=why)
    return Decision(ignored, (step,), messages)
