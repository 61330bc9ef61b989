"""What the bank makes of each message of the hub, in each state of its row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.behaviour import AnswerMode, Behaviour
from bank_sim.domain.books import CLEARING, SETTLEMENT, customer_ledger
from bank_sim.domain.flows.transfer.decisions import account_needed, decide
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus, Trigger
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferAccepted,
    TransferRejected,
)
from pix.scheme.messages.transfers import FromHub
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.reasons import ReasonCode
from tests.support.bank_builders import (
    AMOUNT,
    ANA,
    ANA_PARTY,
    END_TO_END_ID,
    NOW_MS,
    OTHER_ISPB,
    POLICY,
    STRANGER,
    confirmed,
    facts,
    failed,
    in_status,
    incoming,
    offered,
    outgoing,
)

PENDING, ACCEPTED, REJECTED = TransferStatus.PENDING, TransferStatus.ACCEPTED, TransferStatus.REJECTED
CONFIRMED, FAILED = TransferStatus.CONFIRMED, TransferStatus.FAILED

APPLIED, DUPLICATE, REFUSED, DEAD = "applied", "duplicate", "refused", "dead"

# (row's status or None, message) → what becomes of it, the status behind it, the postings, the messages sent.
Expectation = tuple[str, TransferStatus | None, list[str], list[str]]

INCOMING: dict[tuple[TransferStatus | None, str], Expectation] = {
    (None, "offered"): (APPLIED, ACCEPTED, [], ["TransferAccepted"]),
    (None, "confirmed"): (APPLIED, CONFIRMED, ["credit"], ["OutcomeProcessed"]),
    (None, "failed"): (APPLIED, FAILED, [], ["OutcomeProcessed"]),
    (ACCEPTED, "offered"): (DUPLICATE, ACCEPTED, [], ["TransferAccepted"]),
    (ACCEPTED, "confirmed"): (APPLIED, CONFIRMED, ["credit"], ["OutcomeProcessed"]),
    (ACCEPTED, "failed"): (APPLIED, FAILED, [], ["OutcomeProcessed"]),
    (REJECTED, "offered"): (DUPLICATE, REJECTED, [], ["TransferRejected"]),
    (REJECTED, "confirmed"): (APPLIED, CONFIRMED, ["credit"], ["OutcomeProcessed"]),
    (REJECTED, "failed"): (APPLIED, FAILED, [], ["OutcomeProcessed"]),
    (CONFIRMED, "offered"): (DUPLICATE, CONFIRMED, [], ["OutcomeProcessed"]),
    (CONFIRMED, "confirmed"): (DUPLICATE, CONFIRMED, [], ["OutcomeProcessed"]),
    (CONFIRMED, "failed"): (REFUSED, CONFIRMED, [], []),
    (FAILED, "offered"): (DUPLICATE, FAILED, [], ["OutcomeProcessed"]),
    (FAILED, "confirmed"): (REFUSED, FAILED, [], []),
    (FAILED, "failed"): (DUPLICATE, FAILED, [], ["OutcomeProcessed"]),
}
OUTGOING: dict[tuple[TransferStatus | None, str], Expectation] = {
    (None, "confirmed"): (DEAD, None, [], []),
    (None, "failed"): (DEAD, None, [], []),
    (PENDING, "confirmed"): (APPLIED, CONFIRMED, ["settlement_out"], ["OutcomeProcessed"]),
    (PENDING, "failed"): (APPLIED, FAILED, ["refund"], ["OutcomeProcessed"]),
    (CONFIRMED, "confirmed"): (DUPLICATE, CONFIRMED, [], ["OutcomeProcessed"]),
    (CONFIRMED, "failed"): (REFUSED, CONFIRMED, [], []),
    (FAILED, "confirmed"): (REFUSED, FAILED, [], []),
    (FAILED, "failed"): (DUPLICATE, FAILED, [], ["OutcomeProcessed"]),
}


def messages_to(side: Side) -> dict[str, FromHub]:
    both: dict[str, FromHub] = {"confirmed": confirmed(side), "failed": failed(side)}
    return both if side is Side.PAYER else {**both, "offered": offered()}


@pytest.mark.parametrize(
    ("direction", "status", "name"),
    [(Direction.INCOMING, *case) for case in INCOMING] + [(Direction.OUTGOING, *case) for case in OUTGOING],
)
def test_every_message_in_every_state(direction: Direction, status: TransferStatus | None, name: str) -> None:
    is_incoming = direction is Direction.INCOMING
    what, status_after, postings, messages = (INCOMING if is_incoming else OUTGOING)[status, name]
    example = incoming if is_incoming else outgoing
    row = None if status is None else example(status)
    decision = decide(row, messages_to(direction.side)[name], facts(now_ms=NOW_MS + 1))

    assert (None if decision.row is None else decision.row.status) == status_after
    assert [posting.kind.value for posting in decision.postings] == postings
    assert [type(message).__name__ for message in decision.messages] == messages
    assert any(step.ignored for step in decision.steps) == (what == REFUSED)
    assert bool(decision.dead_letter) == (what == DEAD)
    if row is not None and decision.row is not None:
        assert decision.row.duplicates - row.duplicates == (what == DUPLICATE)
        assert decision.row.refusals - row.refusals == (what == REFUSED)


def test_the_matrix_above_is_complete() -> None:
    incoming_states = {None, ACCEPTED, REJECTED, CONFIRMED, FAILED}
    assert set(INCOMING) == {(state, name) for state in incoming_states for name in messages_to(Side.PAYEE)}
    outgoing_states = {None, PENDING, CONFIRMED, FAILED}
    assert set(OUTGOING) == {(state, name) for state in outgoing_states for name in messages_to(Side.PAYER)}


def change_amount(message: FromHub) -> FromHub:
    return replace(message, amount_centavos=AMOUNT + 1)


def change_key(message: FromHub) -> FromHub:
    return replace(message, payee_key=PixKey(KeyKind.EMAIL, "somebody@else.example"))


def change_description(message: FromHub) -> FromHub:
    return replace(message, description="something else")


def change_payer(message: FromHub) -> FromHub:
    return replace(message, payer=Party(OTHER_ISPB, "0001", "000999-9", "Zélia Moreira", ""))


@pytest.mark.parametrize("change", [change_amount, change_key, change_description, change_payer])
@pytest.mark.parametrize("name", ["offered", "confirmed", "failed"])
@pytest.mark.parametrize("status", [ACCEPTED, CONFIRMED])
def test_another_content_under_the_same_id_changes_nothing(
    change: Callable[[FromHub], FromHub], name: str, status: TransferStatus
) -> None:
    row = incoming(status)
    decision = decide(row, change(messages_to(Side.PAYEE)[name]), facts())
    assert "another" in decision.steps[0].ignored
    assert decision.postings == ()
    assert decision.messages == ()
    assert decision.row == replace(row, history=(*row.history, *decision.steps), refusals=1)


@pytest.mark.parametrize("change", [{"account_number": "100009-9"}, {"branch": "0002"}, {"ispb": OTHER_ISPB}])
@pytest.mark.parametrize("name", ["offered", "confirmed", "failed"])
def test_a_message_about_another_payees_account_changes_nothing(change: dict[str, str], name: str) -> None:
    row = incoming()
    message = messages_to(Side.PAYEE)[name]
    assert message.payee is not None
    decision = decide(row, replace(message, payee=replace(message.payee, **change)), facts())
    assert "another payee" in decision.steps[0].ignored
    assert (decision.postings, decision.messages) == ((), ())
    assert decision.row is not None and decision.row.status is row.status


UNFIT: dict[str, Callable[[Any], Any]] = {
    "payer.name": lambda message: replace(message, payer=replace(STRANGER, name="\u202eZélia")),
    "payer.ispb": lambda message: replace(message, payer=replace(STRANGER, ispb="2")),
    "payer.tax_id_masked": lambda message: replace(message, payer=replace(STRANGER, tax_id_masked="")),
    "payee.name": lambda message: replace(message, payee=replace(ANA_PARTY, name="\u3164")),
    "payee.account_number": lambda message: replace(message, payee=replace(ANA_PARTY, account_number="1\x002")),
    "payee.branch": lambda message: replace(message, payee=replace(ANA_PARTY, branch="")),
    "payee_key": lambda message: replace(message, payee_key=PixKey(KeyKind.EMAIL, "Ana@Aurora.example")),
    "description": lambda message: replace(message, description="x" * 141),
}
PARTY_OF_A_ROW = ("payer.name", "payer.tax_id_masked", "payee.name")


@pytest.mark.parametrize("field", UNFIT)
def test_an_offer_that_is_not_fit_is_rejected_and_its_field_named(field: str) -> None:
    decision = decide(None, UNFIT[field](offered()), facts())
    assert decision.dead_letter.startswith(f"TransferOffered: {field}: ")
    assert decision.messages == (TransferRejected(END_TO_END_ID, AMOUNT, ReasonCode.ED05),)
    assert (decision.row, decision.postings) == (None, ())


@pytest.mark.parametrize("offered_at_ms", [0, -1, 2**62])
def test_an_offer_of_no_time_is_rejected(offered_at_ms: int) -> None:
    decision = decide(None, replace(offered(), offered_at_ms=offered_at_ms), facts())
    assert decision.dead_letter.startswith("TransferOffered: offered_at_ms: ")
    assert decision.messages == (TransferRejected(END_TO_END_ID, AMOUNT, ReasonCode.ED05),)


@pytest.mark.parametrize("end_to_end_id", ["", "E1", "x\x00y", f"D{END_TO_END_ID[1:]}"])
def test_a_message_without_an_id_can_only_be_shown_to_people(end_to_end_id: str) -> None:
    for message in (offered(), confirmed(), failed()):
        decision = decide(None, replace(message, end_to_end_id=end_to_end_id), facts())
        assert "end_to_end_id" in decision.dead_letter
        assert (decision.row, decision.postings, decision.messages) == (None, (), ())


@pytest.mark.parametrize("field", UNFIT)
def test_an_unfit_failure_of_an_unknown_transfer_is_done_with(field: str) -> None:
    decision = decide(None, UNFIT[field](failed()), facts())
    note = OutcomeProcessed(END_TO_END_ID, Side.PAYEE, Outcome.FAILED, AMOUNT, ReasonCode.AB03)
    assert decision.messages == (note,)
    assert (decision.row, decision.postings, decision.dead_letter) == (None, (), "")


@pytest.mark.parametrize("field", UNFIT)
def test_an_unfit_confirmation_of_an_unknown_transfer_is_for_people(field: str) -> None:
    decision = decide(None, UNFIT[field](confirmed()), facts())
    assert decision.dead_letter.startswith(f"TransferConfirmed: {field}: ")
    assert (decision.row, decision.postings, decision.messages) == (None, (), ())


@pytest.mark.parametrize("field", PARTY_OF_A_ROW)
def test_a_decision_on_a_known_transfer_applies_whatever_it_calls_the_parties(field: str) -> None:
    decision = decide(incoming(), UNFIT[field](confirmed()), facts())
    assert decision.row is not None and decision.row.status is CONFIRMED
    assert (decision.row.payer, decision.row.payee) == (STRANGER, ANA_PARTY)
    assert [posting.kind for posting in decision.postings] == [PostingKind.CREDIT]


def test_a_payee_that_cannot_be_shown_is_not_taken_over() -> None:
    message = replace(confirmed(Side.PAYER), payee=replace(STRANGER, name="\u200b"))
    decision = decide(outgoing(), message, facts())
    assert decision.row is not None and decision.row.status is CONFIRMED
    assert decision.row.payee is None and decision.row.counterpart_name == outgoing().payee_name


def test_what_is_no_account_number_is_not_looked_up() -> None:
    assert account_needed(None, UNFIT["payee.account_number"](offered())) == ""


def test_a_failure_of_another_content_does_not_refund_a_payment() -> None:
    decision = decide(outgoing(), change_amount(failed(Side.PAYER, ReasonCode.DUPL)), facts())
    assert decision.row is not None
    assert decision.row.status is PENDING
    assert decision.postings == ()


def test_a_failure_before_the_key_was_resolved_refunds_the_payer() -> None:
    message = replace(failed(Side.PAYER, ReasonCode.AM04), payee=None)
    decision = decide(outgoing(), message, facts())
    assert decision.row is not None
    assert decision.row.status is FAILED
    assert decision.row.reason is ReasonCode.AM04
    (refund,) = decision.postings
    assert refund.kind is PostingKind.REFUND
    assert (refund.debit_account, refund.credit_account) == (CLEARING, customer_ledger(ANA.number))


def test_a_credit_moves_settlement_money_to_the_customer() -> None:
    (credit,) = decide(incoming(), confirmed(), facts()).postings
    assert (credit.debit_account, credit.credit_account) == (SETTLEMENT, customer_ledger(ANA.number))
    assert credit.amount_centavos == AMOUNT
    assert credit.account_number == ANA.number


def test_a_confirmed_payment_leaves_clearing_and_touches_no_customer() -> None:
    decision = decide(outgoing(), confirmed(Side.PAYER), facts(None))
    (settled,) = decision.postings
    assert (settled.debit_account, settled.credit_account) == (CLEARING, SETTLEMENT)
    assert settled.account_number is None
    assert decision.row is not None and decision.row.payee is not None
    assert decision.row.payee.name == "Zélia Moreira"


@pytest.mark.parametrize("status", [AccountStatus.BLOCKED, AccountStatus.CLOSED])
def test_what_the_hub_has_decided_is_credited_whatever_became_of_the_account(status: AccountStatus) -> None:
    decision = decide(incoming(), confirmed(), facts(in_status(ANA, status)))
    assert [posting.kind for posting in decision.postings] == [PostingKind.CREDIT]


@pytest.mark.parametrize("row", [None, incoming(REJECTED)])
def test_a_credit_for_an_account_that_does_not_exist_is_for_people_to_look_at(row: Transfer | None) -> None:
    decision = decide(row, confirmed(), facts(None))
    assert "does not exist" in decision.dead_letter
    assert decision.postings == ()
    assert decision.messages == ()
    assert decision.row is None or decision.row.status is REJECTED


def test_a_confirmation_for_another_banks_account_is_not_credited_to_ours_of_the_same_number() -> None:
    message = replace(confirmed(), payee=replace(ANA_PARTY, ispb="99999999"))
    assert decide(None, message, facts()).dead_letter


@pytest.mark.parametrize("amount_centavos", [0, -1, 100_000_000_000])
def test_an_amount_out_of_range_is_rejected_and_never_credited(amount_centavos: int) -> None:
    decision = decide(None, offered(amount_centavos), facts())
    assert decision.messages == (TransferRejected(END_TO_END_ID, amount_centavos, ReasonCode.AM09),)
    assert decide(None, replace(confirmed(), amount_centavos=amount_centavos), facts()).dead_letter


def test_the_answer_to_an_offer_is_for_ever() -> None:
    first = decide(None, offered(), facts(in_status(ANA, AccountStatus.BLOCKED)))
    assert first.messages == (TransferRejected(END_TO_END_ID, AMOUNT, ReasonCode.AC06),)
    again = decide(first.row, offered(), facts(now_ms=NOW_MS + 60_000))
    assert again.messages == first.messages

    accepted = decide(None, offered(), facts())
    blocked_since = decide(accepted.row, offered(), facts(in_status(ANA, AccountStatus.BLOCKED)))
    rejecting = facts(behaviour=Behaviour(mode=AnswerMode.REJECT))
    assert blocked_since.messages == (TransferAccepted(END_TO_END_ID, AMOUNT),)
    assert decide(accepted.row, offered(), rejecting).messages == (TransferAccepted(END_TO_END_ID, AMOUNT),)


def test_a_silent_bank_answers_the_next_offer_once_it_is_told_to_speak() -> None:
    silent = decide(None, offered(), facts(behaviour=Behaviour(mode=AnswerMode.SILENT)))
    assert silent.messages == ()
    assert silent.row is not None
    assert silent.row.status is ACCEPTED
    assert silent.row.resend_at_ms is None
    still = decide(silent.row, offered(), facts(None, NOW_MS + 1, Behaviour(mode=AnswerMode.SILENT)))
    assert still.messages == ()
    spoken = decide(still.row, offered(), facts(None, NOW_MS + 2))
    assert spoken.messages == (TransferAccepted(END_TO_END_ID, AMOUNT),)
    assert spoken.row is not None
    assert spoken.row.resend_at_ms == NOW_MS + 2 + POLICY.delay_ms(END_TO_END_ID, 0)


def test_a_slow_bank_gives_its_answer_when_it_is_due() -> None:
    slow = Behaviour(answer_delay_ms=10_000)
    first = decide(None, offered(), facts(behaviour=slow))
    assert first.messages == ()
    assert first.row is not None
    assert first.row.answered_at_ms == first.row.resend_at_ms == NOW_MS + 10_000
    hurried = decide(first.row, offered(), facts(None, NOW_MS + 5_000, slow))
    assert hurried.messages == ()
    assert hurried.row is not None
    assert hurried.row.answered_at_ms == NOW_MS + 10_000


def test_an_account_is_asked_for_only_where_money_or_a_promise_depends_on_it() -> None:
    assert account_needed(None, offered()) == ANA.number
    assert account_needed(incoming(), offered()) == ""
    assert account_needed(incoming(), confirmed()) == ANA.number
    assert account_needed(incoming(), failed()) == ""
    assert account_needed(None, confirmed()) == ANA.number
    assert account_needed(outgoing(), confirmed(Side.PAYER)) == ""
    assert account_needed(outgoing(), failed(Side.PAYER)) == ANA.number
    assert account_needed(outgoing(FAILED), failed(Side.PAYER)) == ""
    assert account_needed(None, failed(Side.PAYER)) == ""


def test_an_outcome_that_overtakes_its_offer_keeps_the_trace() -> None:
    decision = decide(None, confirmed(), facts())
    assert decision.row is not None
    assert decision.row.traceparent == "00-trace-01"
    assert [step.trigger for step in decision.row.history] == [Trigger.CONFIRMATION]


def test_the_outcome_tells_what_was_processed() -> None:
    decision = decide(outgoing(), failed(Side.PAYER, ReasonCode.AC06), facts())
    (message,) = decision.messages
    assert isinstance(message, OutcomeProcessed)
    assert message.reason is ReasonCode.AC06
    assert message.side is Side.PAYER
