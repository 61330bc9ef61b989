"""What this bank makes of a message about a return: a pure function of the original, the row, the message, the account.

The original is read and locked, and never changes: it stays completed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bank_sim.domain.books import Posting
from bank_sim.domain.flows.answers import Answer, answer_times, is_answered
from bank_sim.domain.flows.flow import BANK, Decision, Facts, RowId, RowKey
from bank_sim.domain.flows.postings import postings
from bank_sim.domain.flows.returns.model import (
    NAME,
    UNDECIDED,
    HistoryStep,
    Return,
    Trigger,
    changed,
    move,
    next_status,
    owed,
)
from bank_sim.domain.flows.returns.rules import answer_offer, is_of_original
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer
from pix.scheme.deliveries import HUB
from pix.scheme.errors import SchemeError
from pix.scheme.flows import IGNORED_MESSAGES_RECORDED_MAX, IGNORED_TEXT_LENGTH_MAX, IllegalTransition, Step
from pix.scheme.ids import is_account_number, is_end_to_end_id, is_return_id
from pix.scheme.messages import Outcome, Party, Side
from pix.scheme.messages.returns import (
    FromHub,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnProcessed,
    ReturnRejected,
)
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.return_checks import check_return_offer, check_return_outcome
from pix.scheme.values import value_object

MESSAGES: Final = frozenset({ReturnOffered, ReturnConfirmed, ReturnFailed})
"""The messages of the hub that the flow decides on."""

_TRIGGERS: Final[Mapping[type[FromHub], Trigger]] = {
    ReturnOffered: Trigger.OFFER,
    ReturnConfirmed: Trigger.CONFIRMATION,
    ReturnFailed: Trigger.FAILURE,
}


@value_object
class ReturnState:
    """What a message about a return is decided on; None: this bank has no such row."""

    original: Transfer | None
    row: Return | None


def direction_of(message: FromHub) -> Direction:
    """Which of this bank's rows a message is about."""
    if isinstance(message, ReturnOffered) or message.side is Side.PAYER:
        return Direction.INCOMING
    return Direction.OUTGOING


def _original_of(message: FromHub) -> RowId:
    """Money that comes back went out once, and the other way round."""
    went_out = direction_of(message) is Direction.INCOMING
    return message.original_end_to_end_id, Direction.OUTGOING if went_out else Direction.INCOMING


def keys(message: FromHub) -> tuple[RowKey, ...]:
    """All rows that a message loads and locks: the original first."""
    if not is_return_id(message.return_id):
        # A text that cannot be an id is not looked up: the database would reject the batch for it.
        return ()
    row: RowKey = (NAME, (message.return_id, direction_of(message)))
    if not is_end_to_end_id(message.original_end_to_end_id):
        return (row,)
    return ((TRANSFER, _original_of(message)), row)


def state(rows: Mapping[RowId, Any], message: FromHub) -> ReturnState:
    """The original and the row that a message is about."""
    return ReturnState(rows.get(_original_of(message)), rows.get((message.return_id, direction_of(message))))


def account_needed(state: ReturnState, message: FromHub) -> str:
    """The customer's account without which the message cannot be decided on; empty when none is touched."""
    row = state.row
    if row is not None and (row.is_final or isinstance(message, ReturnOffered)):
        return ""
    match direction_of(message), message:
        case Direction.OUTGOING, ReturnFailed():
            return row.account_number if row else ""
        case Direction.INCOMING, ReturnOffered() | ReturnConfirmed():
            if row is not None:
                return row.account_number if is_account_number(row.account_number) else ""
            return state.original.account_number if state.original else ""
        case _:
            return ""


def decide(state: ReturnState, message: FromHub, facts: Facts) -> Decision[Return]:
    """Decides on one message."""
    match message:
        case ReturnOffered():
            return _decide_offered(state, message, facts)
        case ReturnConfirmed() | ReturnFailed():
            return _decide_outcome(state, message, facts)


def decide_retransmission(row: Return, real_now_ms: int, policy: RetransmissionPolicy) -> Decision[Return]:
    """Sends what is owed once more, and sets the next due time."""
    # Of an answer that was withheld this is the first time: `WITHHELD` becomes 0.
    count = row.resend_count + 1
    resend_at_ms = real_now_ms + policy.delay_ms(row.return_id, count)
    return Decision(changed(row, resend_count=count, resend_at_ms=resend_at_ms), messages=owed(row, real_now_ms))


def _decide_offered(state: ReturnState, message: ReturnOffered, facts: Facts) -> Decision[Return]:
    row = state.row
    if row is None:
        try:
            check_return_offer(message)
        except SchemeError as error:
            return _rejected_without_row(message, error)
        return _answered(state, message, facts)
    if difference := _difference(row, message):
        return _ignore(row, message, facts, f"another {difference} than the return has")
    repeated = changed(row, duplicates=row.duplicates + 1)
    if row.status in UNDECIDED and not is_answered(row, facts.real_now_ms):
        # The first offer settled the answer; only the time of the answer may have been changed since.
        answer = answer_offer(message, state.original, facts.account, facts.behaviour)
        repeated = _given_by(repeated, answer, facts)
    return Decision(repeated, messages=owed(repeated, facts.real_now_ms))


def _decide_outcome(state: ReturnState, message: ReturnConfirmed | ReturnFailed, facts: Facts) -> Decision[Return]:
    name = type(message).__name__
    trigger = _TRIGGERS[type(message)]
    reason = message.reason if isinstance(message, ReturnFailed) else None
    row = state.row
    if row is None:
        if message.side is Side.PAYEE:
            return Decision(None, dead_letter=f"{name}: this bank never made this return")
        try:
            check_return_outcome(message)
        except SchemeError as error:
            return _processed_without_row(message, error)
        if message.payer is None or message.payee is None:
            return _processed_without_row(message, SchemeError("payer", "An outcome names the parties."))
        decided = _unoffered(message, message.payer, message.payee, trigger, reason, facts)
    else:
        if difference := _difference(row, message):
            return _ignore(row, message, facts, f"another {difference} than the return has")
        if row.status is next_status(Direction.INCOMING, None, trigger):
            repeated = changed(row, duplicates=row.duplicates + 1)
            return Decision(repeated, messages=owed(repeated, facts.real_now_ms))
        try:
            decided = move(row, trigger, facts.now_ms, reason)
        except IllegalTransition:
            why = f"{name} does not apply to an {row.direction} return that is {row.status}"
            return _ignore(row, message, facts, why)
    booked = postings(row, decided, facts.now_ms)
    if why := _why_not_booked(state, message, booked, facts):
        ignored = None if row is None else _ignore(row, message, facts, why).row
        return Decision(ignored, dead_letter=f"{name}: {why}")
    step = Step(facts.now_ms, HUB, trigger, decided.side, decided.status, reason)
    return _recorded(decided, (step,), facts, booked)


def _why_not_booked(
    state: ReturnState, message: ReturnConfirmed | ReturnFailed, booked: tuple[Posting, ...], facts: Facts
) -> str:
    """Why money that the hub has moved cannot be booked: for people to look at, not to guess. Empty when it can."""
    is_credit = isinstance(message, ReturnConfirmed) and message.side is Side.PAYER
    if is_credit and not is_of_original(message, state.original):
        return "this bank never made the original transfer"
    if facts.account is None and any(posting.account_number for posting in booked):
        return "the customer's account does not exist"
    return ""


def _rejected_without_row(offer: ReturnOffered, error: SchemeError) -> Decision[Return]:
    """An offer that is not fit to be stored: rejected, so that it does not stay open, and shown to people."""
    why = f"{type(offer).__name__}: {error}"
    if not is_return_id(offer.return_id):
        return Decision(None, dead_letter=why)
    rejected = ReturnRejected(offer.return_id, offer.original_end_to_end_id, offer.amount_centavos, ReasonCode.ED05)
    return Decision(None, messages=(rejected,), dead_letter=why)


def _processed_without_row(message: ReturnConfirmed | ReturnFailed, error: SchemeError) -> Decision[Return]:
    """An outcome that is not fit to be stored, of a return without a row.

    A failure has moved nothing, so it is done with. A confirmation has moved money: people must look at it.
    """
    if isinstance(message, ReturnConfirmed) or not is_return_id(message.return_id):
        return Decision(None, dead_letter=f"{type(message).__name__}: {error}")
    processed = ReturnProcessed(
        message.return_id,
        message.original_end_to_end_id,
        message.side,
        Outcome.FAILED,
        message.amount_centavos,
        message.reason,
    )
    return Decision(None, messages=(processed,))


def _recorded(
    row: Return, steps: tuple[HistoryStep, ...], facts: Facts, booked: tuple[Posting, ...] = ()
) -> Decision[Return]:
    """The decision for a row with new steps of its history."""
    row = changed(row, history=(*row.history, *steps))
    return Decision(row, steps, owed(row, facts.real_now_ms), postings=booked)


def _ignore(row: Return, message: FromHub, facts: Facts, why: str) -> Decision[Return]:
    """Records an ignored message: it changes nothing else."""
    ignored = changed(row, refusals=row.refusals + 1)
    if ignored.refusals > IGNORED_MESSAGES_RECORDED_MAX:
        return Decision(ignored)
    trigger, text = _TRIGGERS[type(message)], why[:IGNORED_TEXT_LENGTH_MAX]
    step = Step(facts.now_ms, HUB, trigger, row.side, row.status, ignored=text)
    return Decision(changed(ignored, history=(*ignored.history, step)), (step,))


def _answered(state: ReturnState, offer: ReturnOffered, facts: Facts) -> Decision[Return]:
    answer = answer_offer(offer, state.original, facts.account, facts.behaviour)
    trigger = Trigger.REJECTION if answer.reason else Trigger.ACCEPTANCE
    status = next_status(Direction.INCOMING, None, trigger)
    row = Return(
        return_id=offer.return_id,
        direction=Direction.INCOMING,
        status=status,
        original_end_to_end_id=offer.original_end_to_end_id,
        amount_centavos=offer.amount_centavos,
        account_number=state.original.account_number if state.original else offer.payer.account_number,
        return_reason=offer.reason,
        payer=offer.payer,
        payee=offer.payee,
        description=offer.description,
        requested_at_ms=facts.now_ms,
        reason=answer.reason,
        answer_style=answer.style,
        traceparent=facts.traceparent,
    )
    steps = (
        Step(facts.now_ms, HUB, Trigger.OFFER, Side.PAYER, status),
        Step(facts.now_ms, BANK, trigger, Side.PAYER, status, answer.reason),
    )
    return _recorded(_given_by(row, answer, facts), steps, facts)


def _given_by(row: Return, answer: Answer, facts: Facts) -> Return:
    return changed(row, **answer_times(row, answer, facts))


def _unoffered(
    message: ReturnConfirmed | ReturnFailed,
    payer: Party,
    payee: Party,
    trigger: Trigger,
    reason: ReasonCode | None,
    facts: Facts,
) -> Return:
    """The incoming row of a return whose outcome has come before any offer."""
    return Return(
        return_id=message.return_id,
        direction=Direction.INCOMING,
        status=next_status(Direction.INCOMING, None, trigger),
        original_end_to_end_id=message.original_end_to_end_id,
        amount_centavos=message.amount_centavos,
        account_number=payer.account_number,
        return_reason=message.return_reason,
        payer=payer,
        payee=payee,
        description=message.description,
        requested_at_ms=facts.now_ms,
        reason=reason,
        decided_at_ms=facts.now_ms,
        traceparent=facts.traceparent,
    )


def _difference(row: Return, message: FromHub) -> str:
    """Which part of the content is not the row's, in a word; empty when the message is about this very return."""
    if message.original_end_to_end_id != row.original_end_to_end_id:
        return "original"
    if message.amount_centavos != row.amount_centavos:
        return "amount"
    if _reason_of(message) is not row.return_reason:
        return "reason"
    if message.description != row.description:
        return "description"
    for side, told, known in (("payer", message.payer, row.payer), ("payee", message.payee, row.payee)):
        if told is not None and _account_of(told) != _account_of(known):
            return side
    return ""


def _reason_of(message: FromHub) -> ReasonCode:
    return message.reason if isinstance(message, ReturnOffered) else message.return_reason


def _account_of(party: Party) -> tuple[str, str, str]:
    return party.ispb, party.branch, party.account_number
