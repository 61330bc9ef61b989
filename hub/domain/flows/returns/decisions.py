"""The hub's decisions on returns: from a return (or none), its original and a message to the new row.

Pure, and written as the transfer's are. The original is locked and never changed: under its lock the sum of its returns
is read (`Returned`), so that two returns of one transfer cannot take more than it moved (docs/decisions/0031).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.domain.flows.flow import AddressedMessage, Decision, Facts, RowKey
from hub.domain.flows.returns.model import (
    NAME,
    HistoryStep,
    Processed,
    Return,
    Returned,
    ReturnStatus,
    Trigger,
    changed,
    move,
    next_status,
    outcome_message,
    owed,
    owes_outcome,
    returned_id,
)
from hub.domain.flows.returns.movements import movements
from hub.domain.flows.returns.rules import LATER_RULES, Request, Rule, broken_form, broken_rule, returnable
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.flows.transfer.model import Transfer
from pix.scheme.deliveries import HUB
from pix.scheme.errors import SchemeError
from pix.scheme.flows import IGNORED_MESSAGES_RECORDED_MAX, RETRANSMISSIONS_RECORDED_MAX, Step
from pix.scheme.ids import is_end_to_end_id, is_return_id, parse_return_id
from pix.scheme.keys import PixKey
from pix.scheme.messages import Outcome, Side
from pix.scheme.messages.returns import (
    FromBank,
    ReturnAccepted,
    ReturnFailed,
    ReturnProcessed,
    ReturnRejected,
    ReturnRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import PAYER_BANK_REASONS, REASONS_WITHOUT_ROW
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

MESSAGES: Final = frozenset({ReturnRequested, ReturnAccepted, ReturnRejected, ReturnProcessed})
"""The messages of banks that the flow decides on."""

_TRIGGERS: Final[Mapping[type[FromBank], Trigger]] = {
    ReturnRequested: Trigger.REQUEST,
    ReturnAccepted: Trigger.ACCEPTANCE,
    ReturnRejected: Trigger.REJECTION,
    ReturnProcessed: Trigger.PROCESSING,
}
"""What a message is in the history when it moves nothing."""


@value_object
class State:
    """What a message about a return is decided on."""

    row: Return | None
    original: Transfer | None
    returned: Returned


def keys(message: FromBank) -> tuple[RowKey, ...]:
    """All rows that a message loads and locks: the original first. The sum of its returns is read under its lock."""
    row_keys: list[RowKey] = []
    if is_end_to_end_id(message.original_end_to_end_id):
        row_keys.append((TRANSFER, message.original_end_to_end_id))
        row_keys.append((NAME, returned_id(message.original_end_to_end_id)))
    if is_return_id(message.return_id):
        row_keys.append((NAME, message.return_id))
    return tuple(row_keys)


def pix_key(message: FromBank) -> PixKey | None:  # noqa: ARG001 - of a transfer
    """None: a return goes where the transfer came from."""
    return None


def state(rows: Mapping[str, Any], message: FromBank) -> State:
    """The return that a message is about, and its original."""
    original_id = message.original_end_to_end_id
    returned: Returned = rows.get(returned_id(original_id)) or Returned(original_id, 0)
    return State(rows.get(message.return_id), rows.get(original_id), returned)


def decide(state: State, message: FromBank, facts: Facts) -> Decision[Return]:
    """Decides on a message of the bank `facts.sender`."""
    row = state.row
    if isinstance(message, ReturnRequested):
        return _decide_new_request(state, message, facts) if row is None else _decide_repeated(row, message, facts)
    if isinstance(message, ReturnProcessed) and _is_of_no_row(row, message, facts.sender):
        # The bank has processed a rejection that made no row and touched none: nothing is open.
        return Decision(row)
    if row is None:
        return Decision(None, dead_letter=f"{type(message).__name__}: the hub knows no return with this return id")
    side = message.side if isinstance(message, ReturnProcessed) else Side.PAYER
    if row.ispb(side) != facts.sender:
        return Decision(row, dead_letter=f"{type(message).__name__}: the sender is not this return's {side} bank")
    if message.original_end_to_end_id != row.original_end_to_end_id:
        return _ignore(row, message, facts, "the original is not the return's")
    if message.amount_centavos != row.amount_centavos:
        return _ignore(row, message, facts, "the amount is not the return's")
    if isinstance(message, ReturnProcessed):
        return _decide_processed(row, message, facts)
    return _decide_answer(state, row, message, facts)


def decide_timeout(row: Return, now_ms: int, real_now_ms: int, policy: RetransmissionPolicy) -> Decision[Return]:
    """Fails a pending return and releases the reserve. Raises IllegalTransition for any other."""
    reason = LATER_RULES[Rule.ANSWER_IN_TIME]
    return _move(row, Trigger.TIMEOUT, HUB, now_ms, real_now_ms, policy, reason)


def decide_retransmission(
    row: Return, now_ms: int, real_now_ms: int, policy: RetransmissionPolicy, timeout_ms: int | None = None
) -> Decision[Return]:
    """Sends what is owed once more, and sets the next due time."""
    messages = owed(row)
    if not messages:
        return Decision(changed(row, resend_at_ms=None))
    attempt = row.resend_count + 1
    resend_at_ms = real_now_ms + policy.delay_ms(row.return_id, attempt)
    if row.status is ReturnStatus.PENDING:
        resend_at_ms = _not_after_timeout(resend_at_ms, row.waiting_since_ms, real_now_ms, timeout_ms)
    row = changed(row, resend_count=attempt, resends=row.resends + 1, resend_at_ms=resend_at_ms)
    steps: tuple[HistoryStep, ...] = ()
    if row.resends <= RETRANSMISSIONS_RECORDED_MAX:
        steps = tuple(
            Step(now_ms, HUB, Trigger.RETRANSMISSION, getattr(message, "side", None), row.status)
            for _, message in messages
        )
    return Decision(row, steps, messages)


def _not_after_timeout(resend_at_ms: int, since_ms: int, real_now_ms: int, timeout_ms: int | None) -> int:
    """A pending return is due at its timeout at the latest, because the timeout sweep reads what is due."""
    return resend_at_ms if timeout_ms is None else min(resend_at_ms, max(since_ms + timeout_ms + 1, real_now_ms))


def _decide_new_request(state: State, message: ReturnRequested, facts: Facts) -> Decision[Return]:
    try:
        return_id = parse_return_id(message.return_id)
    except SchemeError:
        return_id = None
    request = Request(message, return_id, state.original, state.returned.centavos, facts)
    broken = broken_rule(request)
    if broken is not None and not broken.makes_row:
        # The reason code does not name the field; the dead letter does.
        form = broken_form(request) if broken.rule is Rule.FIELDS_IN_FORM else ""
        dead_letter = f"{type(message).__name__}: {form}" if form else ""
        return Decision(None, (), (_rejection_without_row(message, broken.reason, facts),), dead_letter)
    now_ms, real_now_ms = facts.now_ms, facts.real_now_ms
    resend_at_ms = real_now_ms + facts.policy.delay_ms(message.return_id, 0)
    if broken is None:
        resend_at_ms = _not_after_timeout(resend_at_ms, real_now_ms, real_now_ms, facts.timeout_ms)
    trigger = Trigger.REQUEST if broken is None else Trigger.REFUSAL
    reason = None if broken is None else broken.reason
    original = returnable(state.original, facts.sender)
    row = Return(
        return_id=message.return_id,
        original_end_to_end_id=message.original_end_to_end_id,
        status=next_status(None, trigger),
        reason=reason,
        amount_centavos=message.amount_centavos,
        return_reason=message.reason,
        payer=None if original is None else original.payer,
        payee=None if original is None else original.payee,
        description=message.description,
        requested_at_ms=message.requested_at_ms,
        received_at_ms=now_ms,
        offered_at_ms=now_ms if broken is None else None,
        decided_at_ms=None if broken is None else now_ms,
        resend_at_ms=resend_at_ms,
        traceparent=facts.traceparent,
        received_real_at_ms=real_now_ms,
    )
    step = Step(now_ms, facts.sender, trigger, None, row.status, reason)
    readings = (_with(state.returned, row.amount_centavos),) if broken is None else ()
    return Decision(row, (step,), owed(row), movements=movements(None, row), readings=readings)


def _with(returned: Returned, centavos: int) -> Returned:
    return Returned(returned.original_end_to_end_id, returned.centavos + centavos)


def _is_of_no_row(row: Return | None, message: ReturnProcessed, sender: str) -> bool:
    if message.reason not in REASONS_WITHOUT_ROW:
        return False
    return row is None or row.reason is not message.reason or row.ispb(message.side) != sender


def _rejection_without_row(message: ReturnRequested, reason: ReasonCode, facts: Facts) -> AddressedMessage:
    rejection = ReturnFailed(
        message.return_id,
        message.original_end_to_end_id,
        Side.PAYEE,
        reason,
        message.amount_centavos,
        message.reason,
        None,
        None,
        message.description,
        facts.now_ms,
    )
    return facts.sender, rejection


def _decide_repeated(row: Return, message: ReturnRequested, facts: Facts) -> Decision[Return]:
    if row.requester_ispb != facts.sender:
        # The id of another bank's return: the answer goes to the sender, and the return does not change.
        return Decision(row, messages=(_rejection_without_row(message, ReasonCode.FF08, facts),))
    if row.has_content_of(message):
        return _ignore_duplicate(row, Side.PAYEE)
    reason = LATER_RULES[Rule.ID_USED_ONCE]
    answer = _rejection_without_row(message, reason, facts)
    return _ignore(row, message, facts, f"the same id with another content ({reason})", (answer,))


def _decide_answer(
    state: State, row: Return, message: ReturnAccepted | ReturnRejected, facts: Facts
) -> Decision[Return]:
    if isinstance(message, ReturnRejected) and message.reason not in PAYER_BANK_REASONS:
        return _ignore(row, message, facts, f"{message.reason} is not a payer's bank's to give")
    if row.status is ReturnStatus.PENDING:
        trigger, reason = _trigger_of_answer(row, message, facts)
        return _move(row, trigger, facts.sender, facts.now_ms, facts.real_now_ms, facts.policy, reason, state.returned)
    if isinstance(message, ReturnAccepted):
        is_repeated = row.outcome is Outcome.CONFIRMED
    else:
        is_repeated = row.outcome is not Outcome.CONFIRMED and message.reason is row.reason
    if is_repeated:
        return _ignore_duplicate(row, Side.PAYER)
    # The bank believes otherwise, so the hub sends the decision to it again.
    return _ignore(row, message, facts, f"too late: the return is {row.status}", _outcome_for(row, Side.PAYER))


def _trigger_of_answer(
    row: Return, message: ReturnAccepted | ReturnRejected, facts: Facts
) -> tuple[Trigger, ReasonCode | None]:
    if isinstance(message, ReturnRejected):
        return Trigger.REJECTION, message.reason
    if facts.network.takes_part(row.requester_ispb) and facts.network.takes_part(facts.sender):
        return Trigger.ACCEPTANCE, None
    # The money that was reserved before the suspension does not move during it.
    return Trigger.SUSPENSION, LATER_RULES[Rule.BANKS_TAKE_PART]


def _move(
    row: Return,
    trigger: Trigger,
    author: str,
    now_ms: int,
    real_now_ms: int,
    policy: RetransmissionPolicy,
    reason: ReasonCode | None,
    returned: Returned | None = None,
) -> Decision[Return]:
    """The decision on a pending return. One that fails frees its part of the original."""
    resend_at_ms = real_now_ms + policy.delay_ms(row.return_id, 0)
    decided = move(row, trigger, now_ms, reason, resend_at_ms=resend_at_ms)
    step = Step(now_ms, author, trigger, None, decided.status, reason)
    is_freed = returned is not None and decided.status is ReturnStatus.FAILED
    readings = (_with(returned, -row.amount_centavos),) if returned is not None and is_freed else ()
    return Decision(decided, (step,), owed(decided), movements=movements(row, decided), readings=readings)


def _decide_processed(row: Return, message: ReturnProcessed, facts: Facts) -> Decision[Return]:
    if message.outcome is not row.outcome or message.reason is not row.reason:
        return _ignore(row, message, facts, f"not this return's outcome: it is {row.status}")
    if message.side is Side.PAYER and row.offered_at_ms is None:
        return _ignore(row, message, facts, "the payer's bank was never told of this return")
    if row.processed_at_ms(message.side) is not None:
        return Decision(changed(row, duplicates=row.duplicates + 1))
    now_ms = facts.now_ms
    processed: Processed = (
        {"payer_processed_at_ms": now_ms} if message.side is Side.PAYER else {"payee_processed_at_ms": now_ms}
    )
    trigger = Trigger.PROCESSING
    if owes_outcome(row, message.side.other):
        row = changed(row, **processed)
    elif row.status is ReturnStatus.CONFIRMED:
        trigger = Trigger.COMPLETION
        row = move(row, trigger, now_ms, resend_at_ms=None, **processed)
    else:
        row = changed(row, closed_at_ms=now_ms, resend_at_ms=None, **processed)
    return Decision(row, (Step(now_ms, facts.sender, trigger, message.side, row.status, message.reason),))


def _ignore_duplicate(row: Return, side: Side) -> Decision[Return]:
    """Counts it, and sends the bank the decision again: the bank may not have received it."""
    return Decision(changed(row, duplicates=row.duplicates + 1), messages=_outcome_for(row, side))


def _outcome_for(row: Return, side: Side) -> tuple[AddressedMessage, ...]:
    ispb, message = row.ispb(side), outcome_message(row, side)
    return () if ispb is None or message is None else ((ispb, message),)


def _ignore(
    row: Return, message: FromBank, facts: Facts, why: str, messages: tuple[AddressedMessage, ...] = ()
) -> Decision[Return]:
    """Records an ignored message: it changes nothing else."""
    ignored = changed(row, refusals=row.refusals + 1)
    if ignored.refusals > IGNORED_MESSAGES_RECORDED_MAX:
        return Decision(ignored, (), messages)
    side = message.side if isinstance(message, ReturnProcessed) else None
    step = Step(facts.now_ms, facts.sender, _TRIGGERS[type(message)], side, row.status, ignored=why)
    return Decision(ignored, (step,), messages)
