"""How this bank answers an offer: by the payee's account, unless it is told to play another kind of counterparty."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bank_sim.domain.account import BRANCH, Account, AccountStatus
from bank_sim.domain.flows.transfer.model import ANSWER_DELAY_MS_MAX, AnswerStyle
from pix.scheme.errors import SchemeError
from pix.scheme.messages import TransferOffered
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import PAYEE_BANK_REASONS, ReasonCode
from pix.scheme.values import value_object


class AnswerMode(StrEnum):
    """What decides on yes or no."""

    BY_ACCOUNT = "by_account"
    """Yes, unless the payee's account is absent, blocked or closed."""
    REJECT = "reject"
    """No, with a chosen code."""
    SILENT = "silent"
    """No answer, until another mode is chosen."""


@value_object
class Behaviour:
    """The switches of this bank as a counterparty; replicas share them through the database."""

    mode: AnswerMode = AnswerMode.BY_ACCOUNT
    reject_reason: ReasonCode = ReasonCode.ED05
    """Used by the mode `reject`."""
    answer_delay_ms: int = 0
    """How long an answer is held back; 0 to an hour."""
    answer_style: AnswerStyle = AnswerStyle.ONCE
    magic_amounts: bool = False
    """Whether the amounts of `MAGIC_ANSWERS` ask for their answers."""
    consuming: bool = True
    """Whether the bank reads what the hub sends; otherwise it plays one that is down."""

    def __post_init__(self) -> None:
        """Raises SchemeError(field="reject_reason" | "answer_delay_ms")."""
        if self.reject_reason not in PAYEE_BANK_REASONS:
            raise SchemeError("reject_reason", "This reason code is given by the hub alone, not by a payee's bank.")
        if not 0 <= self.answer_delay_ms <= ANSWER_DELAY_MS_MAX:
            raise SchemeError("answer_delay_ms", f"The delay is 0 to {ANSWER_DELAY_MS_MAX} milliseconds.")


@value_object
class Answer:
    """The answer to an offer. `reason` None is a yes; `delay_ms` None is silence."""

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
"""The magic amounts, in centavos: R$ 0,03 is rejected with AC03, and so on by the number in the code; R$ 0,20 is never
answered, R$ 0,21 after 10 seconds, R$ 0,22 twice, and R$ 0,23 with yes and then no. Those that ask for no code are
still refused when the payee's account cannot be credited."""


def answer_offer(offer: TransferOffered, account: Account | None, ispb: str, behaviour: Behaviour) -> Answer:
    """The policy: this bank's answer to an offer for `account` (None: we have none with that number).

    Reject reasons by the account's state: AC03 absent, AC06 blocked, AC07 closed; AM09 for an amount out of range.
    """
    obstacle = _obstacle(offer, account, ispb)
    if behaviour.magic_amounts and offer.amount_centavos in MAGIC_ANSWERS:
        magic = MAGIC_ANSWERS[offer.amount_centavos]
        return Answer(magic.reason or obstacle, magic.delay_ms, magic.style)
    style = behaviour.answer_style
    match behaviour.mode:
        case AnswerMode.BY_ACCOUNT:
            return Answer(obstacle, behaviour.answer_delay_ms, style)
        case AnswerMode.REJECT:
            return Answer(behaviour.reject_reason, behaviour.answer_delay_ms, style)
        case AnswerMode.SILENT:
            return Answer(obstacle, None, style)


def _obstacle(offer: TransferOffered, account: Account | None, ispb: str) -> ReasonCode | None:
    if not 0 < offer.amount_centavos <= AMOUNT_CENTAVOS_MAX:
        return ReasonCode.AM09
    if account is None or offer.payee.ispb != ispb or offer.payee.branch != BRANCH:
        return ReasonCode.AC03
    match account.status:
        case AccountStatus.ACTIVE:
            return None
        case AccountStatus.BLOCKED:
            return ReasonCode.AC06
        case AccountStatus.CLOSED:
            return ReasonCode.AC07
