"""What this bank makes of a message from the hub: a pure function of the row, the message and the account.

The hub's decision is final; the bank records a message that does not apply to the row in its history and changes
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bank_sim.domain.charges.model import Charge, ChargePlace, completed, place_of, released, reserved
from bank_sim.domain.flows.answers import Answer, answer_times, is_answered
from bank_sim.domain.flows.flow import BANK, Decision, Facts, RowId, RowKey
from bank_sim.domain.flows.postings import postings
from bank_sim.domain.flows.transfer.model import (
    NAME,
    UNDECIDED,
    HistoryStep,
    Transfer,
    TransferStatus,
    Trigger,
    changed,
    move,
    next_status,
    owed,
)
from bank_sim.domain.flows.transfer.rules import answer_offer
from pix.scheme.checks import check_offer, check_outcome, check_party
from pix.scheme.deliveries import HUB
from pix.scheme.errors import SchemeError
from pix.scheme.flows import IGNORED_MESSAGES_RECORDED_MAX, IGNORED_TEXT_LENGTH_MAX, IllegalTransition, Step
from pix.scheme.ids import is_account_number, is_end_to_end_id
from pix.scheme.initiation import is_same_initiation
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    account_of,
)
from pix.scheme.messages.transfers import FromHub
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy

MESSAGES: Final = frozenset({TransferOffered, TransferConfirmed, TransferFailed})
"""The messages of the hub that the flow decides on."""

_TRIGGERS: Final[Mapping[type[FromHub], Trigger]] = {
    TransferOffered: Trigger.OFFER,
    TransferConfirmed: Trigger.CONFIRMATION,
    TransferFailed: Trigger.FAILURE,
}


def direction_of(message: FromHub) -> Direction:
    """Which of this bank's rows a message is about."""
    if isinstance(message, TransferOffered) or message.side is Side.PAYEE:
        return Direction.INCOMING
    return Direction.OUTGOING


def keys(message: FromHub) -> tuple[RowKey, ...]:
    """All rows that a message loads and locks."""
    if not is_end_to_end_id(message.end_to_end_id):
        # A text that cannot be an id is not looked up: the database would reject the batch for it.
        return ()
    return ((NAME, (message.end_to_end_id, direction_of(message))),)


def state(rows: Mapping[RowId, Any], message: FromHub) -> Transfer | None:
    """The row that a message is about; None when this bank has none."""
    transfer: Transfer | None = rows.get((message.end_to_end_id, direction_of(message)))
    return transfer


def account_needed(transfer: Transfer | None, message: FromHub) -> str:
    """The customer's account without which the message cannot be decided on; empty when none is touched."""
    is_offer = isinstance(message, TransferOffered)
    if transfer is not None and (is_offer or transfer.is_final):
        return ""
    if direction_of(message) is Direction.OUTGOING:
        # Only a refund touches the payer's account.
        return transfer.account_number if transfer is not None and isinstance(message, TransferFailed) else ""
    if isinstance(message, TransferFailed):
        return ""
    if transfer is not None:
        return transfer.account_number
    # A text that cannot be an account number is not looked up: the database would reject the batch for it.
    number = message.payee.account_number
    return number if is_account_number(number) else ""


def charge_needed(transfer: Transfer | None, message: FromHub) -> ChargePlace | None:
    """The charge that a message reserves, pays or frees; None when it touches none."""
    if direction_of(message) is Direction.OUTGOING:
        return None
    if transfer is not None:
        if transfer.is_final or isinstance(message, TransferOffered):
            return None
        return place_of(transfer.initiation, transfer.account_number, transfer.txid)
    return place_of(message.initiation, message.payee.account_number, message.txid) if message.payee else None


def decide(transfer: Transfer | None, message: FromHub, facts: Facts) -> Decision[Transfer]:
    """Decides on one message. `transfer` is this bank's row; None: there is none."""
    match message:
        case TransferOffered():
            return _decide_offered(transfer, message, facts)
        case TransferConfirmed() | TransferFailed():
            return _decide_outcome(transfer, message, facts)


def decide_retransmission(transfer: Transfer, real_now_ms: int, policy: RetransmissionPolicy) -> Decision[Transfer]:
    """Sends what is owed once more, and sets the next due time."""
    # Of an answer that was withheld this is the first time: `WITHHELD` becomes 0.
    count = transfer.resend_count + 1
    resend_at_ms = real_now_ms + policy.delay_ms(transfer.end_to_end_id, count)
    return Decision(
        changed(transfer, resend_count=count, resend_at_ms=resend_at_ms), messages=owed(transfer, real_now_ms)
    )


def _decide_offered(transfer: Transfer | None, message: TransferOffered, facts: Facts) -> Decision[Transfer]:
    if transfer is None:
        try:
            check_offer(message)
        except SchemeError as error:
            return _rejected_without_row(message, error)
        return _answered(message, answer_offer(message, facts), facts)
    if difference := _difference(transfer, message):
        return _ignore(transfer, message, facts, f"another {difference} than the transfer has")
    repeated = changed(transfer, duplicates=transfer.duplicates + 1)
    if transfer.status in UNDECIDED and not is_answered(transfer, facts.real_now_ms):
        # The first offer settled the answer; only the time of the answer may have been changed since.
        answer = answer_offer(message, facts)
        repeated = _given_by(repeated, answer, facts)
    return Decision(repeated, messages=owed(repeated, facts.real_now_ms))


def _decide_outcome(
    transfer: Transfer | None, message: TransferConfirmed | TransferFailed, facts: Facts
) -> Decision[Transfer]:
    name = type(message).__name__
    trigger = _TRIGGERS[type(message)]
    reason = message.reason if isinstance(message, TransferFailed) else None
    account = facts.account
    if message.side is Side.PAYEE and (message.payee is None or message.payee.ispb != facts.ispb):
        account = None
    if transfer is None:
        if why := _why_unknown(message):
            return Decision(None, dead_letter=f"{name}: {why}")
        try:
            check_outcome(message)
        except SchemeError as error:
            return _processed_without_row(message, error)
        status = next_status(Direction.INCOMING, None, trigger)
        step = Step(facts.now_ms, HUB, trigger, Side.PAYEE, status, reason)
        decided = _unoffered(message, step, facts)
    else:
        if difference := _difference(transfer, message):
            return _ignore(transfer, message, facts, f"another {difference} than the transfer has")
        if transfer.status is next_status(Direction.INCOMING, None, trigger):
            repeated = changed(transfer, duplicates=transfer.duplicates + 1)
            return Decision(repeated, messages=owed(repeated, facts.real_now_ms))
        payee = message.payee if message.payee is not None and _is_fit(message.payee) else transfer.payee
        try:
            status = next_status(transfer.direction, transfer.status, trigger)
        except IllegalTransition:
            why = f"{name} does not apply to an {transfer.direction} transfer that is {transfer.status}"
            return _ignore(transfer, message, facts, why)
        step = Step(facts.now_ms, HUB, trigger, transfer.direction.side, status, reason)
        decided = move(transfer, trigger, facts.now_ms, reason, payee=payee, history=(*transfer.history, step))
    booked = postings(transfer, decided, facts.now_ms)
    if account is None and any(posting.account_number for posting in booked):
        # Only a promise that the hub invented, or an account that vanished: for people to look at, not to guess.
        why = "the customer's account does not exist"
        row = None if transfer is None else _ignore(transfer, message, facts, why).row
        return Decision(row, dead_letter=f"{name}: {why}")
    charge = _charge_after(decided, facts.charge)
    return Decision(decided, (step,), owed(decided, facts.real_now_ms), postings=booked, charge=charge)


def _charge_after(transfer: Transfer, charge: Charge | None) -> Charge | None:
    """The charge once this side of its transfer is as it is; None when it has none."""
    if charge is None or transfer.direction is Direction.OUTGOING:
        return None
    match transfer.status:
        case TransferStatus.ACCEPTED:
            return reserved(charge, transfer.end_to_end_id)
        case TransferStatus.CONFIRMED:
            return completed(charge, transfer.end_to_end_id)
        case TransferStatus.FAILED:
            return released(charge, transfer.end_to_end_id)
        case _:
            return None


def _rejected_without_row(offer: TransferOffered, error: SchemeError) -> Decision[Transfer]:
    """An offer that is not fit to be stored: rejected, so that it does not stay open, and shown to people."""
    why = f"{type(offer).__name__}: {error}"
    if not is_end_to_end_id(offer.end_to_end_id):
        return Decision(None, dead_letter=why)
    rejected = TransferRejected(offer.end_to_end_id, offer.amount_centavos, ReasonCode.ED05)
    return Decision(None, messages=(rejected,), dead_letter=why)


def _processed_without_row(message: TransferConfirmed | TransferFailed, error: SchemeError) -> Decision[Transfer]:
    """An outcome that is not fit to be stored, of a transfer without a row.

    A failure has moved nothing, so it is done with. A confirmation has moved money: people must look at it.
    """
    if isinstance(message, TransferConfirmed) or not is_end_to_end_id(message.end_to_end_id):
        return Decision(None, dead_letter=f"{type(message).__name__}: {error}")
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


def _ignore(transfer: Transfer, message: FromHub, facts: Facts, why: str) -> Decision[Transfer]:
    """Records an ignored message: it changes nothing else."""
    ignored = changed(transfer, refusals=transfer.refusals + 1)
    if ignored.refusals > IGNORED_MESSAGES_RECORDED_MAX:
        return Decision(ignored)
    step = Step(
        facts.now_ms,
        HUB,
        _TRIGGERS[type(message)],
        transfer.direction.side,
        transfer.status,
        ignored=why[:IGNORED_TEXT_LENGTH_MAX],
    )
    return Decision(changed(ignored, history=(*ignored.history, step)), (step,))


def _answered(offer: TransferOffered, answer: Answer, facts: Facts) -> Decision[Transfer]:
    trigger = Trigger.REJECTION if answer.reason else Trigger.ACCEPTANCE
    status = next_status(Direction.INCOMING, None, trigger)
    steps = (
        Step(facts.now_ms, HUB, Trigger.OFFER, Side.PAYEE, status),
        Step(facts.now_ms, BANK, trigger, Side.PAYEE, status, answer.reason),
    )
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
        initiation=offer.initiation,
        txid=offer.txid,
        history=steps,
    )
    row = _given_by(row, answer, facts)
    return Decision(row, steps, owed(row, facts.real_now_ms), charge=_charge_after(row, facts.charge))


def _given_by(transfer: Transfer, answer: Answer, facts: Facts) -> Transfer:
    return changed(transfer, **answer_times(transfer, answer, facts))


def _unoffered(message: TransferConfirmed | TransferFailed, step: HistoryStep, facts: Facts) -> Transfer:
    """The incoming row of a transfer whose outcome has come before any offer."""
    assert message.payee is not None, "the caller has checked it"
    return Transfer(
        end_to_end_id=message.end_to_end_id,
        direction=Direction.INCOMING,
        status=step.status,
        reason=step.reason,
        amount_centavos=message.amount_centavos,
        account_number=message.payee.account_number,
        payer=message.payer,
        payee=message.payee,
        payee_key=message.payee_key,
        description=message.description,
        requested_at_ms=facts.now_ms,
        decided_at_ms=facts.now_ms,
        traceparent=facts.traceparent,
        initiation=message.initiation,
        txid=message.txid,
        history=(step,),
    )


def _difference(transfer: Transfer, message: FromHub) -> str:
    """Which part of the content is not the row's, in a word; empty when the message is about this very transfer."""
    if message.amount_centavos != transfer.amount_centavos:
        return "amount"
    if message.payee_key != transfer.payee_key:
        return "payee key"
    if message.description != transfer.description:
        return "description"
    if not is_same_initiation(transfer.initiation, transfer.txid, message.initiation, message.txid):
        return "initiation or txid"
    if account_of(message.payer) != account_of(transfer.payer):
        return "payer"
    is_payee_known = transfer.direction is Direction.INCOMING or transfer.payee_key is None
    if is_payee_known and message.payee is not None and transfer.payee is not None:
        return "payee" if account_of(message.payee) != account_of(transfer.payee) else ""
    return ""
