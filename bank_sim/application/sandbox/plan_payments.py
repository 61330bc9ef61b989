"""Payments on demand: a test tells a payer of this bank what to do with a code, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bank_sim.application.ports import RowExists, UnitOfWork, UnitsOfWork
from bank_sim.application.request_transfer import RequestTransfers
from bank_sim.application.sandbox.ports import ReadTerms
from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountNotFound, HubUnavailable, IdempotencyConflict
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.sandbox.plans import (
    PLANS_KEPT_MAX,
    PLANS_LISTED_MAX,
    PLANS_WAITING_MAX,
    PaymentTerms,
    PlannedPayment,
    PlanOrder,
    PlanStatus,
    When,
    cancelled,
    check_plan_order,
    due_at_ms,
    is_same_plan,
    made,
    orders_of,
    refused,
)
from pix.runtime.clock import SchemeClock
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

DUE_PER_RUN_MAX: Final = 50
RICH: Final = "rich"
OTHERS: Final = ("everyday", "company", RICH)
"""Who pays as another person: the first of them who is neither the usual payer nor the debtor."""


class PlanNotFound(SchemeError):
    def __init__(self) -> None:
        super().__init__("plan_id", "There is no payment with this id.")


class TooManyPlans(SchemeError):
    def __init__(self) -> None:
        super().__init__("code", f"At most {PLANS_WAITING_MAX} payments can wait.")


class MakePlannedPayments:
    """Makes what is due, in the order of (time, id): each plan once, whatever crashes and however many replicas run.

    The code is read outside of the transaction. Then transfers, debit and the plan's end are one transaction, in which
    the plan is locked.
    """

    def __init__(
        self, units: UnitsOfWork, scheme_clock: SchemeClock, request_transfers: RequestTransfers, read: ReadTerms
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._request_transfers = request_transfers
        self._read = read

    def __call__(self) -> int:
        """How many were done, until none is due. Raises DatabaseUnavailable."""
        done = 0
        while due := self._due():
            made_now = sum(self.make(plan) is not None for plan in due)
            if made_now == 0:
                # Another replica holds them, or the hub is away.
                break
            done += made_now
        return done

    def next_due_ms(self) -> int | None:
        """The earliest scheme time at which a payment is due, also when it is over; None: none waits.

        Raises DatabaseUnavailable.
        """
        with self._units() as unit:
            return unit.plans.next_due_ms()

    def make(self, plan: PlannedPayment) -> PlannedPayment | None:
        """The plan, done; None when another replica does it, or when the hub must answer first.

        Raises DatabaseUnavailable.
        """
        try:
            terms, refusal = self._terms_of(plan)
        except HubUnavailable:
            return None
        taken = None
        with self._units() as unit:
            held = unit.plans.lock_waiting(plan.plan_id)
            if held is None:
                return None
            now_ms = self._scheme_clock.now_ms()
            if terms is None:
                done = refused(held, refusal, now_ms)
            else:
                try:
                    orders = orders_of(held, terms)
                except SchemeError as error:
                    done = refused(held, error.rule, now_ms)
                else:
                    taken = self._request_transfers.within(unit, orders)
                    ids = tuple(each.end_to_end_id for each in taken.results if isinstance(each, Transfer))
                    rules = [each.rule for each in taken.results if isinstance(each, SchemeError)]
                    done = made(held, terms, ids, rules[0] if rules else "", now_ms)
            unit.plans.save([done])
            unit.plans.forget_done(PLANS_KEPT_MAX)
            unit.commit()
        if taken is not None:
            self._request_transfers.publish(taken)
        return done

    def _due(self) -> list[PlannedPayment]:
        with self._units() as unit:
            return unit.plans.due(self._scheme_clock.now_ms(), DUE_PER_RUN_MAX)

    def _terms_of(self, plan: PlannedPayment) -> tuple[PaymentTerms | None, str]:
        if plan.terms is not None:
            return plan.terms, ""
        try:
            return self._read(plan.code, None), ""
        except HubUnavailable:
            raise
        except SchemeError as error:
            return None, error.rule


class PlanPayment:
    """Takes what a test asks for. What is due now is made before the answer."""

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        read: ReadTerms,
        make: MakePlannedPayments,
        new_id: Callable[[], str],
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._read = read
        self._make = make
        self._new_id = new_id

    def __call__(self, order: PlanOrder) -> PlannedPayment:
        """The plan as it stands; with a client key used before for the same order, that plan.

        A code to be paid now or too late is read at once, any other when it is due. One that is never to be paid takes
        back what waits for the same code. Raises SchemeError for an order or
        a code that is malformed, what reading the code raises, AccountNotFound, TooManyPlans, IdempotencyConflict.
        """
        check_plan_order(order)
        earlier = self._earlier(order)
        if earlier is not None:
            return earlier
        brcode.decode(order.code)
        now_ms = self._scheme_clock.now_ms()
        terms = None
        if order.when in (When.NOW, When.AFTER_EXPIRY) or order.by_another_person:
            terms = self._read(order.code, None)
        due_ms = due_at_ms(order, terms, now_ms)
        reads_later = order.when in (When.IN_SECONDS, When.AT)
        try:
            with self._units() as unit:
                if unit.plans.count_waiting() >= PLANS_WAITING_MAX:
                    raise TooManyPlans
                plan = PlannedPayment(
                    plan_id=self._new_id(),
                    account_number=payer_of(unit, order, terms).number,
                    code=order.code,
                    created_at_ms=now_ms,
                    due_at_ms=due_ms,
                    times=order.times,
                    amount_centavos=order.amount_centavos,
                    terms=None if reads_later else terms,
                    status=PlanStatus.NEVER if due_ms is None else PlanStatus.WAITING,
                    client_key=order.client_key,
                )
                if order.when is When.NEVER:
                    unit.plans.save([cancelled(each, now_ms) for each in unit.plans.lock_waiting_of(order.code)])
                unit.plans.add([plan])
                unit.commit()
        except RowExists:
            # The same order came twice at a time.
            return self._earlier(order) or plan
        return (self._make.make(plan) if order.when is When.NOW else None) or self._found(plan)

    def _found(self, plan: PlannedPayment) -> PlannedPayment:
        with self._units() as unit:
            return unit.plans.find(plan.plan_id) or plan

    def _earlier(self, order: PlanOrder) -> PlannedPayment | None:
        if not order.client_key:
            return None
        with self._units() as unit:
            plan = unit.plans.find_by_client_key(order.client_key)
        if plan is not None and not is_same_plan(plan, order):
            raise IdempotencyConflict
        return plan


class CancelPlan:
    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock

    def __call__(self, plan_id: str) -> PlannedPayment:
        """Cancelling it again changes nothing. Raises PlanNotFound, SchemeError(field="plan_id")."""
        with self._units() as unit:
            plan = unit.plans.lock(plan_id)
            if plan is None:
                raise PlanNotFound
            plan = cancelled(plan, self._scheme_clock.now_ms())
            unit.plans.save([plan])
            unit.commit()
        return plan


class ShowPlans:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, size: int = PLANS_LISTED_MAX) -> list[PlannedPayment]:
        """Newest first."""
        with self._units() as unit:
            return unit.plans.list(size)

    def find(self, plan_id: str) -> PlannedPayment:
        """Raises PlanNotFound."""
        with self._units() as unit:
            plan = unit.plans.find(plan_id)
        if plan is None:
            raise PlanNotFound
        return plan


def payer_of(unit: UnitOfWork, order: PlanOrder, terms: PaymentTerms | None) -> Account:
    """The account that pays. Raises AccountNotFound, and SchemeError(field="payer") when no account can pay."""
    stories = unit.switches.seeded_stories()
    if order.by_another_person:
        return _another_person(unit, stories, order, terms)
    number = stories.get(order.payer or RICH, order.payer)
    account = unit.accounts.find(number) if number else None
    if account is None:
        raise AccountNotFound
    return account


def _another_person(unit: UnitOfWork, stories: dict[str, str], order: PlanOrder, terms: PaymentTerms | None) -> Account:
    usual = stories.get(order.payer or RICH, order.payer)
    debtor = "" if terms is None else terms.debtor_tax_id
    for story in OTHERS:
        account = unit.accounts.find(stories[story]) if story in stories else None
        if account is not None and account.number != usual and account.tax_id != debtor:
            return account
    raise SchemeError("by_another_person", "This bank has no other person with money; name one as `payer`.")


@value_object
class DueTogether:
    """The due items of a bank that has planned payments beside scheduled ones."""

    first: Callable[[], int | None]
    second: Callable[[], int | None]

    def next_due_ms(self) -> int | None:
        found = [due_ms for due_ms in (self.first(), self.second()) if due_ms is not None]
        return min(found, default=None)
