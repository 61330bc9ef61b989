"""Payments on demand: what a test has told a payer of this bank to do. Times are Unix milliseconds of scheme time."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from bank_sim.domain.flows.transfer.requests import TransferOrder
from bank_sim.domain.sandbox.bounds import IN_SECONDS_MAX, TIMES_MAX
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import PixKey
from pix.scheme.money import check_amount
from pix.scheme.times import check_time_ms
from pix.scheme.values import value_object

PLANS_WAITING_MAX: Final = 1_000
"""Of a bank."""
PLANS_KEPT_MAX: Final = 5_000
"""Of those that are done; the oldest go first."""
PLANS_LISTED_MAX: Final = 500
CODE_LENGTH_MAX: Final = 1_000
CLIENT_KEY_LENGTH_MAX: Final = 100
AFTER_EXPIRY_MS: Final = 1_000
"""How long after the expiry of a charge it is paid when it is to be paid too late."""


class PlanStatus(StrEnum):
    WAITING = "waiting"
    """It is not due yet."""
    MADE = "made"
    """Its transfers are requested; what became of them stands at the transfers."""
    REFUSED = "refused"
    """This bank has not made it: `refusal` says why."""
    NEVER = "never"
    """It is never made, and no rule makes another one of this charge."""
    CANCELLED = "cancelled"


class When(StrEnum):
    NOW = "now"
    IN_SECONDS = "in_seconds"
    AT = "at"
    AFTER_EXPIRY = "after_expiry"
    NEVER = "never"


@value_object
class PaymentTerms:
    """What a payer's bank knows of a code once it was read."""

    key: PixKey
    payee_name: str
    payee_bank_name: str
    payee_tax_id_masked: str
    amount_centavos: int | None
    """None: the payer chooses it."""
    initiation: Initiation
    txid: str
    description: str
    expires_at_ms: int | None = None
    """When the charge can be paid no longer; None: it has no such time, or its bank does not say."""
    debtor_tax_id: str = ""


@value_object
class PlanOrder:
    """What a test asks for."""

    code: str
    """The copia e cola."""
    payer: str = ""
    """An account number, or the story of a demo person; empty: the rich one."""
    when: When = When.NOW
    in_seconds: int = 0
    at_ms: int | None = None
    amount_centavos: int | None = None
    """Instead of the code's."""
    times: int = 1
    by_another_person: bool = False
    """By a demo person who is neither the usual payer nor the charge's debtor."""
    client_key: str = ""
    """The same again makes no second plan."""


@value_object
class PlannedPayment:
    """One payment on demand, and what has become of it."""

    plan_id: str
    account_number: str
    """The payer's."""
    code: str
    created_at_ms: int
    due_at_ms: int | None
    """None once it is done, or when it is never made."""
    times: int = 1
    amount_centavos: int | None = None
    terms: PaymentTerms | None = None
    """None: the code is read when it is due."""
    status: PlanStatus = PlanStatus.WAITING
    done_at_ms: int | None = None
    end_to_end_ids: tuple[str, ...] = ()
    refusal: str = ""
    """One sentence."""
    client_key: str = ""
    rule_id: str = ""
    """The rule that has made it; empty: a test has."""

    @property
    def txid(self) -> str:
        return "" if self.terms is None else self.terms.txid


def check_plan_order(order: PlanOrder) -> PlanOrder:
    """Raises SchemeError(field="code" | "in_seconds" | "at_ms" | "amount_centavos" | "times" | "client_key")."""
    if not 0 < len(order.code) <= CODE_LENGTH_MAX:
        raise SchemeError("code", f"A code has 1 to {CODE_LENGTH_MAX} characters.")
    if not 0 <= order.in_seconds <= IN_SECONDS_MAX:
        raise SchemeError("in_seconds", f"A payment can wait 0 to {IN_SECONDS_MAX} seconds.")
    if (order.at_ms is not None) is not (order.when is When.AT):
        raise SchemeError("at_ms", "It goes with `when` at, and `at` needs it.")
    if order.in_seconds and order.when is not When.IN_SECONDS:
        raise SchemeError("in_seconds", "It goes with `when` in_seconds.")
    if order.at_ms is not None:
        check_time_ms(order.at_ms, "at_ms")
    if order.amount_centavos is not None:
        check_amount(order.amount_centavos)
    if not 1 <= order.times <= TIMES_MAX:
        raise SchemeError("times", f"A code can be paid 1 to {TIMES_MAX} times.")
    if len(order.client_key) > CLIENT_KEY_LENGTH_MAX:
        raise SchemeError("client_key", f"A key has at most {CLIENT_KEY_LENGTH_MAX} characters.")
    return order


def is_same_plan(plan: PlannedPayment, order: PlanOrder) -> bool:
    """Whether an order with the same client key asks for the same."""
    return (plan.code, plan.times, plan.amount_centavos) == (order.code, order.times, order.amount_centavos)


def due_at_ms(order: PlanOrder, terms: PaymentTerms | None, now_ms: int) -> int | None:
    """When it is made; None: never. Raises SchemeError(field="when") for a code without an expiry."""
    match order.when:
        case When.NOW:
            return now_ms
        case When.IN_SECONDS:
            return now_ms + order.in_seconds * 1_000
        case When.AT:
            return order.at_ms
        case When.AFTER_EXPIRY:
            if terms is None or terms.expires_at_ms is None:
                raise SchemeError("when", "This code has no expiry; name a time with `at`.")
            return max(now_ms, terms.expires_at_ms + AFTER_EXPIRY_MS)
        case When.NEVER:
            return None


def orders_of(plan: PlannedPayment, terms: PaymentTerms) -> list[TransferOrder]:
    """The transfers of a plan, each with another key, so that none is made a second time.

    Raises SchemeError(field="amount_centavos") when neither the code nor the test says how much.
    """
    amount_centavos = plan.amount_centavos if plan.amount_centavos is not None else terms.amount_centavos
    if amount_centavos is None:
        raise SchemeError("amount_centavos", "The code leaves the amount to the payer: name one.")
    return [
        TransferOrder(
            account_number=plan.account_number,
            payee_key=terms.key,
            amount_centavos=amount_centavos,
            description=terms.description,
            idempotency_key=f"sandbox {plan.plan_id} {number}",
            payee_tax_id_masked=terms.payee_tax_id_masked,
            payee_name=terms.payee_name,
            payee_bank_name=terms.payee_bank_name,
            initiation=terms.initiation,
            txid=terms.txid,
        )
        for number in range(1, plan.times + 1)
    ]


def made(
    plan: PlannedPayment, terms: PaymentTerms, end_to_end_ids: tuple[str, ...], refusal: str, now_ms: int
) -> PlannedPayment:
    """Done: made when at least one transfer was; `refusal` says why another was not."""
    status = PlanStatus.MADE if end_to_end_ids else PlanStatus.REFUSED
    return replace(
        plan,
        terms=terms,
        status=status,
        due_at_ms=None,
        done_at_ms=now_ms,
        end_to_end_ids=end_to_end_ids,
        refusal=refusal,
    )


def refused(plan: PlannedPayment, refusal: str, now_ms: int) -> PlannedPayment:
    return replace(plan, status=PlanStatus.REFUSED, due_at_ms=None, done_at_ms=now_ms, refusal=refusal)


def cancelled(plan: PlannedPayment, now_ms: int) -> PlannedPayment:
    """Cancelling it again changes nothing. Raises SchemeError(field="plan_id") for one that is done."""
    match plan.status:
        case PlanStatus.CANCELLED:
            return plan
        case PlanStatus.WAITING | PlanStatus.NEVER:
            return replace(plan, status=PlanStatus.CANCELLED, due_at_ms=None, done_at_ms=now_ms)
        case _:
            raise SchemeError("plan_id", "This payment was made already.")
