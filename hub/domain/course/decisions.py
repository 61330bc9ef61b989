"""The adapter's decisions: from a leg (or none) and a message to the new leg and the messages to send.

Pure: no clock, no I/O, no database.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from hub.domain.course.model import (
    CourseAccount,
    CourseBank,
    Edition,
    Leg,
    LegKind,
    LegState,
    begin,
    derived_course_id,
    derived_suffix,
    move,
)
from pix.scheme.course import KEY_KINDS, KIND_NAMES, CourseMessage, CourseStatus
from pix.scheme.errors import SchemeError
from pix.scheme.ids import make_end_to_end_id
from pix.scheme.keys import KeyKind, PixKey, parse_stored_key
from pix.scheme.messages import (
    BankMessage,
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.texts import DESCRIPTION_LENGTH_MAX, check_description
from pix.scheme.values import value_object

DESCRIPTION_OF_NONE: Final = "Pix"
"""For a transfer without a description: the banks of the course need one."""
CONFIRMED_SENT_MAX: Final = 6
"""So often the payer's bank is told that its payment is confirmed, if it does not close its row; 2021's never does."""


@value_object
class Facts:
    now_ms: int
    """Scheme time."""
    real_now_ms: int
    policy: RetransmissionPolicy
    answer_ms: int
    """How long a course bank may leave a `pending` unanswered."""
    is_ready: bool = False
    """Whether the bank's consumer group takes what is sent now."""
    refund_key: PixKey | None = None
    """A key of the payer that his bank has registered; None when there is none."""


@value_object
class Decision:
    legs: tuple[Leg, ...] = ()
    """New and changed ones."""
    to_hub: tuple[BankMessage, ...] = ()
    """From the bank of the leg."""
    to_bank: tuple[CourseMessage, ...] = ()
    dead_letter: str = ""
    """Why the message becomes a dead letter; empty otherwise."""


def decide_request(leg: Leg | None, message: CourseMessage, account: CourseAccount, facts: Facts) -> Decision:
    """Step 1. The bank has debited its customer before. `leg` is the outgoing one with this id."""
    if leg is not None:
        if leg.has_content_of(message):
            return Decision()
        return Decision(dead_letter="id: belongs to another payment of this bank")
    end_to_end_id = make_end_to_end_id(
        account.ispb,
        datetime.fromtimestamp(facts.now_ms / 1000, UTC),
        derived_suffix(account.ispb, message.transaction_id),
    )
    leg = Leg(
        ispb=account.ispb,
        kind=LegKind.OUTGOING,
        course_id=message.transaction_id,
        end_to_end_id=end_to_end_id,
        state=LegState.REQUESTED,
        amount_centavos=message.amount_centavos,
        account_id=message.account_id,
        key=message.key,
        key_kind=message.key_kind,
        description=message.description,
        own_account_id=account.account_id,
        created_at_ms=facts.now_ms,
        due_at_ms=facts.real_now_ms + facts.policy.delay_ms(end_to_end_id, 0),
    )
    if not message.description:
        # As the original hub does, the adapter sends nothing; unlike it, the money is listed as owed.
        return _fail_outgoing(begin(_without_transfer(leg, ReasonCode.CH16)), replace(facts, refund_key=None))
    if payee_key_of(leg) is None:
        return _fail_outgoing(begin(_without_transfer(leg, ReasonCode.AC03)), facts)
    return Decision((begin(leg),), (request_of(leg, account),))


def decide_confirmed(leg: Leg | None, message: CourseMessage, facts: Facts) -> Decision:
    """Step 3. `leg` is the incoming one or the refund with this id: the bank has credited, whatever else is true."""
    if leg is None:
        return Decision(dead_letter="id: no `pending` with this id was sent")
    if not leg.has_content_of(message):
        return Decision(dead_letter="value: is not the content of the `pending` with this id")
    if leg.sent_at_ms is None:
        return Decision(dead_letter="status: confirmed, though no `pending` with this id was sent")
    leg = replace(leg, answers=leg.answers + 1)
    if leg.kind is LegKind.REFUND:
        return Decision((leg if leg.state is LegState.CREDITED else move(leg, LegState.CREDITED),))
    match leg.state:
        case LegState.SENT:
            due_at_ms = facts.real_now_ms + facts.policy.delay_ms(leg.end_to_end_id, 0)
            accepted = move(leg, LegState.ACCEPTED, due_at_ms=due_at_ms)
            return Decision((accepted,), (acceptance_of(accepted),))
        case LegState.REJECTED | LegState.FAILED:
            # Too late: the hub moves no money for it, and the bank has credited.
            return Decision((move(leg, LegState.UNCOVERED),))
        case LegState.ACCEPTED:
            return Decision((leg,), (acceptance_of(leg),))
        case _:
            return Decision((leg,))


def decide_completed(leg: Leg | None, message: CourseMessage) -> Decision:
    """Step 5. `leg` is the outgoing one with this id. It closes the leg, and moves no money."""
    if leg is None:
        return Decision(dead_letter="id: this bank has no payment with this id")
    if not leg.has_content_of(message):
        return Decision(dead_letter="value: is not the content of the payment with this id")
    if leg.state is LegState.CONFIRMED:
        return Decision((move(leg, LegState.COMPLETED),))
    if leg.state is LegState.COMPLETED:
        return Decision()
    return Decision(dead_letter=f"status: completed, though the payment is {leg.state}")


def decide_offer(
    leg: Leg | None,
    offer: TransferOffered,
    bank: CourseBank,
    account: CourseAccount | None,
    payer_leg: Leg | None,
    is_free: bool,
    facts: Facts,
) -> Decision:
    """The hub offers a transfer. `leg` is the incoming one of it, `payer_leg` the outgoing one at a course bank.

    `is_free` tells whether no other incoming leg has the payer's id.
    """
    if leg is not None:
        return _repeat_answer(leg)
    leg = _incoming_leg(offer, bank, account, payer_leg, is_free, facts)
    reason = _why_not_offered(offer, bank, account)
    if reason is not None:
        due_at_ms = facts.real_now_ms + facts.policy.delay_ms(leg.end_to_end_id, 0)
        rejected = begin(replace(leg, state=LegState.REJECTED, reason=reason, due_at_ms=due_at_ms))
        return Decision((rejected,), (rejection_of(rejected),))
    return _send_or_hold(leg, facts)


def decide_outcome_for_payee(leg: Leg | None, message: TransferConfirmed | TransferFailed) -> Decision:
    """The hub has decided. `leg` is the incoming one of the transfer."""
    if isinstance(message, TransferConfirmed):
        processed = _processed(message, Side.PAYEE)
        if leg is None or leg.state not in (LegState.ACCEPTED, LegState.SETTLED):
            state = "unknown" if leg is None else leg.state
            return Decision(dead_letter=f"TransferConfirmed: for the payee's bank the transfer is {state}")
        return Decision(() if leg.state is LegState.SETTLED else (move(leg, LegState.SETTLED),), (processed,))
    failed = _processed(message, Side.PAYEE)
    if leg is None:
        return Decision(to_hub=(failed,))
    match leg.state:
        case LegState.HELD | LegState.SENT | LegState.REJECTED:
            return Decision((move(leg, LegState.FAILED, reason=message.reason),), (failed,))
        case LegState.ACCEPTED:
            return Decision((move(leg, LegState.UNCOVERED, reason=message.reason),), (failed,))
        case LegState.SETTLED:
            return Decision(dead_letter="TransferFailed: the transfer was confirmed before")
        case _:
            return Decision(to_hub=(failed,))


def decide_outcome_for_payer(leg: Leg | None, message: TransferConfirmed | TransferFailed, facts: Facts) -> Decision:
    """The hub has decided. `leg` is the outgoing one of the transfer."""
    if leg is None:
        return Decision(dead_letter=f"{type(message).__name__}: no payment of this bank has this end-to-end id")
    if message.amount_centavos != leg.amount_centavos or message.payee_key != payee_key_of(leg):
        return Decision(dead_letter=f"{type(message).__name__}: has another content than the payment")
    processed = _processed(message, Side.PAYER)
    if isinstance(message, TransferConfirmed):
        if leg.state is LegState.FAILED:
            return Decision(dead_letter="TransferConfirmed: the payment failed before")
        if leg.state is LegState.COMPLETED:
            return Decision(to_hub=(processed,))
        if leg.state is LegState.CONFIRMED:
            return Decision((), (processed,), (leg.message(CourseStatus.CONFIRMED),))
        due_at_ms = facts.real_now_ms + facts.policy.delay_ms(leg.end_to_end_id, 0)
        confirmed = move(leg, LegState.CONFIRMED, due_at_ms=due_at_ms)
        return Decision((confirmed,), (processed,), (confirmed.message(CourseStatus.CONFIRMED),))
    if leg.state is LegState.FAILED:
        return Decision(to_hub=(processed,))
    if leg.state is not LegState.REQUESTED:
        return Decision(dead_letter=f"TransferFailed: the payment is {leg.state}")
    refunded = _fail_outgoing(move(leg, LegState.FAILED, reason=message.reason), facts)
    return replace(refunded, to_hub=(processed,))


def decide_due(leg: Leg, account: CourseAccount | None, facts: Facts) -> Decision:
    """What is to be done without a message: retransmit to the hub, send what is held, reject what has no answer.

    Parked money is given back once the payer has a key.
    """
    attempts = leg.attempts + 1
    again = replace(
        leg, attempts=attempts, due_at_ms=facts.real_now_ms + facts.policy.delay_ms(leg.end_to_end_id, attempts)
    )
    match leg.kind, leg.state:
        case LegKind.OUTGOING, LegState.REQUESTED if account is not None:
            return Decision((again,), (request_of(leg, account),))
        case LegKind.OUTGOING, LegState.CONFIRMED if leg.attempts < CONFIRMED_SENT_MAX:
            return Decision((again,), (), (leg.message(CourseStatus.CONFIRMED),))
        case LegKind.INCOMING, LegState.ACCEPTED:
            return Decision((again,), (acceptance_of(leg),))
        case LegKind.INCOMING, LegState.REJECTED:
            return Decision((again,), (rejection_of(leg),))
        case LegKind.INCOMING, LegState.SENT:
            # Silence is the only no that a course bank can say.
            rejected = move(leg, LegState.REJECTED, reason=ReasonCode.ED05, due_at_ms=again.due_at_ms)
            return Decision((rejected,), (rejection_of(rejected),))
        case ((LegKind.INCOMING | LegKind.REFUND), LegState.HELD):
            if not facts.is_ready:
                return Decision()
            sent = _sent(leg, facts)
            return Decision((sent,), (), (sent.message(CourseStatus.PENDING),))
        case LegKind.REFUND, LegState.PARKED if facts.refund_key is None:
            return Decision((replace(leg, due_at_ms=facts.real_now_ms + facts.policy.cap_ms),))
        case LegKind.REFUND, LegState.PARKED if facts.refund_key is not None:
            key = facts.refund_key
            with_key = {"key": key.key, "key_kind": KIND_NAMES[key.kind], "due_at_ms": facts.real_now_ms}
            return Decision((move(leg, LegState.HELD, **with_key),))
        case _:
            return Decision((replace(leg, due_at_ms=None),))


def payee_key_of(leg: Leg) -> PixKey | None:
    """The key that an outgoing leg pays; None for one that no directory can have."""
    kind = KEY_KINDS.get(leg.key_kind)
    try:
        return None if kind is None else parse_stored_key(leg.key, kind)
    except SchemeError:
        return None


def request_of(leg: Leg, account: CourseAccount) -> TransferRequested:
    """The same each time, so that the hub knows a repetition."""
    return TransferRequested(
        leg.end_to_end_id,
        leg.amount_centavos,
        account.party(),
        payee_key_of(leg),
        "",
        hub_description(leg.description),
        leg.created_at_ms,
    )


def acceptance_of(leg: Leg) -> TransferAccepted:
    return TransferAccepted(leg.end_to_end_id, leg.amount_centavos)


def rejection_of(leg: Leg) -> TransferRejected:
    return TransferRejected(leg.end_to_end_id, leg.amount_centavos, ReasonCode(leg.reason))


def hub_description(text: str) -> str:
    """What the scheme allows of a course bank's description; empty when that is nothing."""
    try:
        return check_description(text[:DESCRIPTION_LENGTH_MAX])
    except SchemeError:
        return ""


def _without_transfer(leg: Leg, reason: ReasonCode) -> Leg:
    """A payment for which the hub is not asked."""
    return replace(leg, state=LegState.FAILED, reason=reason, end_to_end_id="", due_at_ms=None)


def _why_not_offered(offer: TransferOffered, bank: CourseBank, account: CourseAccount | None) -> ReasonCode | None:
    if account is None or offer.payee_key is None or offer.payee_key.kind not in (KeyKind.CPF, KeyKind.EMAIL):
        return ReasonCode.AC03
    if bank.takes_whole_amounts_only and offer.amount_centavos % 100:
        return ReasonCode.AM09
    return None


def _incoming_leg(
    offer: TransferOffered,
    bank: CourseBank,
    account: CourseAccount | None,
    payer_leg: Leg | None,
    is_free: bool,
    facts: Facts,
) -> Leg:
    keeps_id = payer_leg is not None and is_free
    if payer_leg is not None and payer_leg.ispb == bank.ispb and bank.edition is Edition.Y2021:
        # It has a row with this id already: the payer's.
        keeps_id = False
    key = offer.payee_key
    return Leg(
        ispb=bank.ispb,
        kind=LegKind.INCOMING,
        course_id=payer_leg.course_id
        if payer_leg is not None and keeps_id
        else derived_course_id("incoming", offer.end_to_end_id),
        end_to_end_id=offer.end_to_end_id,
        state=LegState.HELD,
        amount_centavos=offer.amount_centavos,
        account_id=payer_leg.account_id
        if payer_leg is not None
        else derived_course_id(*(offer.payer.ispb, offer.payer.branch, offer.payer.account_number)),
        key="" if key is None else key.key,
        key_kind="" if key is None else KIND_NAMES[key.kind],
        description=payer_leg.description if payer_leg is not None else offer.description or DESCRIPTION_OF_NONE,
        own_account_id="" if account is None else account.account_id,
        created_at_ms=facts.now_ms,
    )


def _repeat_answer(leg: Leg) -> Decision:
    """The hub repeats its offer: it has not got the answer. A `pending` is not sent again."""
    if leg.state is LegState.ACCEPTED:
        return Decision(to_hub=(acceptance_of(leg),))
    if leg.state is LegState.REJECTED:
        return Decision(to_hub=(rejection_of(leg),))
    return Decision()


def _fail_outgoing(failed: Leg, facts: Facts) -> Decision:
    """The payer's bank has debited and understands no refusal: a credit to the payer gives the money back."""
    key = facts.refund_key
    refund = Leg(
        ispb=failed.ispb,
        kind=LegKind.REFUND,
        course_id=derived_course_id("refund", failed.ispb, failed.course_id),
        end_to_end_id=failed.end_to_end_id,
        state=LegState.PARKED,
        amount_centavos=failed.amount_centavos,
        account_id=derived_course_id("refunds of the hub"),
        key="" if key is None else key.key,
        key_kind="" if key is None else KIND_NAMES[key.kind],
        description=f"Pix returned: {failed.reason}",
        own_account_id=failed.own_account_id,
        created_at_ms=facts.now_ms,
        reason=failed.reason,
        original_id=failed.course_id,
    )
    if key is None:
        # A payment without a description stays parked, since the original sends nothing for it either.
        waits_for_key = failed.reason != ReasonCode.CH16
        due_at_ms = facts.real_now_ms + facts.policy.cap_ms if waits_for_key else None
        return Decision((failed, begin(replace(refund, due_at_ms=due_at_ms))))
    sent = _send_or_hold(refund, facts)
    return Decision((failed, *sent.legs), (), sent.to_bank)


def _send_or_hold(leg: Leg, facts: Facts) -> Decision:
    if not facts.is_ready:
        return Decision((begin(replace(leg, state=LegState.HELD, due_at_ms=facts.real_now_ms)),))
    sent = begin(_sent(leg, facts))
    return Decision((sent,), (), (sent.message(CourseStatus.PENDING),))


def _sent(leg: Leg, facts: Facts) -> Leg:
    """The mark stands before the send: after a crash in between the bank gets no `pending`, rather than two."""
    due_at_ms = facts.real_now_ms + facts.answer_ms if leg.kind is LegKind.INCOMING else None
    return replace(leg, state=LegState.SENT, sent_at_ms=facts.real_now_ms, due_at_ms=due_at_ms, attempts=0)


def _processed(message: TransferConfirmed | TransferFailed, side: Side) -> OutcomeProcessed:
    if isinstance(message, TransferConfirmed):
        return OutcomeProcessed(message.end_to_end_id, side, Outcome.CONFIRMED, message.amount_centavos, None)
    return OutcomeProcessed(message.end_to_end_id, side, Outcome.FAILED, message.amount_centavos, message.reason)
