"""The switches of a bank as a counterparty: what it answers to offers, when, and how."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pix.scheme.errors import SchemeError
from pix.scheme.reasons import PAYEE_BANK_REASONS, ReasonCode
from pix.scheme.values import value_object

if TYPE_CHECKING:
    from bank_sim.domain.sandbox.rules import Rule

ANSWER_DELAY_MS_MAX: Final = 3_600_000
"""A bank answers this late at most."""


class AnswerStyle(StrEnum):
    """How the answer to an offer is sent: as the protocol has it, or as a faulty bank would."""

    ONCE = "once"
    TWICE = "twice"
    YES_AND_NO = "yes_and_no"


class AnswerMode(StrEnum):
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
    rules: tuple[Rule, ...] | None = field(default=None, compare=False, repr=False)
    """The enabled answer rules of the bank's table, in their order; None: those that the switches alone make."""

    def __post_init__(self) -> None:
        """Raises SchemeError(field="reject_reason" | "answer_delay_ms")."""
        if self.reject_reason not in PAYEE_BANK_REASONS:
            raise SchemeError("reject_reason", "Only the hub gives this reason code, not a payee's bank.")
        if not 0 <= self.answer_delay_ms <= ANSWER_DELAY_MS_MAX:
            raise SchemeError("answer_delay_ms", f"The delay must be 0 to {ANSWER_DELAY_MS_MAX} milliseconds.")
