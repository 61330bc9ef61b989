"""Rules decide what payers of this bank do with a charge that is made here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bank_sim.application.payable_codes.use_cases import PayableCodes
from bank_sim.application.ports import UnitOfWork
from bank_sim.application.sandbox.plan_payments import OTHERS, RICH
from bank_sim.domain.charges.amounts import last_day_to_pay
from bank_sim.domain.charges.model import SECOND_MS, Charge, Immediate, Location
from bank_sim.domain.sandbox.plans import AFTER_EXPIRY_MS, PaymentTerms, PlannedPayment, PlanStatus
from bank_sim.domain.sandbox.rules import PayerAction, RuleKind, Subject, first_fit
from pix.scheme.days import start_of_day_ms
from pix.scheme.initiation import Initiation
from pix.scheme.people import mask_tax_id


class PayNewCharges:
    """Plans what a rule says, in the transaction that makes the charge."""

    def __init__(self, codes: PayableCodes, new_id: Callable[[], str]) -> None:
        self._codes = codes
        self._new_id = new_id

    def __call__(self, unit: UnitOfWork, charge: Charge, location: Location) -> None:
        """Without a rule that fits, nothing happens."""
        subject = Subject(charge.amount_centavos, charge.txid, charge.key.key, charge.account_number)
        rule = first_fit(unit.rules.all(), RuleKind.PAYER, subject)
        if rule is None or not isinstance(rule.action, PayerAction):
            return
        action = rule.action
        payer = _payer_of(unit, action, charge)
        account = unit.accounts.find(charge.account_number)
        if payer is None or account is None:
            return
        unit.plans.add(
            [
                PlannedPayment(
                    plan_id=self._new_id(),
                    account_number=payer,
                    code=self._codes.write(self._codes.location(charge.kind, location.token), account.holder_name),
                    created_at_ms=charge.created_at_ms,
                    due_at_ms=_due_at_ms(charge, action),
                    times=action.times,
                    amount_centavos=action.amount_centavos,
                    # Too late to be read then.
                    terms=_terms_of(charge, account.holder_name) if action.after_expiry else None,
                    status=PlanStatus.WAITING if action.pays else PlanStatus.NEVER,
                    rule_id=rule.rule_id,
                )
            ]
        )


def expiry_of(charge: Charge) -> int:
    """From when on a charge can be paid no longer, in Unix milliseconds of scheme time."""
    if isinstance(charge.terms, Immediate):
        return charge.created_at_ms + charge.terms.expiry_seconds * SECOND_MS
    return start_of_day_ms(last_day_to_pay(charge.terms) + timedelta(days=1))


def _due_at_ms(charge: Charge, action: PayerAction) -> int | None:
    if not action.pays:
        return None
    if action.after_expiry:
        return expiry_of(charge) + AFTER_EXPIRY_MS
    return charge.created_at_ms + action.after_seconds * SECOND_MS


def _payer_of(unit: UnitOfWork, action: PayerAction, charge: Charge) -> str | None:
    """The account number of the payer; None when no account can pay."""
    stories = unit.switches.seeded_stories()
    if action.payer and not action.by_another_person:
        return stories.get(action.payer, action.payer)
    people = OTHERS if action.by_another_person else (RICH, *OTHERS)
    debtor = charge.debtor.tax_id if charge.debtor is not None else ""
    for story in people:
        account = unit.accounts.find(stories[story]) if story in stories else None
        if account is None or account.number == charge.account_number:
            continue
        if not (action.by_another_person and account.tax_id == debtor):
            return account.number
    return None


def _terms_of(charge: Charge, holder_name: str) -> PaymentTerms:
    """What a payer has read of the charge when it was made."""
    return PaymentTerms(
        key=charge.key,
        payee_name=holder_name,
        payee_bank_name="",
        payee_tax_id_masked=mask_tax_id(charge.tax_id),
        amount_centavos=charge.amount_centavos or None,
        initiation=Initiation.QRDN,
        txid=charge.txid,
        description="",
        expires_at_ms=expiry_of(charge),
    )
