"""The hub decides: a transfer as it stands (or nothing) and what came, in; the new state and what the hub owes, out.

Pure: no clock, no I/O, no database. `hub.application` loads what is asked about, folds a batch through these functions,
and saves the result. An illegal or late message is recorded in the history and applied never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.flows.transfer.model import (
    HistoryStep,
    Transfer,
    TransferStatus,
    Trigger,
    changed,
    move,
    outcome_message,
    owed,
    owes_outcome,
)
from hub.domain.settlement import Movement, MovementKind, SettlementAccount
from pix.scheme.checks import check_request
from pix.scheme.errors import SchemeError
from pix.scheme.ids import EndToEndId, is_too_far_away, parse_end_to_end_id
from pix.scheme.keys import PixKey
from pix.scheme.messages import (
    BankMessage,
    HubMessage,
    Message,
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferFailed,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import PAYEE_BANK_REASONS, ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

HUB: Final = "hub"

IGNORED_MESSAGES_RECORDED_MAX: Final = 20
"""A history keeps each ignored message up to this many, and counts the rest, so that no sender can make it grow."""

RESENDS_RECORDED_MAX: Final = 20
"""A transfer's history keeps this many times of sending again; the rest are counted, however long a bank is away."""

REASONS_WITHOUT_ROW: Final = frozenset({ReasonCode.CH16, ReasonCode.FF08, ReasonCode.RC09, ReasonCode.DUPL})
"""A request refused with one of these may make no row: its id is not the sender's to use or is another transfer's, or
its content is not fit to be stored and shown.

Such a refusal is derived from the request itself, so the same request gets the same answer again. What depends on the
hub's clock (an id of the sender's own, whose time is too far away) does make a row: an id from the future must not be
refused now, refunded, and accepted when it comes again later.
"""


@value_object
class Network:
    """What the hub knows of its surroundings when it decides, as of this transaction."""

    banks: Mapping[str, Bank]
    """By ISPB."""
    keys: Mapping[PixKey, KeyEntry]
    """At least those that the messages name."""
    accounts: Mapping[str, SettlementAccount]
    """By ISPB; as the decisions before this one leave them."""

    def takes_part(self, ispb: str) -> bool:
        """Whether the bank is in the network and not suspended."""
        bank = self.banks.get(ispb)
        return bank is not None and bank.active


@value_object
class Decision:
    """What comes of one message."""

    transfer: Transfer | None
    """As it stands afterwards; None when there is no such transfer and none is made."""
    steps: tuple[HistoryStep, ...] = ()
    """New lines of its history."""
    messages: tuple[tuple[str, HubMessage], ...] = ()
    """What to send now, each with the receiver's ISPB."""
    movement: Movement | None = None
    dead_letter: str = ""
    """Why the message goes to the dead letters; then no transfer has changed."""


def decide(
    transfer: Transfer | None,
    message: BankMessage,
    sender: str,
    network: Network,
    now_ms: int,
    policy: RetransmissionPolicy,
    traceparent: str = "",
    timeout_ms: int | None = None,
) -> Decision:
    """Decides on a message of the bank `sender` (its ISPB, already authenticated).

    `timeout_ms` is how long a transfer may be pending; None: as long as it takes.
    """
    if isinstance(message, TransferRequested):
        if transfer is None:
            return _decide_new_request(message, sender, network, now_ms, policy, traceparent, timeout_ms)
        return _decide_repeated_request(transfer, message, sender, now_ms)
    if isinstance(message, OutcomeProcessed) and _is_of_no_row(transfer, message, sender):
        # The bank has taken note of a refusal that made no row and touched none: nothing is open.
        return Decision(transfer)
    if transfer is None:
        unknown = f"{type(message).__name__}: the hub knows no transfer with this end-to-end id"
        return Decision(None, dead_letter=unknown)
    side = message.side if isinstance(message, OutcomeProcessed) else Side.PAYEE
    party = transfer.party(side)
    if party is None or party.ispb != sender:
        return Decision(
            transfer, dead_letter=f"{type(message).__name__}: the sender is not this transfer's {side} bank"
        )
    if message.amount_centavos != transfer.amount_centavos:
        return _refuse(transfer, message, sender, now_ms, "the amount is not the transfer's")
    if isinstance(message, OutcomeProcessed):
        return _decide_processed(transfer, message, sender, now_ms)
    return _decide_answer(transfer, message, sender, network, now_ms, policy)


def decide_timeout(transfer: Transfer, now_ms: int, policy: RetransmissionPolicy) -> Decision:
    """Fails a pending transfer with AB03 and releases the reserve."""
    return _fail(transfer, Trigger.TIMEOUT, ReasonCode.AB03, HUB, Trigger.TIMEOUT.value, now_ms, policy)


def decide_retransmission(
    transfer: Transfer, now_ms: int, policy: RetransmissionPolicy, timeout_ms: int | None = None
) -> Decision:
    """Sends again what is owed, and says when the next time is."""
    if not owed(transfer):
        return Decision(changed(transfer, resend_at_ms=None))
    attempt = transfer.resend_count + 1
    resend_at_ms = now_ms + policy.delay_ms(transfer.end_to_end_id, attempt)
    if transfer.status is TransferStatus.PENDING:
        resend_at_ms = _not_after_timeout(resend_at_ms, transfer.received_at_ms, now_ms, timeout_ms)
    transfer = changed(transfer, resend_count=attempt, resends=transfer.resends + 1, resend_at_ms=resend_at_ms)
    messages = owed(transfer)
    steps: tuple[HistoryStep, ...] = ()
    if transfer.resends <= RESENDS_RECORDED_MAX:
        steps = tuple(HistoryStep(now_ms, HUB, step_name(message), transfer.status) for _, message in messages)
    return Decision(transfer, steps, messages)


def step_name(message: Message) -> str:
    """How a history names a message: by its type, and by its side where a transfer has one for each.

    A step of the hub's with the name of a message is that message, sent again.
    """
    name = type(message).__name__
    side = getattr(message, "side", None)
    return name if side is None else f"{name} ({side})"


def _not_after_timeout(resend_at_ms: int, received_at_ms: int, now_ms: int, timeout_ms: int | None) -> int:
    """A pending transfer is looked at when it times out, and the index of what is due finds it then."""
    return resend_at_ms if timeout_ms is None else min(resend_at_ms, max(received_at_ms + timeout_ms + 1, now_ms))


def _resend_decision_at_ms(transfer: Transfer, now_ms: int, policy: RetransmissionPolicy) -> int:
    """When a decision is sent again that nobody has answered.

    The time at which the row is due already will do, where it leaves the banks half of the usual time: a column that
    does not change costs the database no new entry in its index.
    """
    due_at_ms = transfer.resend_at_ms
    if due_at_ms is not None and policy.first_ms // 2 <= due_at_ms - now_ms <= policy.first_ms:
        return due_at_ms
    return now_ms + policy.delay_ms(transfer.end_to_end_id, 0)


def _decide_new_request(
    message: TransferRequested,
    sender: str,
    network: Network,
    now_ms: int,
    policy: RetransmissionPolicy,
    traceparent: str,
    timeout_ms: int | None,
) -> Decision:
    if message.payer.ispb != sender:
        return _reject_without_row(message, sender, ReasonCode.RC09, now_ms)
    try:
        end_to_end_id = parse_end_to_end_id(message.end_to_end_id)
    except SchemeError:
        return _reject_without_row(message, sender, ReasonCode.FF08, now_ms)
    if end_to_end_id.ispb != sender:
        return _reject_without_row(message, sender, ReasonCode.FF08, now_ms)
    entry = network.keys.get(message.payee_key)
    try:
        check_request(message, key_is_registered=entry is not None)
    except SchemeError as error:
        # The code does not tell which field it is; the dead letter does.
        refused = _reject_without_row(message, sender, ReasonCode.CH16, now_ms)
        return replace(refused, dead_letter=f"{type(message).__name__}: {error}")
    reason = _broken_rule(message, end_to_end_id, network, entry, now_ms)
    resend_at_ms = now_ms + policy.delay_ms(message.end_to_end_id, 0)
    if reason is None:
        resend_at_ms = _not_after_timeout(resend_at_ms, now_ms, now_ms, timeout_ms)
    transfer = Transfer(
        end_to_end_id=message.end_to_end_id,
        status=TransferStatus.PENDING if reason is None else TransferStatus.FAILED,
        reason=reason,
        amount_centavos=message.amount_centavos,
        payer=message.payer,
        payee=entry.party() if entry is not None else None,
        payee_key=message.payee_key,
        payee_tax_id_masked=message.payee_tax_id_masked,
        description=message.description,
        requested_at_ms=message.requested_at_ms,
        received_at_ms=now_ms,
        offered_at_ms=now_ms if reason is None else None,
        decided_at_ms=None if reason is None else now_ms,
        resend_at_ms=resend_at_ms,
        traceparent=traceparent,
    )
    step = HistoryStep(
        now_ms, sender, type(message).__name__, transfer.status, reason="" if reason is None else reason.value
    )
    movement = None
    if reason is None and entry is not None:
        movement = Movement(MovementKind.RESERVE, sender, entry.ispb, message.amount_centavos)
    return Decision(transfer, (step,), owed(transfer), movement)


def _is_of_no_row(transfer: Transfer | None, message: OutcomeProcessed, sender: str) -> bool:
    if message.reason not in REASONS_WITHOUT_ROW:
        return False
    party = None if transfer is None else transfer.party(message.side)
    return transfer is None or transfer.reason is not message.reason or party is None or party.ispb != sender


def _reject_without_row(message: TransferRequested, sender: str, reason: ReasonCode, now_ms: int) -> Decision:
    return Decision(None, messages=((sender, _rejection_without_row(message, reason, now_ms)),))


def _broken_rule(
    message: TransferRequested, end_to_end_id: EndToEndId, network: Network, entry: KeyEntry | None, now_ms: int
) -> ReasonCode | None:
    """The first rule of the hub that the request breaks; None when it keeps them all."""
    if is_too_far_away(end_to_end_id, datetime.fromtimestamp(now_ms / 1000, UTC)):
        return ReasonCode.FF08
    if not network.takes_part(message.payer.ispb):
        return ReasonCode.DS27
    if message.amount_centavos <= 0:
        return ReasonCode.AM09
    if message.amount_centavos > AMOUNT_CENTAVOS_MAX:
        return ReasonCode.AM02
    if entry is None:
        return ReasonCode.AC03
    if not network.takes_part(entry.ispb):
        return ReasonCode.DS27
    if entry.account == (message.payer.ispb, message.payer.branch, message.payer.account_number):
        return ReasonCode.AG12
    if message.payee_tax_id_masked and message.payee_tax_id_masked != entry.tax_id_masked:
        return ReasonCode.BE01
    account = network.accounts.get(message.payer.ispb)
    if account is None or account.available_centavos < message.amount_centavos:
        return ReasonCode.AM04
    return None


def _rejection_without_row(message: TransferRequested, reason: ReasonCode, now_ms: int) -> TransferFailed:
    return TransferFailed(
        message.end_to_end_id,
        Side.PAYER,
        reason,
        message.amount_centavos,
        message.payer,
        None,
        message.payee_key,
        message.description,
        now_ms,
    )


def _decide_repeated_request(transfer: Transfer, message: TransferRequested, sender: str, now_ms: int) -> Decision:
    if transfer.payer.ispb != sender:
        # Somebody else's id: the answer goes to whoever asked, and the transfer does not hear of it.
        return Decision(transfer, messages=((sender, _rejection_without_row(message, ReasonCode.FF08, now_ms)),))
    if transfer.has_content_of(message):
        return _ignore_duplicate(transfer, Side.PAYER)
    refused = _refuse(transfer, message, sender, now_ms, "the same id with another content (DUPL)")
    return replace(refused, messages=((sender, _rejection_without_row(message, ReasonCode.DUPL, now_ms)),))


def _decide_answer(
    transfer: Transfer,
    message: TransferAccepted | TransferRejected,
    sender: str,
    network: Network,
    now_ms: int,
    policy: RetransmissionPolicy,
) -> Decision:
    accepted = isinstance(message, TransferAccepted)
    if isinstance(message, TransferRejected) and message.reason not in PAYEE_BANK_REASONS:
        return _refuse(transfer, message, sender, now_ms, f"{message.reason} is for the hub alone to give")
    if transfer.status is TransferStatus.PENDING:
        name = type(message).__name__
        if isinstance(message, TransferAccepted):
            if network.takes_part(transfer.payer.ispb) and network.takes_part(sender):
                return _confirm(transfer, message, sender, now_ms, policy)
            # The money that was reserved before the suspension does not move during it.
            return _fail(transfer, Trigger.SUSPENSION, ReasonCode.DS27, sender, name, now_ms, policy)
        return _fail(transfer, Trigger.REJECTION, message.reason, sender, name, now_ms, policy)
    if accepted == (transfer.outcome is Outcome.CONFIRMED) and (
        accepted or (isinstance(message, TransferRejected) and message.reason is transfer.reason)
    ):
        return _ignore_duplicate(transfer, Side.PAYEE)
    refused = _refuse(transfer, message, sender, now_ms, f"too late: the transfer is {transfer.status}")
    # The bank believes otherwise, so it is told again what was decided.
    return replace(refused, messages=_outcome_for(transfer, Side.PAYEE))


def _confirm(
    transfer: Transfer, message: TransferAccepted, sender: str, now_ms: int, policy: RetransmissionPolicy
) -> Decision:
    resend_at_ms = _resend_decision_at_ms(transfer, now_ms, policy)
    confirmed = move(transfer, Trigger.ACCEPTANCE, now_ms, resend_at_ms=resend_at_ms)
    step = HistoryStep(now_ms, sender, type(message).__name__, confirmed.status)
    movement = Movement(MovementKind.SETTLE, transfer.payer.ispb, sender, transfer.amount_centavos)
    return Decision(confirmed, (step,), owed(confirmed), movement)


def _fail(
    transfer: Transfer,
    trigger: Trigger,
    reason: ReasonCode,
    author: str,
    message_name: str,
    now_ms: int,
    policy: RetransmissionPolicy,
) -> Decision:
    resend_at_ms = _resend_decision_at_ms(transfer, now_ms, policy)
    failed = move(transfer, trigger, now_ms, reason, resend_at_ms=resend_at_ms)
    step = HistoryStep(now_ms, author, message_name, failed.status, reason=reason.value)
    payee_ispb = transfer.payee.ispb if transfer.payee is not None else ""
    movement = Movement(MovementKind.RELEASE, transfer.payer.ispb, payee_ispb, transfer.amount_centavos)
    return Decision(failed, (step,), owed(failed), movement)


def _decide_processed(transfer: Transfer, message: OutcomeProcessed, sender: str, now_ms: int) -> Decision:
    if message.outcome is not transfer.outcome or message.reason is not transfer.reason:
        return _refuse(transfer, message, sender, now_ms, f"not this transfer's outcome: it is {transfer.status}")
    if message.side is Side.PAYEE and transfer.offered_at_ms is None:
        return _refuse(transfer, message, sender, now_ms, "the payee's bank was never told of this transfer")
    if transfer.processed_at_ms(message.side) is not None:
        return Decision(changed(transfer, duplicates=transfer.duplicates + 1))
    processed: dict[str, Any] = {f"{message.side.value}_processed_at_ms": now_ms}
    if owes_outcome(transfer, message.side.other):
        transfer = changed(transfer, **processed)
    elif transfer.status is TransferStatus.CONFIRMED:
        transfer = move(transfer, Trigger.COMPLETION, now_ms, resend_at_ms=None, **processed)
    else:
        transfer = changed(transfer, closed_at_ms=now_ms, resend_at_ms=None, **processed)
    reason = "" if message.reason is None else message.reason.value
    return Decision(transfer, (HistoryStep(now_ms, sender, step_name(message), transfer.status, reason=reason),))


def _ignore_duplicate(transfer: Transfer, side: Side) -> Decision:
    """Counts it, and tells the bank again what was decided: it would not have asked had it heard."""
    return Decision(changed(transfer, duplicates=transfer.duplicates + 1), messages=_outcome_for(transfer, side))


def _outcome_for(transfer: Transfer, side: Side) -> tuple[tuple[str, HubMessage], ...]:
    party, message = transfer.party(side), outcome_message(transfer, side)
    return () if party is None or message is None else ((party.ispb, message),)


def _refuse(transfer: Transfer, message: BankMessage, sender: str, now_ms: int, why: str) -> Decision:
    refused = changed(transfer, refusals=transfer.refusals + 1)
    if refused.refusals > IGNORED_MESSAGES_RECORDED_MAX:
        return Decision(refused)
    return Decision(refused, (HistoryStep(now_ms, sender, step_name(message), transfer.status, refused=why),))
