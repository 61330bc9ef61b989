"""Rules and payments on demand in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bank_sim.application.ports import RowExists
from bank_sim.domain.sandbox.plans import PlannedPayment, PlanStatus
from bank_sim.domain.sandbox.rules import Rule
from pix.runtime.memory_table import MemoryTable


class SandboxStore(Protocol):
    """The part of a bank's store that the sandbox has."""

    rules: MemoryTable[str, Rule]
    plans: MemoryTable[str, PlannedPayment]


class MemoryRules:
    """See `bank_sim.application.sandbox.ports.RuleRepository`."""

    def __init__(self, store: SandboxStore) -> None:
        self._store = store

    def lock(self) -> None:
        """A transaction holds the whole store."""

    def all(self) -> list[Rule]:
        return sorted(self._store.rules.values(), key=lambda rule: rule.order)

    def put(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            self._store.rules.put(rule.rule_id, rule)

    def remove(self, rule_ids: Collection[str]) -> None:
        for rule_id in rule_ids:
            if self._store.rules.get(rule_id) is not None:
                self._store.rules.drop(rule_id)


class MemoryPlans:
    """See `bank_sim.application.sandbox.ports.PlanRepository`."""

    def __init__(self, store: SandboxStore) -> None:
        self._store = store

    def add(self, plans: Sequence[PlannedPayment]) -> None:
        for plan in plans:
            if self.find(plan.plan_id) or (plan.client_key and self.find_by_client_key(plan.client_key)):
                raise RowExists(plan.plan_id)
            self._store.plans.put(plan.plan_id, plan)

    def lock(self, plan_id: str) -> PlannedPayment | None:
        return self.find(plan_id)

    def lock_waiting(self, plan_id: str) -> PlannedPayment | None:
        plan = self.find(plan_id)
        return plan if plan is not None and plan.status is PlanStatus.WAITING else None

    def lock_waiting_of(self, code: str) -> Sequence[PlannedPayment]:
        waiting = [each for each in self._store.plans.values() if each.status is PlanStatus.WAITING]
        return sorted((each for each in waiting if each.code == code), key=lambda plan: plan.plan_id)

    def save(self, plans: Sequence[PlannedPayment]) -> None:
        for plan in plans:
            self._store.plans.put(plan.plan_id, plan)

    def due(self, now_ms: int, size: int) -> list[PlannedPayment]:
        found = [each for each in self._store.plans.values() if each.due_at_ms is not None and each.due_at_ms <= now_ms]
        return sorted(found, key=lambda plan: (plan.due_at_ms or 0, plan.plan_id))[:size]

    def next_due_ms(self) -> int | None:
        return min((each.due_at_ms for each in self._store.plans.values() if each.due_at_ms is not None), default=None)

    def count_waiting(self) -> int:
        return sum(each.status is PlanStatus.WAITING for each in self._store.plans.values())

    def find(self, plan_id: str) -> PlannedPayment | None:
        return self._store.plans.get(plan_id)

    def find_by_client_key(self, client_key: str) -> PlannedPayment | None:
        return next((each for each in self._store.plans.values() if each.client_key == client_key), None)

    def list(self, size: int) -> list[PlannedPayment]:
        return sorted(self._store.plans.values(), key=_newest_first)[:size]

    def forget_done(self, kept: int) -> None:
        done = [each for each in sorted(self._store.plans.values(), key=_newest_first) if each.done_at_ms is not None]
        for plan in done[kept:]:
            self._store.plans.drop(plan.plan_id)


def _newest_first(plan: PlannedPayment) -> tuple[int, str]:
    return -plan.created_at_ms, plan.plan_id
