"""The table of rules decides how the delivery of a notice fails."""

from __future__ import annotations

from bank_sim.application.ports import UnitOfWork
from bank_sim.domain.sandbox.rules import RuleKind, Subject, first_fit
from bank_sim.domain.webhooks.faults import FaultPlan
from bank_sim.domain.webhooks.model import Notice


def fault_by_rules(unit: UnitOfWork, notice: Notice) -> FaultPlan | None:
    """See `bank_sim.application.webhooks.ports.ChooseFault`."""
    subject = Subject(
        amount_centavos=notice.amount_centavos,
        txid=notice.txid,
        key=notice.key.key,
        account_number=notice.account_number,
    )
    rule = first_fit(unit.rules.all(), RuleKind.WEBHOOK, subject)
    return rule.action if rule is not None and isinstance(rule.action, FaultPlan) else None
