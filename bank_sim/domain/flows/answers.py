"""The answers to offers of any flow: those of the rules, or of another counterparty that the bank plays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypedDict

from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.flows.flow import WITHHELD, Facts, FlowRow
from bank_sim.domain.sandbox.rules import MAGIC_ACTIONS, AnswerAction, RuleKind, Subject, first_fit, standard_answers
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


@value_object
class Answer:
    """The answer to an offer. `reason` None accepts; `delay_ms` None is silence."""

    reason: ReasonCode | None = None
    delay_ms: int | None = 0
    style: AnswerStyle = AnswerStyle.ONCE


def answer_of(action: AnswerAction, reason: ReasonCode | None) -> Answer:
    """The answer that a rule of the table asks for, where the rules of the scheme give `reason`; None: none."""
    match action.mode:
        case AnswerMode.BY_ACCOUNT:
            return Answer(reason, action.delay_ms, action.style)
        case AnswerMode.REJECT:
            return Answer(action.reason, action.delay_ms, action.style)
        case AnswerMode.SILENT:
            return Answer(reason, None, action.style)


MAGIC_ANSWERS: Final[Mapping[int, Answer]] = MappingProxyType(
    {amount: answer_of(action, None) for amount, action in MAGIC_ACTIONS.items()}
)
"""The magic amounts, in centavos: the bank rejects R$ 0,03 with AC03, and so on by the number in the code; it never
answers R$ 0,20, answers R$ 0,21 after 10 seconds, R$ 0,22 twice, and R$ 0,23 with an acceptance and then a rejection.
It also rejects an amount without a code when the payee's account cannot be credited."""


def play(subject: Subject, reason: ReasonCode | None, behaviour: Behaviour) -> Answer:
    """The answer of a bank that behaves so, where the rules give `reason`; None: the offer keeps them all."""
    rules = standard_answers(behaviour) if behaviour.rules is None else behaviour.rules
    rule = first_fit(rules, RuleKind.ANSWER, subject)
    action = rule.action if rule is not None and isinstance(rule.action, AnswerAction) else AnswerAction()
    return answer_of(action, reason)


def is_answered(row: FlowRow, real_now_ms: int) -> bool:
    """Whether the answer to the offer is given; None in `answered_at_ms` is silence.

    One that is to be given later than `ANSWER_DELAY_MS_MAX` from now was planned before the clock went back: its time
    has come.
    """
    if row.answered_at_ms is None:
        return False
    if row.resend_count != WITHHELD or row.resend_at_ms is None:
        return True
    return not 0 < row.resend_at_ms - real_now_ms <= ANSWER_DELAY_MS_MAX


class AnswerTimes(TypedDict, total=False):
    """The fields of a row that say when its answer is given."""

    answered_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int


def answer_times(row: FlowRow, answer: Answer, facts: Facts) -> AnswerTimes:
    """The answer is given after its delay in real time, or at the earlier moment that was set before."""
    waits_ms = [] if answer.delay_ms is None else [answer.delay_ms]
    if row.resend_count == WITHHELD and row.resend_at_ms is not None:
        waits_ms.append(row.resend_at_ms - facts.real_now_ms)
    if not waits_ms:
        return {}
    wait_ms = min(waits_ms)
    times: AnswerTimes = {"answered_at_ms": facts.now_ms + wait_ms, "resend_count": WITHHELD}
    if wait_ms > 0:
        times["resend_at_ms"] = facts.real_now_ms + wait_ms
    else:
        times["resend_at_ms"] = facts.real_now_ms + facts.policy.delay_ms(row.row_id[0], 0)
        times["resend_count"] = 0
    return times
