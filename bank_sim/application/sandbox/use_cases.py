"""The sandbox's use cases in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.request_transfer import RequestTransfers
from bank_sim.application.sandbox.edit_rules import AddRule, ChangeRule, RemoveRule, ShowRules
from bank_sim.application.sandbox.plan_payments import CancelPlan, MakePlannedPayments, PlanPayment, ShowPlans
from bank_sim.application.sandbox.ports import ReadTerms
from bank_sim.application.sandbox.start_over import StartOver
from pix.participant.clock.model import FollowClock
from pix.runtime.clock import SchemeClock


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a test decides: payers, answers and faults."""

    plan_payment: PlanPayment
    make_planned_payments: MakePlannedPayments
    cancel_plan: CancelPlan
    plans: ShowPlans
    rules: ShowRules
    add_rule: AddRule
    change_rule: ChangeRule
    remove_rule: RemoveRule
    start_over: StartOver


def compose_sandbox(
    units: UnitsOfWork,
    scheme_clock: SchemeClock,
    request_transfers: RequestTransfers,
    read_terms: ReadTerms,
    new_id: Callable[[], str],
    follow_clock: FollowClock | None,
) -> Sandbox:
    """On any adapters."""
    make = MakePlannedPayments(units, scheme_clock, request_transfers, read_terms)
    return Sandbox(
        plan_payment=PlanPayment(units, scheme_clock, read_terms, make, new_id),
        make_planned_payments=make,
        cancel_plan=CancelPlan(units, scheme_clock),
        plans=ShowPlans(units),
        rules=ShowRules(units),
        add_rule=AddRule(units, new_id),
        change_rule=ChangeRule(units),
        remove_rule=RemoveRule(units),
        start_over=StartOver(follow_clock),
    )
