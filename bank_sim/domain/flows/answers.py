"""The answers to offers of any flow: those of the rules, or of another counterparty that the bank plays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypedDict

from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.flows.flow import WITHHELD, Facts, FlowRow
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


@value_object
class Answer:
    """The answer to an offer. `reason` None accepts; `delay_ms` None is silence."""

    reason: ReasonCode | None = None
    delay_ms: int | None = 0
    style: AnswerStyle = AnswerStyle.ONCE


MAGIC_ANSWERS: Final[Mapping[int, Answer]] = MappingProxyType(
    {
        2: Answer(ReasonCode.SL02),
        3: Answer(ReasonCode.AC03),
        4: Answer(ReasonCode.RR04),
        5: Answer(ReasonCode.ED05),
        6: Answer(ReasonCode.AC06),
        7: Answer(ReasonCode.AC07),
        9: Answer(ReasonCode.AM09),
        14: Answer(ReasonCode.AC14),
        17: Answer(ReasonCode.BE17),
        20: Answer(delay_ms=None),
        21: Answer(delay_ms=10_000),
        22: Answer(style=AnswerStyle.TWICE),
        23: Answer(style=AnswerStyle.YES_AND_NO),
    }
)
"""The magic amounts, in centavos: the bank rejects R$ 0,03 with AC03, and so on by the number in the code; it never
answers R$ 0,20, answers R$ 0,21 after 10 seconds, R$ 0,22 twice, and R$ 0,23 with an acceptance and then a rejection.
It also rejects an amount without a code when the payee's account cannot be credited."""


def play(amount_centavos: int, reason: ReasonCode | None, behaviour: Behaviour) -> Answer:
    """The answer of a bank that behaves so, where the rules give `reason`; None: the offer keeps them all."""
    if behaviour.magic_amounts and amount_centavos in MAGIC_ANSWERS:
        magic = MAGIC_ANSWERS[amount_centavos]
        return Answer(magic.reason or reason, magic.delay_ms, magic.style)
    style = behaviour.answer_style
    match behaviour.mode:
        case AnswerMode.BY_ACCOUNT:
            return Answer(reason, behaviour.answer_delay_ms, style)
        case AnswerMode.REJECT:
            return Answer(behaviour.reject_reason, behaviour.answer_delay_ms, style)
        case AnswerMode.SILENT:
            return Answer(reason, None, style)


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
