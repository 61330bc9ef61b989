"""The table of rules: match → action. The switches and the magic amounts are rows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field

from bank_sim.domain.sandbox.rules import (
    MATCH_LENGTH_MAX,
    POSITION_DEFAULT,
    Action,
    Match,
    Rule,
    RuleKind,
    RuleSource,
    action_of,
    as_plain,
)
from bank_sim.entrypoints.http.sandbox.routing import PREFIX, sandbox_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.errors import SchemeError

router = sandbox_router()

RULE_ID_PATTERN = "^[a-z0-9][a-z0-9-]{0,39}$"
RuleId = Annotated[str, Path(max_length=40)]
MatchText = Annotated[str, Field(max_length=MATCH_LENGTH_MAX)]


class MatchDocument(BaseModel):
    """What a rule fits; what is left out fits all."""

    model_config = ConfigDict(extra="forbid")

    amount_centavos: int | None = None
    from_centavos: int | None = None
    to_centavos: int | None = None
    txid: MatchText = Field("", description="With `*` at the end: all that begin so.")
    key: MatchText = Field("", description="The payee's key, or with `*` its beginning.")
    account_number: MatchText = Field("", description="Of this bank's customer.")


class NewRule(BaseModel):
    """A rule of a test. The first enabled rule of a kind that fits counts, by position."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "kind": "answer",
                "match": {"from_centavos": 100_000},
                "action": {"mode": "reject", "reason": "AM09"},
            }
        },
    )

    rule_id: Annotated[str, Field(pattern=f"{RULE_ID_PATTERN}|^$", description="Empty: one is made.")] = ""
    kind: RuleKind
    match: MatchDocument = MatchDocument()
    action: dict[str, Any] = Field(
        description="`answer`: mode, reason, delay_ms, style. `payer`: pays, after_seconds, after_expiry, "
        "amount_centavos, times, by_another_person, payer. `webhook`: fault, delay_ms, times. `reading`: reads."
    )
    position: int = POSITION_DEFAULT
    enabled: bool = True


class RuleChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    match: MatchDocument | None = None
    action: dict[str, Any] | None = None
    position: int | None = None
    enabled: bool | None = None


class RuleDocument(BaseModel):
    rule_id: str
    kind: RuleKind
    source: RuleSource
    position: int
    enabled: bool
    match: dict[str, Any]
    action: dict[str, Any]

    @staticmethod
    def of(rule: Rule) -> RuleDocument:
        return RuleDocument(
            rule_id=rule.rule_id,
            kind=rule.kind,
            source=rule.source,
            position=rule.position,
            enabled=rule.enabled,
            match=as_plain(rule.match),
            action=as_plain(rule.action),
        )


class RuleList(BaseModel):
    rules: list[RuleDocument]


@router.get("/rules")
def list_rules(site: SiteOf, kind: RuleKind | None = None) -> RuleList:
    """Every rule in the order in which it is tried."""
    return RuleList(rules=[RuleDocument.of(rule) for rule in site.bank.sandbox.rules(kind)])


@router.post("/rules", status_code=201)
def add_rule(site: SiteOf, body: NewRule, response: Response) -> RuleDocument:
    """Adds a rule; one with a `rule_id` that exists takes its place."""
    rule = site.bank.sandbox.add_rule(
        Rule(
            rule_id=body.rule_id,
            kind=body.kind,
            action=read_action(body.kind, body.action),
            match=Match(**body.match.model_dump()),
            position=body.position,
            enabled=body.enabled,
        )
    )
    response.headers["Location"] = f"{PREFIX}/rules/{rule.rule_id}"
    return RuleDocument.of(rule)


@router.get("/rules/{rule_id}")
def find_rule(site: SiteOf, rule_id: RuleId) -> RuleDocument:
    """One rule."""
    return RuleDocument.of(site.bank.sandbox.rules.find(rule_id))


@router.patch("/rules/{rule_id}")
def change_rule(site: SiteOf, rule_id: RuleId, body: RuleChange) -> RuleDocument:
    """Changes a rule, also a switch or a magic amount."""

    def change(rule: Rule) -> Rule:
        return replace(
            rule,
            match=rule.match if body.match is None else Match(**body.match.model_dump()),
            action=rule.action if body.action is None else read_action(rule.kind, body.action),
            position=rule.position if body.position is None else body.position,
            enabled=rule.enabled if body.enabled is None else body.enabled,
        )

    return RuleDocument.of(site.bank.sandbox.change_rule(rule_id, change))


@router.delete("/rules/{rule_id}", status_code=204)
def remove_rule(site: SiteOf, rule_id: RuleId) -> Response:
    """Removes a rule of a test."""
    site.bank.sandbox.remove_rule(rule_id)
    return Response(status_code=204)


def read_action(kind: RuleKind, plain: dict[str, Any]) -> Action:
    """Raises SchemeError(field="action" | "action.…")."""
    try:
        return action_of(kind, plain)
    except SchemeError:
        raise
    except (TypeError, ValueError, KeyError) as error:
        raise SchemeError("action", f"This is no action of a rule of the kind {kind}: {error}.") from None
