"""The hub's decisions: every state against every message, and every rule of the hub's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from hub.domain.flows.flow import Decision, Network
from hub.domain.flows.transfer.decisions import decide, decide_retransmission, decide_timeout
from hub.domain.flows.transfer.model import Transfer, TransferStatus, Trigger, owed
from hub.domain.flows.transfer.rules import LATER_RULES, REQUEST_RULES
from hub.domain.settlement import Movement, MovementKind, SettlementAccount
from pix.scheme.deliveries import HUB
from pix.scheme.flows import IGNORED_MESSAGES_RECORDED_MAX, RETRANSMISSIONS_RECORDED_MAX, IllegalTransition, Step
from pix.scheme.ids import END_TO_END_ID_AGE_MAX
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    Outcome,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRequested,
)
from pix.scheme.messages.transfers import FromBank
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import HUB_REASONS, PAYEE_BANK_REASONS, REASONS_WITHOUT_ROW, ReasonCode
from pix.scheme.times import TIME_MS_MAX
from tests.support.hub_builders import (
    AMOUNT,
    ANA,
    ANAS_KEY,
    AURORA,
    BANKS,
    BIA,
    CAIO,
    CAIOS_KEY,
    IPE,
    MARE,
    NOBODYS_KEY,
    NOW_MS,
    POLICY,
    STRANGER,
    accepted,
    completed,
    confirmed,
    e2e,
    facts,
    failed,
    failed_at_once,
    network,
    processed,
    rejected,
    requested,
    transfer,
    typed,
)

LATER_MS: Final = NOW_MS + 500
HOURS_12_MS: Final = round(END_TO_END_ID_AGE_MAX.total_seconds() * 1000)


def decided(
    before: Transfer | None,
    message: FromBank,
    sender: str,
    surroundings: Network | None = None,
    now_ms: int = LATER_MS,
) -> Decision[Transfer]:
    return decide(before, message, facts(sender, surroundings, now_ms, traceparent="trace"))


# Every state × every message. An effect's name says what becomes of the transfer; `_effect` checks all that it implies.

STATES: Final[Mapping[str, Transfer]] = {
    "pending": transfer(),
    "confirmed": confirmed(),
    "confirmed, payer done": confirmed(payer_processed_at_ms=NOW_MS + 20),
    "confirmed, payee done": confirmed(payee_processed_at_ms=NOW_MS + 20),
    "completed": completed(),
    "failed": failed(),
    "failed, payer done": failed(payer_processed_at_ms=NOW_MS + 20),
    "failed, payee done": failed(payee_processed_at_ms=NOW_MS + 20),
    "failed, closed": failed(
        payer_processed_at_ms=NOW_MS + 20,
        payee_processed_at_ms=NOW_MS + 21,
        closed_at_ms=NOW_MS + 21,
        resend_at_ms=None,
    ),
    "failed at once": failed_at_once(),
    "timed out": failed(ReasonCode.AB03),
}

MESSAGES: Final[Mapping[str, tuple[FromBank, str]]] = {
    "request": (requested(), AURORA),
    "request, other content": (requested(amount_centavos=AMOUNT + 1), AURORA),
    "request, of another bank": (requested(), MARE),
    "acceptance": (accepted(), IPE),
    "acceptance, wrong amount": (accepted(AMOUNT - 1), IPE),
    "acceptance, by the payer's bank": (accepted(), AURORA),
    "acceptance, by a third bank": (accepted(), MARE),
    "rejection": (rejected(), IPE),
    "rejection, other reason": (rejected(ReasonCode.AC07), IPE),
    "rejection, a hub's reason": (rejected(ReasonCode.AB03), IPE),
    "rejection, wrong amount": (rejected(amount_centavos=1), IPE),
    "rejection, by a third bank": (rejected(), MARE),
    "payer confirmed": (processed(Side.PAYER), AURORA),
    "payee confirmed": (processed(Side.PAYEE), IPE),
    "payer confirmed, wrong amount": (processed(Side.PAYER, amount_centavos=1), AURORA),
    "payer confirmed, by the payee's bank": (processed(Side.PAYER), IPE),
    "payee confirmed, by a third bank": (processed(Side.PAYEE), MARE),
    "payer failed": (processed(Side.PAYER, Outcome.FAILED, ReasonCode.AC06), AURORA),
    "payee failed": (processed(Side.PAYEE, Outcome.FAILED, ReasonCode.AC06), IPE),
    "payer failed, other reason": (processed(Side.PAYER, Outcome.FAILED, ReasonCode.AM04), AURORA),
    "payer failed, timed out": (processed(Side.PAYER, Outcome.FAILED, ReasonCode.AB03), AURORA),
    "payer failed, without row": (processed(Side.PAYER, Outcome.FAILED, ReasonCode.DUPL), AURORA),
}

ALWAYS: Final = {
    # Whatever the state: the wrong author, the wrong amount, the wrong reason. Nothing moves.
    "request, other content": "refused",
    "request, of another bank": "answered",
    "acceptance, wrong amount": "refused",
    "acceptance, by the payer's bank": "dead letter",
    "acceptance, by a third bank": "dead letter",
    "rejection, a hub's reason": "refused",
    "rejection, wrong amount": "refused",
    "rejection, by a third bank": "dead letter",
    "payer confirmed, wrong amount": "refused",
    "payer confirmed, by the payee's bank": "dead letter",
    "payee confirmed, by a third bank": "dead letter",
    "payer failed, without row": "ignored",
}

CONFIRMED: Final = {
    "request": "duplicate",
    "acceptance": "duplicate",
    "rejection": "refused",
    "rejection, other reason": "refused",
    "payer failed": "refused",
    "payee failed": "refused",
    "payer failed, other reason": "refused",
    "payer failed, timed out": "refused",
}
FAILED: Final = {
    "request": "duplicate",
    "acceptance": "refused",
    "rejection": "duplicate",
    "rejection, other reason": "refused",
    "payer confirmed": "refused",
    "payee confirmed": "refused",
    "payer failed, other reason": "refused",
    "payer failed, timed out": "refused",
}
TABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "pending": {
        "request": "duplicate",
        "acceptance": "confirmed",
        "rejection": "failed",
        "rejection, other reason": "failed",
        "payer confirmed": "refused",
        "payee confirmed": "refused",
        "payer failed": "refused",
        "payee failed": "refused",
        "payer failed, other reason": "refused",
        "payer failed, timed out": "refused",
    },
    "confirmed": {**CONFIRMED, "payer confirmed": "processed", "payee confirmed": "processed"},
    "confirmed, payer done": {**CONFIRMED, "payer confirmed": "duplicate", "payee confirmed": "completed"},
    "confirmed, payee done": {**CONFIRMED, "payer confirmed": "completed", "payee confirmed": "duplicate"},
    "completed": {**CONFIRMED, "payer confirmed": "duplicate", "payee confirmed": "duplicate"},
    "failed": {**FAILED, "payer failed": "processed", "payee failed": "processed"},
    "failed, payer done": {**FAILED, "payer failed": "duplicate", "payee failed": "closed"},
    "failed, payee done": {**FAILED, "payer failed": "closed", "payee failed": "duplicate"},
    "failed, closed": {**FAILED, "payer failed": "duplicate", "payee failed": "duplicate"},
    "failed at once": {
        **FAILED,
        "rejection": "refused",
        "payer failed": "refused",
        "payee failed": "refused",
        "payer failed, other reason": "closed",
    },
    "timed out": {
        **FAILED,
        "rejection": "refused",
        "payer failed": "refused",
        "payee failed": "refused",
        "payer failed, timed out": "processed",
    },
}


@pytest.mark.parametrize("message_name", MESSAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_state_against_every_message(state: str, message_name: str) -> None:
    before = STATES[state]
    message, sender = MESSAGES[message_name]
    expected = ALWAYS.get(message_name) or TABLE[state][message_name]
    assert _effect(before, decided(before, message, sender), sender) == expected


def test_the_table_above_has_no_line_too_many() -> None:
    for lines in TABLE.values():
        assert set(lines) | set(ALWAYS) == set(MESSAGES)


def _effect(before: Transfer, decision: Decision[Transfer], sender: str) -> str:
    """Names what became of the transfer, after checking that nothing else did."""
    after = decision.row
    assert after is not None
    if decision.dead_letter:
        assert decision == Decision(before, dead_letter=decision.dead_letter)
        return "dead letter"
    if after == before:
        if decision.messages:
            assert [receiver for receiver, _ in decision.messages] == [sender]
            return "answered"
        assert decision == Decision(before)
        return "ignored"
    if after.refusals > before.refusals:
        assert after == replace(before, refusals=before.refusals + 1)
        assert [step.status for step in decision.steps] == [before.status]
        assert decision.steps[0].ignored and decision.steps[0].author == sender
        assert decision.movements == ()
        return "refused"
    if after.duplicates > before.duplicates:
        assert after == replace(before, duplicates=before.duplicates + 1)
        assert (decision.steps, decision.movements) == ((), ())
        return "duplicate"
    (step,) = decision.steps
    assert (step.at_ms, step.author, step.status, step.ignored) == (LATER_MS, sender, after.status, "")
    if after.status is not before.status:
        if after.status is TransferStatus.COMPLETED:
            assert (decision.movements, decision.messages, after.resend_at_ms) == ((), (), None)
            return "completed"
        assert after.decided_at_ms == LATER_MS
        assert decision.messages == owed(after)
        kind = MovementKind.SETTLE if after.status is TransferStatus.CONFIRMED else MovementKind.RELEASE
        assert decision.movements == (Movement(kind, AURORA, IPE, AMOUNT),)
        return after.status.value
    assert (decision.movements, decision.messages) == ((), ())
    if after.closed_at_ms == LATER_MS:
        assert after.resend_at_ms is None
        return "closed"
    assert len(owed(after)) == len(owed(before)) - 1
    return "processed"


@pytest.mark.parametrize("message_name", [name for name in MESSAGES if not name.startswith("request")])
def test_a_transfer_that_the_hub_does_not_know_is_a_dead_letter(message_name: str) -> None:
    message, sender = MESSAGES[message_name]
    decision = decided(None, message, sender)
    if message_name == "payer failed, without row":
        assert decision == Decision(None)
    else:
        assert decision == Decision(None, dead_letter=decision.dead_letter)
        assert type(message).__name__ in decision.dead_letter


@pytest.mark.parametrize("state", STATES)
def test_the_timeout_comes_to_what_is_pending_alone(state: str) -> None:
    before = STATES[state]
    if before.status is TransferStatus.PENDING:
        decision = decide_timeout(before, LATER_MS, LATER_MS, POLICY)
        assert decision.row is not None
        assert (decision.row.status, decision.row.reason) == (TransferStatus.FAILED, ReasonCode.AB03)
        assert decision.movements == (Movement(MovementKind.RELEASE, AURORA, IPE, AMOUNT),)
        assert [receiver for receiver, _ in decision.messages] == [AURORA, IPE]
        assert decision.steps[0].author == HUB
    else:
        with pytest.raises(IllegalTransition):
            decide_timeout(before, LATER_MS, LATER_MS, POLICY)


# What a bank that is mistaken is told.


def test_late_answers_are_told_what_was_decided() -> None:
    late_yes = decided(failed(ReasonCode.AB03), accepted(), IPE)
    ((receiver, told),) = late_yes.messages
    assert receiver == IPE
    assert isinstance(told, TransferFailed)
    assert (told.side, told.reason) == (Side.PAYEE, ReasonCode.AB03)
    assert late_yes.steps[0].ignored == "too late: the transfer is failed"

    late_no = decided(confirmed(), rejected(), IPE)
    ((receiver, told_confirmed),) = late_no.messages
    assert receiver == IPE
    assert isinstance(told_confirmed, TransferConfirmed)
    assert late_no.steps[0].ignored == "too late: the transfer is confirmed"


def test_yes_then_no_and_no_then_yes_keep_to_the_first() -> None:
    after_yes = decided(transfer(), accepted(), IPE).row
    assert after_yes is not None
    then_no = decided(after_yes, rejected(), IPE)
    assert then_no.row is not None and then_no.row.status is TransferStatus.CONFIRMED
    after_no = decided(transfer(), rejected(), IPE).row
    assert after_no is not None
    then_yes = decided(after_no, accepted(), IPE)
    assert then_yes.row is not None and then_yes.row.status is TransferStatus.FAILED
    assert then_no.movements == then_yes.movements == ()


@pytest.mark.parametrize("state", STATES)
def test_a_repeated_request_is_told_the_outcome_if_there_is_one(state: str) -> None:
    before = STATES[state]
    messages = decided(before, requested(), AURORA).messages
    if before.status is TransferStatus.PENDING:
        assert messages == ()
    else:
        ((receiver, told),) = messages
        assert receiver == AURORA
        assert isinstance(told, TransferConfirmed | TransferFailed)
        assert told.side is Side.PAYER


def test_the_same_id_with_another_content_is_refused_with_its_own_content() -> None:
    other = requested(amount_centavos=AMOUNT + 1)
    decision = decided(confirmed(), other, AURORA)
    ((receiver, told),) = decision.messages
    assert receiver == AURORA
    assert isinstance(told, TransferFailed)
    assert (told.reason, told.amount_centavos, told.side) == (ReasonCode.DUPL, AMOUNT + 1, Side.PAYER)
    assert decision.steps[0].ignored == "the same id with another content (DUPL)"


def test_the_id_of_another_banks_transfer_tells_the_asker_alone() -> None:
    decision = decided(transfer(), requested(payer=replace(ANA, ispb=MARE)), MARE)
    ((receiver, told),) = decision.messages
    assert receiver == MARE
    assert isinstance(told, TransferFailed)
    assert told.reason is ReasonCode.FF08
    assert (decision.steps, decision.row) == ((), transfer())


def test_refused_messages_are_recorded_up_to_a_limit_and_then_counted() -> None:
    subject = confirmed()
    recorded = 0
    for _ in range(IGNORED_MESSAGES_RECORDED_MAX + 5):
        decision = decided(subject, rejected(), IPE)
        assert decision.row is not None
        subject = decision.row
        recorded += len(decision.steps)
        assert len(decision.messages) == 1
    assert (recorded, subject.refusals) == (IGNORED_MESSAGES_RECORDED_MAX, IGNORED_MESSAGES_RECORDED_MAX + 5)


@pytest.mark.parametrize("reason", sorted(PAYEE_BANK_REASONS))
def test_the_payees_bank_may_reject_with_its_own_reasons(reason: ReasonCode) -> None:
    decision = decided(transfer(), rejected(reason), IPE)
    assert decision.row is not None
    assert (decision.row.status, decision.row.reason) == (TransferStatus.FAILED, reason)
    assert decision.steps[0].reason is reason


@pytest.mark.parametrize("reason", sorted(HUB_REASONS - PAYEE_BANK_REASONS))
def test_the_payees_bank_may_not_reject_with_the_hubs_reasons(reason: ReasonCode) -> None:
    decision = decided(transfer(), rejected(reason), IPE)
    assert decision.row == transfer(refusals=1)
    assert decision.steps[0].ignored == f"{reason} is for the hub alone to give"


# A bank that is both sides.


def test_one_bank_may_be_both_sides() -> None:
    within = requested(payee_key=CAIOS_KEY, payee_tax_id_masked=CAIO.tax_id_masked)
    made = decided(None, within, AURORA)
    assert made.row is not None
    assert made.movements == (Movement(MovementKind.RESERVE, AURORA, AURORA, AMOUNT),)
    agreed = decided(made.row, accepted(), AURORA)
    assert agreed.row is not None
    assert agreed.movements == (Movement(MovementKind.SETTLE, AURORA, AURORA, AMOUNT),)
    assert [(receiver, _side(message)) for receiver, message in agreed.messages] == [
        (AURORA, Side.PAYER),
        (AURORA, Side.PAYEE),
    ]
    payee_done = decided(agreed.row, processed(Side.PAYEE), AURORA).row
    assert payee_done is not None
    assert (payee_done.status, payee_done.payer_processed_at_ms) == (TransferStatus.CONFIRMED, None)
    done = decided(payee_done, processed(Side.PAYER), AURORA).row
    assert done is not None and done.status is TransferStatus.COMPLETED


def _side(message: object) -> Side:
    assert isinstance(message, TransferConfirmed | TransferFailed)
    return message.side


# New requests: the rules of the hub.


def test_a_request_that_keeps_every_rule_is_offered_and_reserved() -> None:
    decision = decided(None, requested(), AURORA)
    made = decision.row
    assert made is not None
    assert (made.status, made.reason, made.payee) == (TransferStatus.PENDING, None, BIA)
    assert (made.received_at_ms, made.offered_at_ms, made.decided_at_ms) == (LATER_MS, LATER_MS, None)
    assert made.traceparent == "trace"
    assert made.resend_at_ms == LATER_MS + POLICY.delay_ms(made.end_to_end_id, 0)
    assert decision.movements == (Movement(MovementKind.RESERVE, AURORA, IPE, AMOUNT),)
    ((receiver, offer),) = decision.messages
    assert receiver == IPE
    assert isinstance(offer, TransferOffered)
    assert [(step.author, step.trigger, step.status) for step in decision.steps] == [
        (AURORA, Trigger.REQUEST, TransferStatus.PENDING)
    ]


def _without(ispb: str) -> Network:
    return network(banks={known: bank for known, bank in BANKS.items() if known != ispb})


def _suspended(ispb: str) -> Network:
    return network(banks={**BANKS, ispb: replace(BANKS[ispb], active=False)})


def _with_funds(balance: int, reserved: int = 0) -> Network:
    return network(accounts={AURORA: SettlementAccount(AURORA, balance, reserved)})


REFUSALS: Final[Mapping[str, tuple[ReasonCode, Callable[[], TransferRequested], Network]]] = {
    "payer's bank unknown": (ReasonCode.DS27, requested, _without(AURORA)),
    "payer's bank suspended": (ReasonCode.DS27, requested, _suspended(AURORA)),
    "amount zero": (ReasonCode.AM09, lambda: requested(amount_centavos=0), network()),
    "amount negative": (ReasonCode.AM09, lambda: requested(amount_centavos=-1), network()),
    "amount over the limit": (ReasonCode.AM02, lambda: requested(amount_centavos=AMOUNT_CENTAVOS_MAX + 1), network()),
    "key of nobody": (ReasonCode.AC03, lambda: requested(payee_key=NOBODYS_KEY), network()),
    "payee's bank unknown": (ReasonCode.DS27, requested, _without(IPE)),
    "payee's bank suspended": (ReasonCode.DS27, requested, _suspended(IPE)),
    "typed bank unknown": (ReasonCode.RC10, lambda: typed(replace(BIA, ispb=STRANGER)), network()),
    "typed bank suspended": (ReasonCode.DS27, typed, _suspended(IPE)),
    "typed bank of an older version": (
        ReasonCode.AG12,
        typed,
        network(banks={**BANKS, IPE: replace(BANKS[IPE], features=frozenset())}),
    ),
    "payer types his account": (ReasonCode.AG12, lambda: typed(ANA), network()),
    "payer is payee": (
        ReasonCode.AG12,
        lambda: requested(payee_key=ANAS_KEY, payee_tax_id_masked=ANA.tax_id_masked),
        network(),
    ),
    "key belongs to another by now": (
        ReasonCode.BE01,
        lambda: requested(payee_tax_id_masked="***.000.000-**"),
        network(),
    ),
    "no settlement account": (ReasonCode.AM04, requested, network(accounts={})),
    "settlement funds too low": (ReasonCode.AM04, requested, _with_funds(AMOUNT - 1)),
    "settlement funds reserved": (ReasonCode.AM04, requested, _with_funds(AMOUNT, reserved=1)),
    "id too old": (
        ReasonCode.FF08,
        lambda: requested(end_to_end_id=e2e(at_ms=NOW_MS - HOURS_12_MS - 60_000)),
        network(),
    ),
    "id of the future": (
        ReasonCode.FF08,
        lambda: requested(end_to_end_id=e2e(at_ms=NOW_MS + HOURS_12_MS + 60_000)),
        network(),
    ),
}


@pytest.mark.parametrize("ispb", [AURORA, IPE], ids=["payer's bank", "payee's bank"])
def test_while_a_bank_is_suspended_nothing_of_it_is_confirmed(ispb: str) -> None:
    decision = decided(transfer(), accepted(), IPE, _suspended(ispb))
    ended = decision.row
    assert ended is not None
    assert (ended.status, ended.reason) == (TransferStatus.FAILED, ReasonCode.DS27)
    assert decision.movements == (Movement(MovementKind.RELEASE, AURORA, IPE, AMOUNT),)
    assert [(receiver, type(message)) for receiver, message in decision.messages] == [
        (AURORA, TransferFailed),
        (IPE, TransferFailed),
    ]
    (step,) = decision.steps
    assert (step.author, step.trigger, step.reason) == (IPE, Trigger.SUSPENSION, ReasonCode.DS27)


@pytest.mark.parametrize("ispb", [AURORA, IPE], ids=["payer's bank", "payee's bank"])
def test_what_was_confirmed_before_a_suspension_is_completed_during_it(ispb: str) -> None:
    subject: Transfer | None = confirmed()
    for side, sender in ((Side.PAYER, AURORA), (Side.PAYEE, IPE)):
        subject = decided(subject, processed(side), sender, _suspended(ispb)).row
    assert subject is not None and subject.status is TransferStatus.COMPLETED


def test_a_suspended_bank_may_still_refuse() -> None:
    ended = decided(transfer(), rejected(), IPE, _suspended(IPE)).row
    assert ended is not None and ended.reason is ReasonCode.AC06


@pytest.mark.parametrize("name", REFUSALS)
def test_a_request_that_breaks_a_rule_fails_at_once_and_durably(name: str) -> None:
    reason, make, surroundings = REFUSALS[name]
    message = make()
    decision = decided(None, message, AURORA, surroundings, NOW_MS)
    made = decision.row
    assert made is not None
    assert (made.status, made.reason, made.decided_at_ms) == (TransferStatus.FAILED, reason, NOW_MS)
    assert (made.offered_at_ms, decision.movements) == (None, ())
    ((receiver, told),) = decision.messages
    assert receiver == AURORA
    assert isinstance(told, TransferFailed)
    assert (told.reason, told.side, told.amount_centavos) == (reason, Side.PAYER, message.amount_centavos)
    assert decision.steps[0].reason is reason
    # The same again, whatever has changed since: the refusal is a row.
    again = decided(made, message, AURORA, network(), NOW_MS + HOURS_12_MS)
    assert again.row == replace(made, duplicates=1)
    assert again.messages == decision.messages
    # And the payer's bank, having refunded, closes it.
    taken_note = replace(processed(Side.PAYER, Outcome.FAILED, reason, message.amount_centavos))
    taken_note = replace(taken_note, end_to_end_id=message.end_to_end_id)
    closed = decided(made, taken_note, AURORA).row
    assert closed is not None
    assert (closed.closed_at_ms, closed.resend_at_ms) == (LATER_MS, None)


UNUSABLE: Final[Mapping[str, tuple[ReasonCode, TransferRequested]]] = {
    "payer at another bank": (ReasonCode.RC09, requested(payer=BIA)),
    "id of another bank": (ReasonCode.FF08, requested(end_to_end_id=e2e(ispb=IPE))),
    "id malformed": (ReasonCode.FF08, requested(end_to_end_id="E1")),
    "id empty": (ReasonCode.FF08, requested(end_to_end_id="")),
    "id of a return": (ReasonCode.FF08, requested(end_to_end_id=f"D{e2e()[1:]}")),
    "id of no date": (ReasonCode.FF08, requested(end_to_end_id=f"E{AURORA}202613012500AAAAAAAAAAA")),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_id_that_is_not_the_senders_makes_no_row(name: str) -> None:
    reason, message = UNUSABLE[name]
    decision = decided(None, message, AURORA)
    assert (decision.row, decision.steps, decision.movements, decision.dead_letter) == (None, (), (), "")
    ((receiver, told),) = decision.messages
    assert receiver == AURORA
    assert isinstance(told, TransferFailed)
    assert told.reason is reason and reason in REASONS_WITHOUT_ROW
    # Nothing is open: the bank's note that it has refunded is no news.
    note = replace(processed(Side.PAYER, Outcome.FAILED, reason), end_to_end_id=message.end_to_end_id)
    assert decided(None, note, AURORA) == Decision(None)


def _payer(**changes: str) -> Mapping[str, Party]:
    return {"payer": replace(ANA, **changes)}


UNFIT: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "a time beyond the calendar": ("requested_at_ms", {"requested_at_ms": 2**62}),
    "the first integer beyond the calendar": ("requested_at_ms", {"requested_at_ms": TIME_MS_MAX + 1}),
    "a negative time": ("requested_at_ms", {"requested_at_ms": -1}),
    "the least integer as time": ("requested_at_ms", {"requested_at_ms": -(2**63)}),
    "no time": ("requested_at_ms", {"requested_at_ms": 0}),
    "a long description": ("description", {"description": "x" * 141}),
    "a description that fills the record": ("description", {"description": "A" * 16_250}),
    "a line break": ("description", {"description": "a\nb"}),
    "a carriage return first": ("description", {"description": "\r=1+1"}),
    "text that runs backwards": ("description", {"description": "\u202eabc"}),
    "a description that is not composed": ("description", {"description": "a\u0301"}),
    "spaces around a description": ("description", {"description": " a"}),
    "spaces within a description": ("description", {"description": "a  b"}),
    "a null character": ("description", {"description": "a\x00b"}),
    "a long name": ("payer.name", _payer(name="x" * 81)),
    "no name": ("payer.name", _payer(name="")),
    "a name that nobody can see": ("payer.name", _payer(name="\u3164")),
    "a name with a null character": ("payer.name", _payer(name="a\x00b")),
    "no branch": ("payer.branch", _payer(branch="")),
    "a long branch": ("payer.branch", _payer(branch="00001")),
    "no account number": ("payer.account_number", _payer(account_number="")),
    "a long account number": ("payer.account_number", _payer(account_number="1" * 21)),
    "an account number with a quote": ("payer.account_number", _payer(account_number="1'2")),
    "a tax id in full": ("payer.tax_id_masked", _payer(tax_id_masked="529.982.247-25")),
    "no tax id": ("payer.tax_id_masked", _payer(tax_id_masked="")),
    "another tax id shown in full": ("payee_tax_id_masked", {"payee_tax_id_masked": "52998224725"}),
    "no key": ("payee_key", {"payee_key": PixKey(KeyKind.EMAIL, "")}),
    "a key as people type it": ("payee_key", {"payee_key": PixKey(KeyKind.CPF, "529.982.247-25")}),
    "a key in capitals": ("payee_key", {"payee_key": PixKey(KeyKind.EMAIL, "Bia@example.com")}),
    "a key that is too long": ("payee_key", {"payee_key": PixKey(KeyKind.EMAIL, f"{'a' * 70}@example.com")}),
    "a key of another kind": ("payee_key", {"payee_key": PixKey(KeyKind.PHONE, "bia@example.com")}),
    "a key with a null character": ("payee_key", {"payee_key": PixKey(KeyKind.EMAIL, "a\x00@example.com")}),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_request_that_no_customer_could_type_is_refused_and_its_field_named(name: str) -> None:
    field, changes = UNFIT[name]
    message = requested(**changes)
    decision = decided(None, message, AURORA)
    assert (decision.row, decision.steps, decision.movements) == (None, (), ())
    assert decision.dead_letter.startswith(f"TransferRequested: {field}: ")
    ((receiver, told),) = decision.messages
    assert receiver == AURORA
    # The payer's bank finds its own content in the refusal, and gives the money back.
    assert isinstance(told, TransferFailed) and told.reason is ReasonCode.CH16
    assert (told.payer, told.payee_key, told.description) == (message.payer, message.payee_key, message.description)
    assert ReasonCode.CH16 in REASONS_WITHOUT_ROW
    note = processed(Side.PAYER, Outcome.FAILED, ReasonCode.CH16)
    assert decided(None, note, AURORA) == Decision(None)


@pytest.mark.parametrize(
    "changes",
    [
        {"requested_at_ms": 1},
        {"requested_at_ms": TIME_MS_MAX},
        {"description": "x" * 140},
        {"description": "🍝" * 140},
        {"description": ""},
        _payer(name="João da Silva"),
        _payer(name="ن" * 80),
        _payer(branch="1", account_number="1" * 20),
        _payer(tax_id_masked="**.ABC.345/01DE-**"),
    ],
)
def test_the_limits_of_a_field_are_within_it(changes: Mapping[str, Any]) -> None:
    made = decided(None, requested(**changes), AURORA).row
    assert made is not None and made.status is TransferStatus.PENDING


def test_another_bank_that_was_refused_an_id_touches_nothing_of_its_owner() -> None:
    owners = failed_at_once(ReasonCode.FF08)
    note = processed(Side.PAYER, Outcome.FAILED, ReasonCode.FF08)
    assert decided(owners, note, MARE) == Decision(owners)
    closed = decided(owners, note, AURORA).row
    assert closed is not None and closed.closed_at_ms == LATER_MS


def test_twelve_hours_to_either_side_are_near_enough() -> None:
    minute_ms = NOW_MS - NOW_MS % 60_000
    message = requested(end_to_end_id=e2e(at_ms=minute_ms))
    for now_ms in (minute_ms - HOURS_12_MS, minute_ms + HOURS_12_MS):
        made = decided(None, message, AURORA, now_ms=now_ms).row
        assert made is not None and made.status is TransferStatus.PENDING
    for now_ms in (minute_ms - HOURS_12_MS - 1, minute_ms + HOURS_12_MS + 1):
        made = decided(None, message, AURORA, now_ms=now_ms).row
        assert made is not None and made.reason is ReasonCode.FF08


def test_a_request_from_an_unknown_bank_is_refused_though_signed() -> None:
    decision = decided(None, requested(payer=replace(ANA, ispb=STRANGER), end_to_end_id=e2e(ispb=STRANGER)), STRANGER)
    assert decision.row is not None
    assert decision.row.reason is ReasonCode.DS27


@pytest.mark.parametrize("amount", [1, AMOUNT_CENTAVOS_MAX])
def test_the_limits_of_an_amount_are_amounts(amount: int) -> None:
    rich = network(accounts={AURORA: SettlementAccount(AURORA, AMOUNT_CENTAVOS_MAX, 0)})
    made = decided(None, requested(amount_centavos=amount), AURORA, rich).row
    assert made is not None and made.status is TransferStatus.PENDING


def test_all_the_free_money_may_be_spent() -> None:
    made = decided(None, requested(), AURORA, _with_funds(AMOUNT + 1, reserved=1)).row
    assert made is not None and made.status is TransferStatus.PENDING


def test_a_payer_who_was_shown_nobody_is_not_held_to_a_name() -> None:
    made = decided(None, requested(payee_tax_id_masked=""), AURORA).row
    assert made is not None and made.status is TransferStatus.PENDING


def test_the_table_of_reason_codes_names_exactly_the_codes_that_the_hub_gives() -> None:
    tried = {reason for reason, _, _ in REFUSALS.values()} | {reason for reason, _ in UNUSABLE.values()}
    assert {rule.reason for rule in REQUEST_RULES} == tried | {ReasonCode.CH16}
    assert {rule.reason for rule in REQUEST_RULES} | set(LATER_RULES.values()) == HUB_REASONS
    without_row = {rule.reason for rule in REQUEST_RULES if not rule.makes_row} | {ReasonCode.DUPL}
    assert without_row == REASONS_WITHOUT_ROW


# Resending.


def test_a_resend_says_the_same_again_and_waits_longer() -> None:
    subject = transfer()
    for attempt in range(1, 6):
        now_ms = subject.resend_at_ms or 0
        decision = decide_retransmission(subject, now_ms, now_ms, POLICY)
        assert decision.messages == owed(subject)
        assert decision.movements == ()
        assert decision.steps == (Step(now_ms, HUB, Trigger.RETRANSMISSION, None, TransferStatus.PENDING),)
        assert decision.row is not None
        subject = decision.row
        assert (subject.resend_count, subject.resends) == (attempt, attempt)
        assert subject.resend_at_ms == now_ms + POLICY.delay_ms(subject.end_to_end_id, attempt)


def test_each_message_that_is_sent_again_is_a_line_of_the_history() -> None:
    steps = decide_retransmission(confirmed(), NOW_MS + 9, NOW_MS + 9, POLICY).steps
    assert [(step.author, step.trigger, step.side) for step in steps] == [
        (HUB, Trigger.RETRANSMISSION, Side.PAYER),
        (HUB, Trigger.RETRANSMISSION, Side.PAYEE),
    ]


def test_a_bank_that_is_away_for_long_makes_no_long_history() -> None:
    subject, lines = transfer(), 0
    for _ in range(RETRANSMISSIONS_RECORDED_MAX + 5):
        decision = decide_retransmission(subject, NOW_MS, NOW_MS, POLICY)
        assert decision.row is not None and decision.messages
        subject, lines = decision.row, lines + len(decision.steps)
    assert (subject.resends, lines) == (RETRANSMISSIONS_RECORDED_MAX + 5, RETRANSMISSIONS_RECORDED_MAX)


def test_a_decision_is_due_when_its_row_already_is_if_that_leaves_the_banks_half_of_the_usual_time() -> None:
    for left_ms, is_kept in (
        (POLICY.first_ms, True),
        (POLICY.first_ms // 2, True),
        (POLICY.first_ms // 2 - 1, False),
        (POLICY.first_ms + 1, False),
    ):
        due_at_ms = LATER_MS + left_ms
        after = decided(transfer(resend_at_ms=due_at_ms), accepted(), IPE).row
        assert after is not None
        afresh = LATER_MS + POLICY.delay_ms(after.end_to_end_id, 0)
        assert after.resend_at_ms == (due_at_ms if is_kept else afresh), left_ms


def test_a_pending_transfer_is_due_at_its_timeout_at_the_latest() -> None:
    timeout_ms = POLICY.first_ms // 5
    subject = decide(None, requested(), facts(AURORA, None, LATER_MS, timeout_ms=timeout_ms)).row
    assert subject is not None and subject.resend_at_ms == LATER_MS + timeout_ms + 1
    again = decide_retransmission(subject, LATER_MS + 7, LATER_MS + 7, POLICY, timeout_ms).row
    assert again is not None and again.resend_at_ms == LATER_MS + timeout_ms + 1
    late_ms = LATER_MS + timeout_ms + 9
    again = decide_retransmission(subject, late_ms, late_ms, POLICY, timeout_ms).row
    assert again is not None and again.resend_at_ms == late_ms, "it stays due until somebody fails it"
    refused = decide(None, requested(), facts(AURORA, _with_funds(0), LATER_MS, timeout_ms=timeout_ms)).row
    assert refused is not None and refused.resend_at_ms == LATER_MS + POLICY.delay_ms(refused.end_to_end_id, 0)


def test_what_owes_nothing_is_not_resent() -> None:
    decision = decide_retransmission(completed(resend_at_ms=NOW_MS), NOW_MS, NOW_MS, POLICY)
    assert decision == Decision(completed())
