"""Rules and payments on demand, on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.domain.sandbox.plans import PaymentTerms, PlannedPayment, PlanStatus
from bank_sim.domain.sandbox.rules import RULES_MAX, Match, Rule, RuleKind, RuleSource, action_of, as_plain
from pix.postgres.bulk import execute_bulk, fetch_bulk
from pix.postgres.unit_of_work import PostgresRepository
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey

_RULE: Final[list[Column[Rule]]] = [
    Column("rule_id", "text", lambda rule: rule.rule_id),
    Column("kind", "text", lambda rule: rule.kind.value),
    Column("position", "integer", lambda rule: rule.position),
    Column("enabled", "boolean", lambda rule: rule.enabled),
    Column("source", "text", lambda rule: rule.source.value),
    Column("match", "text", lambda rule: json.dumps(as_plain(rule.match))),
    Column("action", "text", lambda rule: json.dumps(as_plain(rule.action))),
]
_PUT_RULES: Final = insert_statement(
    "rules",
    _RULE,
    "ON CONFLICT (rule_id) DO UPDATE SET kind = excluded.kind, position = excluded.position, "
    "enabled = excluded.enabled, source = excluded.source, match = excluded.match, action = excluded.action",
)
_ALL_RULES: Final = f"SELECT {names(_RULE)} FROM rules ORDER BY position, rule_id"  # noqa: S608 - constants


class PostgresRules(PostgresRepository):
    """See `bank_sim.application.sandbox.ports.RuleRepository`."""

    def lock(self) -> None:
        self._execute("LOCK TABLE rules IN SHARE ROW EXCLUSIVE MODE")

    def all(self) -> list[Rule]:
        return [_rule_of(*row) for row in fetch_bulk(self._connection, _ALL_RULES, {})]

    def put(self, rules: Sequence[Rule]) -> None:
        if rules:
            execute_bulk(self._connection, _PUT_RULES, arrays(_RULE, rules))

    def remove(self, rule_ids: Collection[str]) -> None:
        self._execute("DELETE FROM rules WHERE rule_id = ANY(CAST(:ids AS text[]))", ids=sorted(rule_ids))


@lru_cache(maxsize=RULES_MAX)
def _rule_of(rule_id: str, kind: str, position: int, enabled: bool, source: str, match: str, action: str) -> Rule:
    return Rule(
        rule_id=rule_id,
        kind=RuleKind(kind),
        action=action_of(RuleKind(kind), json.loads(action)),
        match=Match(**json.loads(match)),
        position=position,
        enabled=enabled,
        source=RuleSource(source),
    )


_ID: Final[list[Column[PlannedPayment]]] = [Column("plan_id", "text", lambda plan: plan.plan_id)]
_FIXED: Final[list[Column[PlannedPayment]]] = [
    Column("account_number", "text", lambda plan: plan.account_number),
    Column("code", "text", lambda plan: plan.code),
    Column("created_at_ms", "bigint", lambda plan: plan.created_at_ms),
    Column("times", "integer", lambda plan: plan.times),
    Column("amount_centavos", "bigint", lambda plan: plan.amount_centavos),
    Column("client_key", "text", lambda plan: plan.client_key or None),
    Column("rule_id", "text", lambda plan: plan.rule_id),
]
_CHANGING: Final[list[Column[PlannedPayment]]] = [
    Column("due_at_ms", "bigint", lambda plan: plan.due_at_ms),
    Column("terms", "text", lambda plan: None if plan.terms is None else json.dumps(_plain_terms(plan.terms))),
    Column("status", "text", lambda plan: plan.status.value),
    Column("done_at_ms", "bigint", lambda plan: plan.done_at_ms),
    # Joined, because PostgreSQL unnests an array of arrays into single texts.
    Column("end_to_end_ids", "text", lambda plan: ",".join(plan.end_to_end_ids)),
    Column("refusal", "text", lambda plan: plan.refusal),
]
_ALL: Final = [*_ID, *_FIXED, *_CHANGING]
_ADD: Final = insert_statement("planned_payments", _ALL)
_SAVE: Final = update_statement("planned_payments", _ID, _CHANGING)
_SELECT: Final = f"SELECT {names(_ALL)} FROM planned_payments"  # noqa: S608 - constants


class PostgresPlans(PostgresRepository):
    """See `bank_sim.application.sandbox.ports.PlanRepository`."""

    def add(self, plans: Sequence[PlannedPayment]) -> None:
        if plans:
            execute_bulk(self._connection, _ADD, arrays(_ALL, plans))

    def lock(self, plan_id: str) -> PlannedPayment | None:
        return self._one("WHERE plan_id = %(id)s FOR UPDATE", id=plan_id)

    def lock_waiting(self, plan_id: str) -> PlannedPayment | None:
        return self._one("WHERE plan_id = %(id)s AND status = 'waiting' FOR UPDATE SKIP LOCKED", id=plan_id)

    def lock_waiting_of(self, code: str) -> Sequence[PlannedPayment]:
        return self._many("WHERE status = 'waiting' AND code = %(code)s ORDER BY plan_id FOR UPDATE", code=code)

    def save(self, plans: Sequence[PlannedPayment]) -> None:
        if plans:
            execute_bulk(self._connection, _SAVE, arrays([*_ID, *_CHANGING], plans))

    def due(self, now_ms: int, size: int) -> list[PlannedPayment]:
        return [
            *self._many(
                "WHERE due_at_ms <= %(now_ms)s ORDER BY due_at_ms, plan_id LIMIT %(size)s", now_ms=now_ms, size=size
            )
        ]

    def next_due_ms(self) -> int | None:
        found = self._execute("SELECT min(due_at_ms) FROM planned_payments WHERE due_at_ms IS NOT NULL").scalar_one()
        return None if found is None else int(found)

    def count_waiting(self) -> int:
        return int(self._execute("SELECT count(*) FROM planned_payments WHERE status = 'waiting'").scalar_one())

    def find(self, plan_id: str) -> PlannedPayment | None:
        return self._one("WHERE plan_id = %(id)s", id=plan_id)

    def find_by_client_key(self, client_key: str) -> PlannedPayment | None:
        return self._one("WHERE client_key = %(key)s", key=client_key)

    def list(self, size: int) -> list[PlannedPayment]:
        return [*self._many("ORDER BY created_at_ms DESC, plan_id LIMIT %(size)s", size=size)]

    def forget_done(self, kept: int) -> None:
        self._execute(
            "DELETE FROM planned_payments WHERE plan_id IN (SELECT plan_id FROM planned_payments "
            "WHERE done_at_ms IS NOT NULL ORDER BY created_at_ms DESC, plan_id OFFSET :kept)",
            kept=kept,
        )

    def _one(self, narrow: str, **values: Any) -> PlannedPayment | None:
        found = self._many(narrow, **values)
        return found[0] if found else None

    def _many(self, narrow: str, **values: Any) -> Sequence[PlannedPayment]:
        return [_plan_of(row) for row in fetch_bulk(self._connection, f"{_SELECT} {narrow}", values)]


def _plain_terms(terms: PaymentTerms) -> dict[str, Any]:
    return {**asdict(terms), "key": [terms.key.kind.value, terms.key.key], "initiation": terms.initiation.value}


def _terms_of(text: str | None) -> PaymentTerms | None:
    if text is None:
        return None
    plain = json.loads(text)
    kind, key = plain.pop("key")
    return PaymentTerms(key=PixKey(KeyKind(kind), key), initiation=Initiation(plain.pop("initiation")), **plain)


def _plan_of(row: Sequence[Any]) -> PlannedPayment:
    (
        plan_id,
        account_number, code, created_at_ms, times, amount_centavos, client_key, rule_id,
        due_at_ms, terms, status, done_at_ms, end_to_end_ids, refusal,
    ) = row  # fmt: skip
    return PlannedPayment(
        plan_id=plan_id,
        account_number=account_number,
        code=code,
        created_at_ms=created_at_ms,
        due_at_ms=due_at_ms,
        times=times,
        amount_centavos=amount_centavos,
        terms=_terms_of(terms),
        status=PlanStatus(status),
        done_at_ms=done_at_ms,
        end_to_end_ids=tuple(each for each in end_to_end_ids.split(",") if each),
        refusal=refusal,
        client_key=client_key or "",
        rule_id=rule_id,
    )
