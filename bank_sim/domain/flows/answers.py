"""The answers to offers of any flow: those of the rules, or of another counterparty that the bank plays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.flows.flow import Facts, FlowRow
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


def is_answered(row: FlowRow, now_ms: int) -> bool:
    """Whether the answer to the offer is given; None in `answered_at_ms` is silence.

    One that was given has a later time at which it is sent again, also when the clock has gone back since. One that is
    to be given later than `ANSWER_DELAY_MS_MAX` from now was planned before the clock went back: its time has come.
    """
    at_ms = row.answered_at_ms
    if at_ms is None:
        return False
    return at_ms <= now_ms or at_ms != row.resend_at_ms or at_ms > now_ms + ANSWER_DELAY_MS_MAX


def answer_times(row: FlowRow, answer: Answer, facts: Facts) -> tuple[int | None, int | None]:
    """When the answer is given, or at the earlier moment that was set before, and when it is then sent again."""
    at_ms = None if answer.delay_ms is None else facts.now_ms + answer.delay_ms
    known = [time for time in (row.answered_at_ms, at_ms) if time is not None]
    if not known:
        return row.answered_at_ms, row.resend_at_ms
    answered_at_ms = min(known)
    is_given_now = answered_at_ms <= facts.now_ms
    wait_ms = facts.policy.delay_ms(row.row_id[0], 0) if is_given_now else 0
    return answered_at_ms, answered_at_ms + wait_ms


def retransmission_count(row: FlowRow) -> int:
    """How often the row's messages have been sent again, with the one that is due.

    An answer that was given late on purpose falls due once without having been sent before.
    """
    is_first_send = row.answered_at_ms is not None and row.answered_at_ms == row.resend_at_ms
    return row.resend_count if is_first_send else row.resend_count + 1
