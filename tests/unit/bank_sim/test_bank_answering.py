"""How the bank answers an offer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.flows.answers import MAGIC_ANSWERS, Answer
from bank_sim.domain.flows.transfer.rules import OFFER_RULES, answer_offer
from pix.scheme.errors import SchemeError
from pix.scheme.reasons import PAYEE_BANK_REASONS, ReasonCode
from tests.support.bank_builders import ANA, ANA_PARTY, facts, in_status, offered

HONEST = Behaviour()
MAGIC = Behaviour(magic_amounts=True)


def test_an_active_account_is_a_yes() -> None:
    assert answer_offer(offered(), facts()) == Answer()


@pytest.mark.parametrize(
    ("status", "reason"), [(AccountStatus.BLOCKED, ReasonCode.AC06), (AccountStatus.CLOSED, ReasonCode.AC07)]
)
def test_an_account_that_cannot_receive_is_a_no(status: AccountStatus, reason: ReasonCode) -> None:
    assert answer_offer(offered(), facts(in_status(ANA, status))).reason is reason


def test_an_absent_account_is_a_no() -> None:
    assert answer_offer(offered(), facts(None)).reason is ReasonCode.AC03


def test_an_offer_for_another_bank_is_a_no() -> None:
    assert answer_offer(offered(), replace(facts(), ispb="99999999")).reason is ReasonCode.AC03


def test_an_offer_for_another_branch_is_a_no() -> None:
    offer = replace(offered(), payee=replace(ANA_PARTY, branch="0002"))
    assert answer_offer(offer, facts()).reason is ReasonCode.AC03


def test_the_chosen_code_is_given() -> None:
    rejecting = Behaviour(mode=AnswerMode.REJECT, reject_reason=ReasonCode.RR04)
    assert answer_offer(offered(), facts(ANA, behaviour=rejecting)).reason is ReasonCode.RR04


def test_silence_has_no_time() -> None:
    assert answer_offer(offered(), facts(ANA, behaviour=Behaviour(mode=AnswerMode.SILENT))).delay_ms is None


def test_delay_and_style_are_taken_over() -> None:
    answer = answer_offer(
        offered(), facts(ANA, behaviour=Behaviour(answer_delay_ms=3_000, answer_style=AnswerStyle.TWICE))
    )
    assert (answer.reason, answer.delay_ms, answer.style) == (None, 3_000, AnswerStyle.TWICE)


@pytest.mark.parametrize(("amount_centavos", "answer"), MAGIC_ANSWERS.items())
def test_a_magic_amount_asks_for_its_answer_when_switched_on(amount_centavos: int, answer: Answer) -> None:
    assert answer_offer(offered(amount_centavos), facts(ANA, behaviour=MAGIC)) == answer
    assert answer_offer(offered(amount_centavos), facts()) == Answer()


def test_the_magic_amounts_follow_the_numbers_of_the_codes() -> None:
    assert MAGIC_ANSWERS[3].reason is ReasonCode.AC03
    assert MAGIC_ANSWERS[6].reason is ReasonCode.AC06
    assert MAGIC_ANSWERS[7].reason is ReasonCode.AC07
    for amount_centavos, answer in MAGIC_ANSWERS.items():
        if answer.reason is not None:
            assert int(answer.reason.value[2:]) == amount_centavos
    # BE01 needs no magic amount: another tax id provokes it. R$ 0,01 is what people try first.
    assert {answer.reason for answer in MAGIC_ANSWERS.values()} - {None} == PAYEE_BANK_REASONS - {ReasonCode.BE01}
    assert {rule.reason for rule in OFFER_RULES} < PAYEE_BANK_REASONS


def test_magic_credits_no_account_that_cannot_be_credited() -> None:
    for amount_centavos in MAGIC_ANSWERS:
        assert answer_offer(offered(amount_centavos), facts(None, behaviour=MAGIC)).reason is not None


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Behaviour(reject_reason=ReasonCode.AB03), "reject_reason"),
        (lambda: Behaviour(answer_delay_ms=-1), "answer_delay_ms"),
        (lambda: Behaviour(answer_delay_ms=ANSWER_DELAY_MS_MAX + 1), "answer_delay_ms"),
    ],
)
def test_a_behaviour_that_no_bank_may_show_is_refused(make: object, field: str) -> None:
    assert callable(make)
    with pytest.raises(SchemeError) as refusal:
        make()
    assert refusal.value.field == field
