"""What the sandbox's use cases need from outside; what `bank_sim.application.ports` says holds here too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol

from bank_sim.domain.sandbox.plans import PaymentTerms, PlannedPayment
from bank_sim.domain.sandbox.rules import Rule


class RuleRepository(Protocol):
    """The bank's table of rules; empty until the first change, and then the standard rules count."""

    def lock(self) -> None:
        """Until the end of this transaction no other one changes the table."""

    def all(self) -> list[Rule]:
        """In their order."""

    def put(self, rules: Sequence[Rule]) -> None:
        """Adds rules, or changes those that exist."""

    def remove(self, rule_ids: Collection[str]) -> None:
        """Those that are not there are as good."""


class PlanRepository(Protocol):
    """Payments on demand."""

    def add(self, plans: Sequence[PlannedPayment]) -> None:
        """New ones. Raises RowExists, also for a client key that was used."""

    def lock(self, plan_id: str) -> PlannedPayment | None:
        """One, locked until the end of the transaction."""

    def lock_waiting(self, plan_id: str) -> PlannedPayment | None:
        """One that waits and that no other transaction holds."""

    def lock_waiting_of(self, code: str) -> Sequence[PlannedPayment]:
        """Those that wait to pay this code, locked in the order of their ids."""

    def save(self, plans: Sequence[PlannedPayment]) -> None:
        """Rows that were locked in this transaction."""

    def due(self, now_ms: int, size: int) -> list[PlannedPayment]:
        """At most `size` that are due, in the order of (time, id), without a lock."""

    def next_due_ms(self) -> int | None:
        """When the next one is due; None when none waits."""

    def count_waiting(self) -> int:
        """How many wait."""

    def find(self, plan_id: str) -> PlannedPayment | None:
        """One, without a lock."""

    def find_by_client_key(self, client_key: str) -> PlannedPayment | None:
        """The one that an order with this key has made."""

    def list(self, size: int) -> list[PlannedPayment]:
        """Newest first."""

    def forget_done(self, kept: int) -> None:
        """Removes what is done, except for the newest `kept`."""


class ReadTerms(Protocol):
    """What a code asks for."""

    def __call__(self, code: str, day: date | None) -> PaymentTerms:
        """`day` is when it is to be paid, in São Paulo; None: today.

        Raises SchemeError, and the errors of a code that cannot be read.
        """
