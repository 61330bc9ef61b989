"""The bank's row of a transfer: the one table, the one function that moves it, and what the row owes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.domain.flows.transfer.model import (
    ANSWER_DELAY_MS_MAX,
    REFUSED_STEPS_KEPT_MAX,
    AnswerStyle,
    Author,
    Direction,
    IllegalStep,
    TransferEvent,
    TransferStatus,
    count_duplicate,
    move,
    next_status,
    owed,
    refuse,
    retransmitted,
)
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from tests.unit.bank_sim.examples import AMOUNT, ANA_PARTY, END_TO_END_ID, KEY, NOW_MS, POLICY, incoming, outgoing

LEGAL = {
    ("outgoing", None, "TransferRequested"): "pending",
    ("outgoing", "pending", "TransferConfirmed"): "confirmed",
    ("outgoing", "pending", "TransferFailed"): "failed",
    ("incoming", None, "TransferAccepted"): "accepted",
    ("incoming", None, "TransferRejected"): "rejected",
    ("incoming", None, "TransferConfirmed"): "confirmed",
    ("incoming", None, "TransferFailed"): "failed",
    ("incoming", "accepted", "TransferConfirmed"): "confirmed",
    ("incoming", "accepted", "TransferFailed"): "failed",
    ("incoming", "rejected", "TransferConfirmed"): "confirmed",
    ("incoming", "rejected", "TransferFailed"): "failed",
}


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("status", [None, *TransferStatus])
@pytest.mark.parametrize("event", list(TransferEvent))
def test_every_step_is_in_the_table_or_refused(
    direction: Direction, status: TransferStatus | None, event: TransferEvent
) -> None:
    expected = LEGAL.get((direction.value, None if status is None else status.value, event.value))
    if expected is None:
        with pytest.raises(IllegalStep, match=event.value):
            next_status(direction, status, event)
    else:
        assert next_status(direction, status, event).value == expected


def test_a_decision_ends_the_resending_and_stands_in_the_history() -> None:
    decided = move(outgoing(), TransferEvent.FAILED, Author.HUB, NOW_MS + 7, ReasonCode.AM04)
    assert decided.status is TransferStatus.FAILED
    assert decided.reason is ReasonCode.AM04
    assert decided.decided_at_ms == NOW_MS + 7
    assert decided.resend_at_ms is None
    assert decided.history[-1].event is TransferEvent.FAILED
    assert decided.history[-1].author is Author.HUB


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
    late = replace(incoming(), answered_at_ms=NOW_MS + 10_000, resend_at_ms=NOW_MS + 10_000)
    assert owed(late, NOW_MS + 9_999) == ()
    assert owed(late, NOW_MS + 10_000) == (TransferAccepted(END_TO_END_ID, AMOUNT),)


def test_an_answer_is_owed_whatever_the_clock_does_after_it_was_given() -> None:
    yes = (TransferAccepted(END_TO_END_ID, AMOUNT),)
    given = replace(incoming(), answered_at_ms=NOW_MS, resend_at_ms=NOW_MS + 5_000)
    assert owed(given, NOW_MS - 1) == owed(given, NOW_MS - 24 * 3_600_000) == yes
    planned = replace(incoming(), answered_at_ms=NOW_MS, resend_at_ms=NOW_MS)
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


def test_resending_backs_off() -> None:
    once = retransmitted(outgoing(), NOW_MS, POLICY)
    assert once.resend_count == 1
    assert once.resend_at_ms == NOW_MS + POLICY.delay_ms(END_TO_END_ID, 1)
    twice = retransmitted(once, NOW_MS, POLICY)
    assert twice.resend_count == 2
    assert twice.resend_at_ms is not None and twice.resend_at_ms > once.resend_at_ms


def test_an_answer_given_late_counts_as_sent_once() -> None:
    due = NOW_MS + 10_000
    late = replace(incoming(), answered_at_ms=due, resend_at_ms=due)
    sent = retransmitted(late, due, POLICY)
    assert sent.resend_count == 0
    assert retransmitted(sent, due + 5_000, POLICY).resend_count == 1


def test_refused_messages_are_kept_in_the_history_up_to_a_bound() -> None:
    transfer = outgoing(TransferStatus.CONFIRMED)
    for number in range(REFUSED_STEPS_KEPT_MAX + 5):
        transfer = refuse(transfer, TransferEvent.FAILED, Author.HUB, NOW_MS + number, "too late " + "x" * 1_000)
    refused = [step for step in transfer.history if step.refused]
    assert len(refused) == REFUSED_STEPS_KEPT_MAX
    assert transfer.steps_refused == REFUSED_STEPS_KEPT_MAX + 5
    assert all(len(step.refused) <= 200 for step in refused)
    assert transfer.status is TransferStatus.CONFIRMED


def test_a_duplicate_is_counted_and_leaves_the_history_alone() -> None:
    transfer = incoming()
    again = count_duplicate(transfer)
    assert again.duplicates == 1
    assert again.history == transfer.history


def test_the_counterpart_is_the_other_side() -> None:
    assert incoming().counterpart_name == "Zélia Moreira"
    assert incoming().counterpart_ispb == "00000002"
    assert outgoing().counterpart_name == "Zélia Moreira"
    assert outgoing().counterpart_ispb == ""
