"""What this bank makes of a message from the hub: a pure function of the row, the message and the account.

The hub's decision is final; a message that does not apply to the row is written into its history and changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from bank_sim.domain import books
from bank_sim.domain.account import Account
from bank_sim.domain.behaviour import Answer, Behaviour, answer_offer
from bank_sim.domain.books import Posting
from bank_sim.domain.flows.transfer.model import (
    UNDECIDED,
    Author,
    Direction,
    IllegalStep,
    Step,
    Transfer,
    TransferEvent,
    TransferStatus,
    count_duplicate,
    is_answered,
    move,
    next_status,
    owed,
    refuse,
)
from pix.scheme.checks import check_offer, check_outcome, check_party
from pix.scheme.errors import SchemeError
from pix.scheme.ids import is_account_number, is_end_to_end_id
from pix.scheme.messages import (
    BankMessage,
    HubMessage,
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
)
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object


@value_object
class Facts:
    """What a decision depends on beside row, message and account."""

    ispb: str
    now_ms: int
    behaviour: Behaviour
    policy: RetransmissionPolicy
    traceparent: str = ""


@value_object
class Decision:
    """What follows from a message. `refusal` says why it was not applied; `dead_letter` that people must look at it.

    Messages without a row answer what is not fit to be stored.
    """

    transfer: Transfer | None
    postings: tuple[Posting, ...] = ()
    messages: tuple[BankMessage, ...] = ()
    refusal: str = ""
    dead_letter: str = ""


def direction_of(message: HubMessage) -> Direction:
    """Which of this bank's rows a message is about."""
    if isinstance(message, TransferOffered) or message.side is Side.PAYEE:
        return Direction.INCOMING
    return Direction.OUTGOING


def account_needed(transfer: Transfer | None, message: HubMessage) -> str:
    """The customer's account without which the message cannot be decided on; empty when none is touched."""
    if transfer is not None and (transfer.is_final or isinstance(message, TransferOffered)):
        return ""
    match direction_of(message), message:
        case Direction.OUTGOING, TransferFailed():
            return transfer.account_number if transfer else ""
        case Direction.INCOMING, TransferOffered() | TransferConfirmed():
            if transfer is not None:
                return transfer.account_number
            # What cannot be a number of an account is not looked up: the database would refuse the batch for it.
            number = message.payee.account_number
            return number if is_account_number(number) else ""
        case _:
            return ""


def decide(transfer: Transfer | None, message: HubMessage, account: Account | None, facts: Facts) -> Decision:
    """Decides on one message. `transfer` is this bank's row, `account` its customer's account; None: there is none."""
    match message:
        case TransferOffered():
            return _decide_offered(transfer, message, account, facts)
        case TransferConfirmed() | TransferFailed():
            return _decide_outcome(transfer, message, account, facts)


def _decide_offered(
    transfer: Transfer | None, message: TransferOffered, account: Account | None, facts: Facts
) -> Decision:
    if transfer is None:
        try:
            check_offer(message)
        except SchemeError as error:
            return _rejected_without_row(message, error)
        answered = _answered(message, answer_offer(message, account, facts.ispb, facts.behaviour), facts)
        return Decision(answered, messages=owed(answered, facts.now_ms))
    if difference := _difference(transfer, message):
        return _refused(transfer, TransferEvent.OFFERED, f"another {difference} than the transfer has", facts)
    repeated = count_duplicate(transfer)
    if transfer.status in UNDECIDED and not is_answered(transfer, facts.now_ms):
        # What the answer is was settled by the first offer; only when it is given may have been changed by now.
        answer = answer_offer(message, account, facts.ispb, facts.behaviour)
        repeated = _given_by(repeated, _answer_at_ms(answer, facts.now_ms), facts)
    return Decision(repeated, messages=owed(repeated, facts.now_ms))


def _decide_outcome(
    transfer: Transfer | None,
    message: TransferConfirmed | TransferFailed,
    account: Account | None,
    facts: Facts,
) -> Decision:
    confirmed = isinstance(message, TransferConfirmed)
    event = TransferEvent.CONFIRMED if confirmed else TransferEvent.FAILED
    reason = message.reason if isinstance(message, TransferFailed) else None
    if message.side is Side.PAYEE and (message.payee is None or message.payee.ispb != facts.ispb):
        account = None
    if transfer is None:
        if why := _why_unknown(message):
            return Decision(None, dead_letter=f"{event}: {why}")
        try:
            check_outcome(message)
        except SchemeError as error:
            return _processed_without_row(message, event, error)
        decided = _unoffered(message, event, reason, facts)
    else:
        if difference := _difference(transfer, message):
            return _refused(transfer, event, f"another {difference} than the transfer has", facts)
        if transfer.status is next_status(Direction.INCOMING, None, event):
            repeated = count_duplicate(transfer)
            return Decision(repeated, messages=owed(repeated, facts.now_ms))
        try:
            decided = move(transfer, event, Author.HUB, facts.now_ms, reason)
        except IllegalStep as illegal:
            return _refused(transfer, event, str(illegal), facts)
        if message.payee is not None and _is_fit(message.payee):
            decided = replace(decided, payee=message.payee)
    postings = _postings(decided, facts.now_ms)
    if account is None and any(posting.account_number for posting in postings):
        # Only a promise that the hub invented, or an account that vanished: for people to look at, not to guess.
        why = "the customer's account does not exist"
        refused = refuse(transfer, event, Author.HUB, facts.now_ms, why) if transfer else None
        return Decision(refused, refusal=why, dead_letter=f"{event}: {why}")
    return Decision(decided, postings, owed(decided, facts.now_ms))


def _rejected_without_row(offer: TransferOffered, error: SchemeError) -> Decision:
    """An offer that is not fit to be stored: rejected, so that it does not stay open, and shown to people."""
    why = f"{TransferEvent.OFFERED}: {error}"
    if not is_end_to_end_id(offer.end_to_end_id):
        return Decision(None, dead_letter=why)
    rejected = TransferRejected(offer.end_to_end_id, offer.amount_centavos, ReasonCode.ED05)
    return Decision(None, messages=(rejected,), dead_letter=why)


def _processed_without_row(
    message: TransferConfirmed | TransferFailed, event: TransferEvent, error: SchemeError
) -> Decision:
    """An outcome that is not fit to be stored, of a transfer without a row.

    A failure has moved nothing, so it is done with. A confirmation has moved money: people must look at it.
    """
    if isinstance(message, TransferConfirmed) or not is_end_to_end_id(message.end_to_end_id):
        return Decision(None, dead_letter=f"{event}: {error}")
    processed = OutcomeProcessed(
        message.end_to_end_id, message.side, Outcome.FAILED, message.amount_centavos, message.reason
    )
    return Decision(None, messages=(processed,))


def _is_fit(party: Party) -> bool:
    try:
        check_party(party, "payee")
    except SchemeError:
        return False
    return True


def _why_unknown(message: TransferConfirmed | TransferFailed) -> str:
    """Why an outcome without a row cannot begin one; empty when it can."""
    if message.side is Side.PAYER:
        return "this bank never made this transfer"
    if message.payee is None:
        return "it names no payee"
    if not 0 < message.amount_centavos <= AMOUNT_CENTAVOS_MAX:
        return "the amount cannot be transferred"
    return ""


def _postings(decided: Transfer, now_ms: int) -> tuple[Posting, ...]:
    match decided.direction, decided.status:
        case Direction.OUTGOING, TransferStatus.CONFIRMED:
            return (books.settlement_out(decided, now_ms),)
        case Direction.OUTGOING, TransferStatus.FAILED:
            return (books.refund(decided, now_ms),)
        case Direction.INCOMING, TransferStatus.CONFIRMED:
            return (books.credit(decided, now_ms),)
        case _:
            return ()


def _refused(transfer: Transfer, event: TransferEvent, why: str, facts: Facts) -> Decision:
    return Decision(refuse(transfer, event, Author.HUB, facts.now_ms, why), refusal=why)


def _answered(offer: TransferOffered, answer: Answer, facts: Facts) -> Transfer:
    event = TransferEvent.REJECTED if answer.reason else TransferEvent.ACCEPTED
    status = next_status(Direction.INCOMING, None, event)
    row = Transfer(
        end_to_end_id=offer.end_to_end_id,
        direction=Direction.INCOMING,
        status=status,
        reason=answer.reason,
        amount_centavos=offer.amount_centavos,
        account_number=offer.payee.account_number,
        payer=offer.payer,
        payee=offer.payee,
        payee_key=offer.payee_key,
        description=offer.description,
        requested_at_ms=facts.now_ms,
        answer_style=answer.style,
        traceparent=facts.traceparent,
        history=(
            Step(facts.now_ms, Author.HUB, TransferEvent.OFFERED, status),
            Step(facts.now_ms, Author.BANK, event, status, answer.reason),
        ),
    )
    return _given_by(row, _answer_at_ms(answer, facts.now_ms), facts)


def _answer_at_ms(answer: Answer, now_ms: int) -> int | None:
    return None if answer.delay_ms is None else now_ms + answer.delay_ms


def _given_by(transfer: Transfer, at_ms: int | None, facts: Facts) -> Transfer:
    """The row with its answer given at a moment, or at the earlier one that was set before."""
    known = [time for time in (transfer.answered_at_ms, at_ms) if time is not None]
    if not known:
        return transfer
    answered_at_ms = min(known)
    is_given_now = answered_at_ms <= facts.now_ms
    wait_ms = facts.policy.delay_ms(transfer.end_to_end_id, 0) if is_given_now else 0
    return replace(transfer, answered_at_ms=answered_at_ms, resend_at_ms=answered_at_ms + wait_ms)


def _unoffered(
    message: TransferConfirmed | TransferFailed, event: TransferEvent, reason: ReasonCode | None, facts: Facts
) -> Transfer:
    """The incoming row of a transfer whose outcome has come before any offer."""
    assert message.payee is not None, "the caller has seen to it"
    status = next_status(Direction.INCOMING, None, event)
    return Transfer(
        end_to_end_id=message.end_to_end_id,
        direction=Direction.INCOMING,
        status=status,
        reason=reason,
        amount_centavos=message.amount_centavos,
        account_number=message.payee.account_number,
        payer=message.payer,
        payee=message.payee,
        payee_key=message.payee_key,
        description=message.description,
        requested_at_ms=facts.now_ms,
        decided_at_ms=facts.now_ms,
        traceparent=facts.traceparent,
        history=(Step(facts.now_ms, Author.HUB, event, status, reason),),
    )


def _difference(transfer: Transfer, message: HubMessage) -> str:
    """Which part of the content is not the row's, in a word; empty when the message is about this very transfer."""
    if message.amount_centavos != transfer.amount_centavos:
        return "amount"
    if message.payee_key != transfer.payee_key:
        return "payee key"
    if message.description != transfer.description:
        return "description"
    if _account_of(message.payer) != _account_of(transfer.payer):
        return "payer"
    if transfer.direction is Direction.INCOMING and message.payee is not None and transfer.payee is not None:
        return "payee" if _account_of(message.payee) != _account_of(transfer.payee) else ""
    return ""


def _account_of(party: Party) -> tuple[str, str, str]:
    return party.ispb, party.branch, party.account_number
