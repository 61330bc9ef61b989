"""The hub's decisions on returns: every rule, every answer, and every late, repeated or forged message."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hub.domain.flows.flow import Decision
from hub.domain.flows.returns.decisions import State, decide, decide_retransmission, decide_timeout, keys
from hub.domain.flows.returns.model import Return, Returned, ReturnStatus, owed, returned_id
from hub.domain.flows.returns.rules import LATER_RULES, REQUEST_RULES, Rule, rule_of
from hub.domain.flows.returns.timeline import timeline
from hub.domain.flows.transfer.model import Transfer
from hub.domain.settlement import Movement, MovementKind, SettlementAccount
from pix.scheme.flows import IllegalTransition, MessageEvent, StatusChange
from pix.scheme.messages import Outcome, Side
from pix.scheme.messages.returns import (
    FromBank,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import HUB_REASONS, PAYER_BANK_REASONS, REASONS_WITHOUT_ROW
from pix.scheme.return_checks import check_return_offer, check_return_outcome
from tests.support.hub_builders import (
    AMOUNT,
    ANA,
    AURORA,
    BANKS,
    BIA,
    IPE,
    MARE,
    NOW_MS,
    POLICY,
    completed,
    confirmed,
    e2e,
    facts,
    failed,
    network,
    transfer,
)
from tests.support.return_builders import (
    PART,
    completed_return,
    confirmed_return,
    failed_return,
    pending_return,
    return_accepted,
    return_id,
    return_processed,
    return_rejected,
    return_requested,
    state_of,
)


def at(day: str) -> int:
    """Milliseconds of a time of São Paulo (UTC-3)."""
    return int(datetime.fromisoformat(f"{day}-03:00").timestamp() * 1000)


def decided(state: State, message: FromBank, sender: str, **changes: object) -> Decision[Return]:
    return decide(state, message, replace(facts(sender), **changes))  # type: ignore[arg-type]


def row_of(decision: Decision[Return]) -> Return:
    assert decision.row is not None and not decision.dead_letter
    return decision.row


# A request.


@pytest.mark.parametrize("original", [confirmed(), completed()], ids=["confirmed", "completed"])
def test_a_return_is_offered_and_the_payees_banks_money_is_reserved(original: Transfer) -> None:
    decision = decided(state_of(original=original), return_requested(), IPE)
    resend_at_ms = decision.row and decision.row.resend_at_ms
    assert decision.row == pending_return(resend_at_ms=resend_at_ms, received_real_at_ms=NOW_MS)
    offer = ReturnOffered(return_id(), e2e(), PART, ReasonCode.MD06, "troco", ANA, BIA, NOW_MS)
    assert decision.messages == ((AURORA, offer),)
    assert decision.movements == (Movement(MovementKind.RESERVE, IPE, AURORA, PART),)
    assert decision.readings == (Returned(e2e(), PART),)
    check_return_offer(offer)


@pytest.mark.parametrize("returned", [0, AMOUNT - PART])
def test_a_part_or_the_rest_goes_back(returned: int) -> None:
    decision = decided(state_of(returned_centavos=returned), return_requested(), IPE)
    assert row_of(decision).status is ReturnStatus.PENDING
    assert decision.readings == (Returned(e2e(), returned + PART),)


def test_the_whole_goes_back() -> None:
    assert row_of(decided(state_of(), return_requested(amount_centavos=AMOUNT), IPE)).status is ReturnStatus.PENDING


SUSPENDED_AURORA = network(banks={**BANKS, AURORA: replace(BANKS[AURORA], active=False)})
SUSPENDED_IPE = network(banks={**BANKS, IPE: replace(BANKS[IPE], active=False)})
OLD_AURORA = network(banks={**BANKS, AURORA: replace(BANKS[AURORA], features=frozenset())})
POOR_IPE = network(accounts={AURORA: SettlementAccount(AURORA, 9_999, 0), IPE: SettlementAccount(IPE, 999, 655)})
MARES = replace(BIA, ispb=MARE)


@pytest.mark.parametrize(
    ("reason", "state", "message", "sender", "surroundings"),
    [
        ("FF08", State(None, None, Returned(e2e(), 0)), return_requested(), IPE, None),
        ("FF08", state_of(original=transfer()), return_requested(), IPE, None),
        ("FF08", state_of(original=failed()), return_requested(), IPE, None),
        ("FF08", state_of(original=completed(payee=MARES)), return_requested(), IPE, None),
        ("FF08", state_of(), return_requested(return_id=return_id(1, AURORA)), AURORA, None),
        ("AG12", state_of(), return_requested(reason=ReasonCode.AC03), IPE, None),
        ("AG12", state_of(), return_requested(), IPE, OLD_AURORA),
        ("AG13", state_of(), return_requested(original_end_to_end_id=return_id(7, AURORA)), IPE, None),
        ("DS27", state_of(), return_requested(), IPE, SUSPENDED_AURORA),
        ("DS27", state_of(), return_requested(), IPE, SUSPENDED_IPE),
        ("AM09", state_of(), return_requested(amount_centavos=0), IPE, None),
        ("AM09", state_of(), return_requested(amount_centavos=-1), IPE, None),
        ("AM09", state_of(), return_requested(amount_centavos=AMOUNT + 1), IPE, None),
        ("AM09", state_of(returned_centavos=AMOUNT - PART + 1), return_requested(), IPE, None),
        ("AM04", state_of(), return_requested(), IPE, POOR_IPE),
    ],
)
def test_a_request_that_breaks_a_rule_makes_a_failed_return(
    reason: str, state: State, message: ReturnRequested, sender: str, surroundings: object
) -> None:
    context = facts(sender) if surroundings is None else replace(facts(sender), network=surroundings)  # type: ignore[arg-type]
    decision = decide(state, message, context)
    row = row_of(decision)
    assert (row.status, row.reason) == (ReturnStatus.FAILED, reason)
    ((receiver, told),) = decision.messages
    assert receiver == sender and isinstance(told, ReturnFailed) and told.side is Side.PAYEE and told.reason == reason
    assert decision.movements == () and decision.readings == ()
    check_return_outcome(told)


def test_a_bank_learns_nothing_of_a_transfer_that_is_not_its_to_return() -> None:
    for state in (state_of(original=completed(payee=MARES)), state_of(original=transfer())):
        row = row_of(decided(state, return_requested(), IPE))
        assert row.payer is None and row.payee is None


@pytest.mark.parametrize(
    ("reason", "message", "dead_letter"),
    [
        ("FF08", return_requested(return_id="D0"), ""),
        ("FF08", return_requested(return_id=e2e()), ""),
        ("FF08", return_requested(return_id=return_id(1, AURORA)), ""),
        ("CH16", return_requested(original_end_to_end_id="E0"), "ReturnRequested: original_end_to_end_id"),
        ("CH16", return_requested(description="a\nb"), "ReturnRequested: description"),
        ("CH16", return_requested(requested_at_ms=0), "ReturnRequested: requested_at_ms"),
    ],
)
def test_a_request_that_is_not_fit_to_be_kept_makes_no_row(
    reason: str, message: ReturnRequested, dead_letter: str
) -> None:
    decision = decided(state_of(), message, IPE)
    assert decision.row is None and decision.dead_letter.startswith(dead_letter)
    assert bool(decision.dead_letter) == bool(dead_letter)
    ((receiver, told),) = decision.messages
    assert receiver == IPE and isinstance(told, ReturnFailed) and (told.reason, told.payer) == (reason, None)


def test_a_refusal_without_a_row_that_is_processed_leaves_nothing() -> None:
    message = return_processed(Side.PAYEE, Outcome.FAILED, ReasonCode.CH16)
    assert decided(state_of(), message, IPE) == Decision(None)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2026-04-01T23:59:59", None),
        ("2026-04-02T00:00:00", ReasonCode.DT05),
        ("2026-01-01T23:30:00", None),
    ],
)
def test_a_return_succeeds_until_the_end_of_day_90(now: str, reason: ReasonCode | None) -> None:
    # Confirmed on 1 January in São Paulo, and on 2 January in UTC.
    original = completed(decided_at_ms=at("2026-01-01T22:00:00"))
    row = row_of(decided(state_of(original=original), return_requested(), IPE, now_ms=at(now)))
    assert row.reason is reason


def test_a_retransmitted_request_is_never_judged_anew() -> None:
    late_ms = NOW_MS + int(timedelta(days=200) / timedelta(milliseconds=1))
    decision = decided(state_of(completed_return(), returned_centavos=AMOUNT), return_requested(), IPE, now_ms=late_ms)
    assert row_of(decision) == completed_return(duplicates=1)
    ((receiver, told),) = decision.messages
    assert receiver == IPE and isinstance(told, ReturnConfirmed) and told.side is Side.PAYEE


def test_the_same_id_with_another_content_is_dupl_and_changes_nothing() -> None:
    for message in (
        return_requested(amount_centavos=1),
        return_requested(description=""),
        return_requested(reason=ReasonCode.FR01),
        return_requested(original_end_to_end_id=e2e(2)),
    ):
        decision = decided(state_of(pending_return()), message, IPE)
        assert row_of(decision) == pending_return(refusals=1)
        ((receiver, told),) = decision.messages
        assert receiver == IPE and isinstance(told, ReturnFailed) and told.reason is ReasonCode.DUPL


def test_the_id_of_another_banks_return_is_refused_and_changes_nothing() -> None:
    decision = decided(state_of(pending_return()), return_requested(), MARE)
    assert decision.row == pending_return() and decision.movements == ()
    ((receiver, told),) = decision.messages
    assert receiver == MARE and isinstance(told, ReturnFailed) and told.reason is ReasonCode.FF08


# Answers.


def test_an_acceptance_moves_the_money_and_tells_both_banks() -> None:
    decision = decided(state_of(pending_return(), returned_centavos=PART), return_accepted(), AURORA)
    row = row_of(decision)
    assert (row.status, row.decided_at_ms) == (ReturnStatus.CONFIRMED, NOW_MS)
    assert decision.movements == (Movement(MovementKind.SETTLE, IPE, AURORA, PART),)
    assert decision.readings == ()
    told = dict(decision.messages)
    assert set(told) == {IPE, AURORA} and all(isinstance(each, ReturnConfirmed) for each in told.values())
    for message in told.values():
        assert isinstance(message, ReturnConfirmed)
        check_return_outcome(message)


@pytest.mark.parametrize("reason", sorted(PAYER_BANK_REASONS))
def test_a_rejection_releases_the_money_and_frees_its_part(reason: ReasonCode) -> None:
    decision = decided(state_of(pending_return(), returned_centavos=PART + 5), return_rejected(reason), AURORA)
    assert (row_of(decision).status, row_of(decision).reason) == (ReturnStatus.FAILED, reason)
    assert decision.movements == (Movement(MovementKind.RELEASE, IPE, AURORA, PART),)
    assert decision.readings == (Returned(e2e(), 5),)
    assert {receiver for receiver, _ in decision.messages} == {IPE, AURORA}


def test_a_reason_that_is_not_the_payers_banks_is_ignored() -> None:
    decision = decided(state_of(pending_return()), return_rejected(ReasonCode.AM09), AURORA)
    assert row_of(decision) == pending_return(refusals=1)


@pytest.mark.parametrize("surroundings", [SUSPENDED_AURORA, SUSPENDED_IPE])
def test_an_acceptance_during_a_suspension_fails(surroundings: object) -> None:
    decision = decided(state_of(pending_return()), return_accepted(), AURORA, network=surroundings)
    assert (row_of(decision).status, row_of(decision).reason) == (ReturnStatus.FAILED, ReasonCode.DS27)
    assert decision.movements == (Movement(MovementKind.RELEASE, IPE, AURORA, PART),)


def test_the_time_out_of_a_pending_return_is_ab11() -> None:
    decision = decide_timeout(pending_return(), NOW_MS, NOW_MS, POLICY)
    assert (row_of(decision).status, row_of(decision).reason) == (ReturnStatus.FAILED, ReasonCode.AB11)
    assert decision.movements == (Movement(MovementKind.RELEASE, IPE, AURORA, PART),)
    for row in (confirmed_return(), completed_return(), failed_return()):
        with pytest.raises(IllegalTransition):
            decide_timeout(row, NOW_MS, NOW_MS, POLICY)


def test_an_answer_after_the_decision_is_ignored_and_the_bank_gets_the_decision_again() -> None:
    late = decided(state_of(failed_return(ReasonCode.AB11)), return_accepted(), AURORA)
    assert row_of(late) == failed_return(ReasonCode.AB11, refusals=1) and late.movements == ()
    ((receiver, told),) = late.messages
    assert receiver == AURORA and isinstance(told, ReturnFailed)
    late = decided(state_of(confirmed_return()), return_rejected(), AURORA)
    assert row_of(late) == confirmed_return(refusals=1)
    assert isinstance(late.messages[0][1], ReturnConfirmed)


def test_a_repeated_answer_is_counted() -> None:
    assert row_of(decided(state_of(confirmed_return()), return_accepted(), AURORA)).duplicates == 1
    assert row_of(decided(state_of(failed_return()), return_rejected(), AURORA)).duplicates == 1


@pytest.mark.parametrize(
    "message",
    [return_accepted(), return_rejected(), return_processed(Side.PAYER), return_processed(Side.PAYEE)],
    ids=lambda message: type(message).__name__,
)
@pytest.mark.parametrize("row", [pending_return(), confirmed_return(), failed_return()], ids=lambda row: row.status)
def test_a_message_of_a_bank_that_has_no_part_is_a_dead_letter(message: FromBank, row: Return) -> None:
    decision = decided(state_of(row), message, MARE)
    assert decision.row == row and decision.dead_letter and decision.messages == () and decision.movements == ()


def test_only_the_payers_bank_answers() -> None:
    decision = decided(state_of(pending_return()), return_accepted(), IPE)
    assert decision.dead_letter and decision.row == pending_return()


@pytest.mark.parametrize("message", [return_accepted(), return_processed(Side.PAYER)])
def test_a_message_about_an_unknown_return_is_a_dead_letter(message: FromBank) -> None:
    decision = decided(state_of(), message, AURORA)
    assert decision.row is None and decision.dead_letter


@pytest.mark.parametrize(
    "message",
    [
        return_accepted(amount_centavos=1),
        return_accepted(original_end_to_end_id=e2e(2)),
        return_rejected(amount_centavos=1),
        return_processed(Side.PAYER, amount_centavos=1),
    ],
)
def test_a_message_with_another_content_changes_nothing(message: FromBank) -> None:
    decision = decided(state_of(pending_return()), message, AURORA)
    assert row_of(decision) == pending_return(refusals=1) and decision.movements == ()


# The outcome, processed.


def test_a_return_is_completed_when_both_banks_have_booked() -> None:
    once = row_of(decided(state_of(confirmed_return()), return_processed(Side.PAYER), AURORA))
    assert once.status is ReturnStatus.CONFIRMED and {receiver for receiver, _ in owed(once)} == {IPE}
    twice = row_of(decided(state_of(once), return_processed(Side.PAYEE), IPE))
    assert twice.status is ReturnStatus.COMPLETED and twice.closed_at_ms == NOW_MS and owed(twice) == ()
    again = row_of(decided(state_of(twice), return_processed(Side.PAYEE), IPE))
    assert again == replace(twice, duplicates=1)


def test_a_failed_return_is_closed_when_each_bank_that_knew_has_booked() -> None:
    message = return_processed(Side.PAYEE, Outcome.FAILED, ReasonCode.AM04)
    at_once = failed_return(ReasonCode.AM04, offered_at_ms=None)
    closed = row_of(decided(state_of(at_once), message, IPE))
    assert closed.closed_at_ms == NOW_MS and closed.status is ReturnStatus.FAILED
    offered = failed_return(ReasonCode.AC07)
    message = return_processed(Side.PAYEE, Outcome.FAILED, ReasonCode.AC07)
    assert row_of(decided(state_of(offered), message, IPE)).closed_at_ms is None


@pytest.mark.parametrize(
    ("row", "message", "sender"),
    [
        (confirmed_return(), return_processed(Side.PAYEE, Outcome.FAILED, ReasonCode.AC07), IPE),
        (pending_return(), return_processed(Side.PAYEE), IPE),
        (
            failed_return(ReasonCode.AM04, offered_at_ms=None),
            return_processed(Side.PAYER, Outcome.FAILED, ReasonCode.AM04),
            AURORA,
        ),
    ],
)
def test_a_wrong_outcome_is_ignored(row: Return, message: FromBank, sender: str) -> None:
    decision = decided(state_of(row), message, sender)
    assert row_of(decision) == replace(row, refusals=1)


# Time.


@pytest.mark.parametrize("row", [pending_return(), confirmed_return(), failed_return()], ids=lambda row: row.status)
def test_what_is_owed_is_sent_again_with_a_later_time(row: Return) -> None:
    decision = decide_retransmission(row, NOW_MS, NOW_MS, POLICY)
    assert decision.messages == owed(row) and row_of(decision).resends == 1
    assert (row_of(decision).resend_at_ms or 0) > NOW_MS


def test_a_pending_return_is_due_at_its_time_out_at_the_latest() -> None:
    decision = decided(state_of(), return_requested(), IPE, timeout_ms=10)
    assert row_of(decision).resend_at_ms == NOW_MS + 11


# The shape of the flow.


def test_a_message_locks_the_original_before_the_return() -> None:
    assert keys(return_requested()) == (
        ("transfer", e2e()),
        ("return", returned_id(e2e())),
        ("return", return_id()),
    )
    assert keys(return_requested(return_id="x", original_end_to_end_id="\x00")) == ()


def test_the_rules_give_every_reason_of_the_hub() -> None:
    assert {rule.reason for rule in REQUEST_RULES} | set(LATER_RULES.values()) == HUB_REASONS
    without_row = {rule.reason for rule in REQUEST_RULES if not rule.makes_row} | {LATER_RULES[Rule.ID_USED_ONCE]}
    assert without_row == REASONS_WITHOUT_ROW


def test_a_bank_that_is_both_sides_gives_back_to_itself() -> None:
    own = replace(BIA, account_number="200009-9")
    original = completed(payer=own)
    decision = decided(state_of(original=original), return_requested(), IPE)
    assert decision.movements == (Movement(MovementKind.RESERVE, IPE, IPE, PART),)
    row = row_of(decision)
    agreed = decided(state_of(row, original), return_accepted(), IPE)
    assert agreed.movements == (Movement(MovementKind.SETTLE, IPE, IPE, PART),)
    assert [receiver for receiver, _ in agreed.messages] == [IPE, IPE]


def test_the_timeline_tells_every_message_and_state() -> None:
    requested = decided(state_of(), return_requested(), IPE)
    agreed = decided(state_of(row_of(requested)), return_accepted(), AURORA)
    first = decided(state_of(row_of(agreed)), return_processed(Side.PAYEE), IPE)
    last = decided(state_of(row_of(first)), return_processed(Side.PAYER), AURORA)
    history = [*requested.steps, *agreed.steps, *first.steps, *last.steps]
    told = [
        each.name if isinstance(each, MessageEvent) else each.status.value for each in timeline(row_of(last), history)
    ]
    assert told == [
        *("ReturnRequested", "pending", "ReturnOffered"),
        *("ReturnAccepted", "confirmed", "ReturnConfirmed", "ReturnConfirmed"),
        *("ReturnProcessed", "ReturnProcessed", "completed"),
    ]
    changes = [each for each in timeline(row_of(last), history) if isinstance(each, StatusChange)]
    assert [each.rule for each in changes] == [
        Rule.EVERY_RULE_KEPT,
        Rule.PAYERS_BANK_PROMISES,
        Rule.BOTH_BANKS_HAVE_BOOKED,
    ]
    assert {rule_of(step.trigger, ReasonCode.AM09) for step in requested.steps} == {Rule.EVERY_RULE_KEPT}
