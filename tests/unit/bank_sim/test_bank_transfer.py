"""The bank's row of a transfer: the one table, the one function that moves it, and what the row owes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerStyle
from bank_sim.domain.flows.flow import WITHHELD
from bank_sim.domain.flows.transfer.decisions import decide, decide_retransmission
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus, Trigger, move, next_status, owed
from bank_sim.domain.flows.transfer.timeline import timeline
from pix.scheme.flows import IGNORED_MESSAGES_RECORDED_MAX, IllegalTransition, StatusChange, TimelineEntry
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from tests.support.bank_builders import (
    AMOUNT,
    ANA_PARTY,
    END_TO_END_ID,
    KEY,
    NOW_MS,
    POLICY,
    confirmed,
    facts,
    failed,
    incoming,
    offered,
    outgoing,
)

LEGAL = {
    ("outgoing", None, "request"): "pending",
    ("outgoing", "pending", "confirmation"): "confirmed",
    ("outgoing", "pending", "failure"): "failed",
    ("incoming", None, "acceptance"): "accepted",
    ("incoming", None, "rejection"): "rejected",
    ("incoming", None, "confirmation"): "confirmed",
    ("incoming", None, "failure"): "failed",
    ("incoming", "accepted", "confirmation"): "confirmed",
    ("incoming", "accepted", "failure"): "failed",
    ("incoming", "rejected", "confirmation"): "confirmed",
    ("incoming", "rejected", "failure"): "failed",
}


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("status", [None, *TransferStatus])
@pytest.mark.parametrize("trigger", list(Trigger))
def test_every_step_is_in_the_table_or_refused(
    direction: Direction, status: TransferStatus | None, trigger: Trigger
) -> None:
    expected = LEGAL.get((direction.value, None if status is None else status.value, trigger.value))
    if expected is None:
        with pytest.raises(IllegalTransition, match=trigger.value):
            next_status(direction, status, trigger)
    else:
        assert next_status(direction, status, trigger).value == expected


def test_a_decision_ends_the_retransmission() -> None:
    decided = move(outgoing(), Trigger.FAILURE, NOW_MS + 7, ReasonCode.AM04)
    assert decided.status is TransferStatus.FAILED
    assert decided.reason is ReasonCode.AM04
    assert decided.decided_at_ms == NOW_MS + 7
    assert decided.resend_at_ms is None


def test_a_pending_transfer_owes_its_request() -> None:
    (message,) = owed(outgoing(), NOW_MS)
    assert message == TransferRequested(END_TO_END_ID, AMOUNT, ANA_PARTY, KEY, "***.111.222-**", "aluguel", NOW_MS)


def test_an_answered_offer_owes_the_same_answer_again() -> None:
    assert owed(incoming(), NOW_MS) == (TransferAccepted(END_TO_END_ID, AMOUNT),)
    rejected = incoming(TransferStatus.REJECTED)
    assert owed(rejected, NOW_MS) == (TransferRejected(END_TO_END_ID, AMOUNT, ReasonCode.AC06),)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_decided_transfer_owes_that_it_was_processed(direction: Direction) -> None:
    example = outgoing if direction is Direction.OUTGOING else incoming
    side = Side.PAYER if direction is Direction.OUTGOING else Side.PAYEE
    assert owed(example(TransferStatus.CONFIRMED), NOW_MS) == (
        OutcomeProcessed(END_TO_END_ID, side, Outcome.CONFIRMED, AMOUNT, None),
    )
    assert owed(example(TransferStatus.FAILED), NOW_MS) == (
        OutcomeProcessed(END_TO_END_ID, side, Outcome.FAILED, AMOUNT, ReasonCode.AB03),
    )


def test_a_withheld_answer_is_not_owed_before_its_time() -> None:
    silent = replace(incoming(), answered_at_ms=None)
    assert owed(silent, NOW_MS) == ()
    late = replace(incoming(), resend_at_ms=NOW_MS + 10_000, resend_count=WITHHELD)
    assert owed(late, NOW_MS + 9_999) == ()
    assert owed(late, NOW_MS + 10_000) == (TransferAccepted(END_TO_END_ID, AMOUNT),)


def test_an_answer_is_owed_whatever_the_clock_does_after_it_was_given() -> None:
    yes = (TransferAccepted(END_TO_END_ID, AMOUNT),)
    given = replace(incoming(), answered_at_ms=NOW_MS, resend_at_ms=NOW_MS + 5_000)
    assert owed(given, NOW_MS - 1) == owed(given, NOW_MS - 24 * 3_600_000) == yes
    planned = replace(incoming(), resend_at_ms=NOW_MS, resend_count=WITHHELD)
    assert owed(planned, NOW_MS - ANSWER_DELAY_MS_MAX) == ()
    assert owed(planned, NOW_MS - ANSWER_DELAY_MS_MAX - 1) == yes, "no answer is planned so far ahead"


def test_a_faulty_bank_answers_twice_or_contradicts_itself() -> None:
    yes = TransferAccepted(END_TO_END_ID, AMOUNT)
    twice = replace(incoming(), answer_style=AnswerStyle.TWICE)
    assert owed(twice, NOW_MS) == (yes, yes)
    both = replace(incoming(), answer_style=AnswerStyle.YES_AND_NO)
    assert owed(both, NOW_MS) == (yes, TransferRejected(END_TO_END_ID, AMOUNT, ReasonCode.ED05))


def test_a_refusal_is_never_followed_by_a_yes() -> None:
    rejected = replace(incoming(TransferStatus.REJECTED), answer_style=AnswerStyle.YES_AND_NO)
    assert owed(rejected, NOW_MS) == (TransferRejected(END_TO_END_ID, AMOUNT, ReasonCode.AC06),)


def _retransmitted(transfer: Transfer, now_ms: int, policy: RetransmissionPolicy) -> Transfer:
    decision = decide_retransmission(transfer, now_ms, policy)
    assert decision.row is not None and decision.messages == owed(transfer, now_ms)
    return decision.row


def test_resending_backs_off() -> None:
    once = _retransmitted(outgoing(), NOW_MS, POLICY)
    assert once.resend_count == 1
    assert once.resend_at_ms == NOW_MS + POLICY.delay_ms(END_TO_END_ID, 1)
    twice = _retransmitted(once, NOW_MS, POLICY)
    assert twice.resend_count == 2
    assert twice.resend_at_ms is not None and twice.resend_at_ms > once.resend_at_ms


def test_an_answer_given_late_counts_as_sent_once() -> None:
    due = NOW_MS + 10_000
    late = replace(incoming(), resend_at_ms=due, resend_count=WITHHELD)
    sent = _retransmitted(late, due, POLICY)
    assert sent.resend_count == 0
    assert _retransmitted(sent, due + 5_000, POLICY).resend_count == 1


def test_ignored_messages_are_recorded_up_to_a_bound() -> None:
    transfer = outgoing(TransferStatus.CONFIRMED)
    for number in range(IGNORED_MESSAGES_RECORDED_MAX + 5):
        decision = decide(transfer, failed(Side.PAYER), facts(now_ms=NOW_MS + number))
        assert decision.row is not None
        transfer = decision.row
    ignored = [step for step in transfer.history if step.ignored]
    assert len(ignored) == IGNORED_MESSAGES_RECORDED_MAX
    assert transfer.refusals == IGNORED_MESSAGES_RECORDED_MAX + 5
    assert ignored[0].ignored == "TransferFailed does not apply to an outgoing transfer that is confirmed"
    assert transfer.status is TransferStatus.CONFIRMED


def test_the_timeline_has_each_message_and_each_state() -> None:
    decided = decide(decide(None, offered(), facts()).row, confirmed(), facts()).row
    assert decided is not None
    repeated = decide(decided, failed(), facts()).row
    assert repeated is not None
    assert [_line(entry) for entry in timeline(repeated)] == [
        "hub > payee TransferOffered",
        "payee > hub TransferAccepted",
        "= accepted by acceptance",
        "hub > payee TransferConfirmed",
        "= confirmed by confirmation",
        "hub > payee TransferFailed (refused)",
    ]


def _line(entry: TimelineEntry) -> str:
    if isinstance(entry, StatusChange):
        return f"= {entry.status} by {entry.trigger}"
    return f"{entry.sender} > {entry.receiver} {entry.name}" + (f" ({entry.mark})" if entry.mark else "")


def test_the_counterpart_is_the_other_side() -> None:
    assert incoming().counterpart_name == "Zélia Moreira"
    assert incoming().counterpart_ispb == "00000002"
    assert outgoing().counterpart_name == "Zélia Moreira"
    assert outgoing().counterpart_ispb == ""
