"""The behaviour switches: what kind of counterparty this bank plays."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bank_sim.domain import behaviour as answering
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle
from bank_sim.domain.flows.answers import Answer, answer_of
from bank_sim.domain.flows.returns.rules import played_reason
from bank_sim.domain.sandbox.rules import AnswerAction, RuleKind, RuleSource
from bank_sim.entrypoints.http.api.routing import api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.reasons import ReasonCode
from pix.web.documents import Document

router = api_router("switches")


class Behaviour(Document):
    """How this bank answers an offer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "mode": "reject",
                "reject_reason": "AC03",
                "answer_delay_ms": 2_000,
                "answer_style": "once",
                "magic_amounts": False,
                "consuming": True,
            }
        },
    )

    mode: AnswerMode = AnswerMode.BY_ACCOUNT
    reject_reason: ReasonCode = ReasonCode.ED05
    answer_delay_ms: Annotated[int, Field(ge=0, le=ANSWER_DELAY_MS_MAX)] = 0
    answer_style: AnswerStyle = AnswerStyle.ONCE
    magic_amounts: bool = False
    consuming: bool = True

    def to_domain(self) -> answering.Behaviour:
        return answering.Behaviour(**dict(self))


class MagicAmount(BaseModel):
    """An amount with a fixed answer, when magic amounts are enabled."""

    amount_centavos: int
    reason: ReasonCode | None
    return_reason: ReasonCode | None = Field(description="Of a return of this amount to a payer at this bank.")
    delay_ms: int | None = Field(description="null: no answer.")
    style: AnswerStyle

    @staticmethod
    def of(amount_centavos: int, answer: Answer) -> MagicAmount:
        return MagicAmount(
            amount_centavos=amount_centavos, return_reason=played_reason(answer.reason), **asdict(answer)
        )


class MagicAmounts(BaseModel):
    """The whole table."""

    magic_amounts: list[MagicAmount]


@router.get("/behaviour")
def behaviour(site: SiteOf) -> Behaviour:
    """The current simulation settings."""
    return Behaviour.of(site.bank.queries.behaviour())


@router.put("/behaviour")
def choose_behaviour(site: SiteOf, body: Behaviour) -> Behaviour:
    """Sets all simulation settings. They apply to each replica of this bank from its next batch on."""
    return Behaviour.of(site.bank.choose_behaviour(behaviour=body.to_domain()))


@router.get("/behaviour/magic-amounts")
def magic_amounts(site: SiteOf) -> MagicAmounts:
    """The answer to each magic amount."""
    return MagicAmounts(
        magic_amounts=[
            MagicAmount.of(rule.match.amount_centavos, answer_of(rule.action, None))
            for rule in site.bank.sandbox.rules(RuleKind.ANSWER)
            if rule.source is RuleSource.MAGIC
            and rule.match.amount_centavos is not None
            and isinstance(rule.action, AnswerAction)
        ]
    )
