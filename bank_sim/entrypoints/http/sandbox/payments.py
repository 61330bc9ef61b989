"""The payer on demand: what a test tells a payer of this bank to do."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from bank_sim.domain.sandbox.bounds import IN_SECONDS_MAX, TIMES_MAX
from bank_sim.domain.sandbox.plans import (
    CLIENT_KEY_LENGTH_MAX,
    CODE_LENGTH_MAX,
    PLANS_LISTED_MAX,
    PlannedPayment,
    PlanOrder,
    PlanStatus,
    When,
)
from bank_sim.entrypoints.http.sandbox.routing import PREFIX, sandbox_router
from bank_sim.entrypoints.http.site import SiteOf

router = sandbox_router()

PlanId = Annotated[str, Path(max_length=40)]


class PaymentOrder(BaseModel):
    """Who pays a code, when, how much, and how often."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"code": "00020126…6304ABCD", "when": "in_seconds", "in_seconds": 5}},
    )

    code: Annotated[str, Field(max_length=CODE_LENGTH_MAX, description="The *copia e cola*, static or dynamic.")]
    payer: Annotated[
        str,
        Field(max_length=20, description="An account number of this bank, or a story such as `everyday`; empty: rich."),
    ] = ""
    when: When = Field(
        When.NOW,
        description="`after_expiry` sends the payment too late, with the code read before; `never` makes no payment.",
    )
    in_seconds: Annotated[
        int, Field(ge=0, le=IN_SECONDS_MAX, description="In scheme time, with `when` in_seconds.")
    ] = 0
    at_ms: int | None = Field(None, description="Scheme time in Unix milliseconds, with `when` at.")
    amount_centavos: int | None = Field(None, description="Instead of the amount of the code.")
    times: Annotated[int, Field(ge=1, le=TIMES_MAX, description="2 pays the same code twice.")] = 1
    by_another_person: bool = Field(False, description="By a person who is neither the usual payer nor the debtor.")


class PlannedPaymentDocument(BaseModel):
    """A payment on demand. What became of its transfers: `/api/v1/transfers/{end_to_end_id}`."""

    payment_id: str
    status: PlanStatus
    payer: str = Field(description="Account number.")
    code: str
    txid: str = Field(description="Empty before the code was read.")
    created_at_ms: int
    due_at_ms: int | None
    done_at_ms: int | None
    amount_centavos: int | None
    times: int
    end_to_end_ids: list[str]
    refusal: str = Field(description="Why this bank has not made it, or not as often as asked.")
    rule_id: str = Field(description="The rule that has made it; empty: a test has.")

    @staticmethod
    def of(plan: PlannedPayment) -> PlannedPaymentDocument:
        amount = plan.amount_centavos
        if amount is None and plan.terms is not None:
            amount = plan.terms.amount_centavos
        return PlannedPaymentDocument(
            payment_id=plan.plan_id,
            status=plan.status,
            payer=plan.account_number,
            code=plan.code,
            txid=plan.txid,
            created_at_ms=plan.created_at_ms,
            due_at_ms=plan.due_at_ms,
            done_at_ms=plan.done_at_ms,
            amount_centavos=amount,
            times=plan.times,
            end_to_end_ids=list(plan.end_to_end_ids),
            refusal=plan.refusal,
            rule_id=plan.rule_id,
        )


class PlannedPaymentList(BaseModel):
    payments: list[PlannedPaymentDocument]


@router.post("/payments", status_code=201)
def plan_payment(
    site: SiteOf,
    body: PaymentOrder,
    response: Response,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            max_length=CLIENT_KEY_LENGTH_MAX,
            description="The same key again makes no second payment; empty: each request makes one.",
        ),
    ] = "",
) -> PlannedPaymentDocument:
    """Lets a payer of this bank pay a code. One that is to be paid now is requested before the answer."""
    order = PlanOrder(**body.model_dump(), client_key=idempotency_key)
    plan = site.bank.sandbox.plan_payment(order)
    response.headers["Location"] = f"{PREFIX}/payments/{plan.plan_id}"
    return PlannedPaymentDocument.of(plan)


@router.get("/payments")
def list_payments(
    site: SiteOf, size: Annotated[int, Query(ge=1, le=PLANS_LISTED_MAX)] = PLANS_LISTED_MAX
) -> PlannedPaymentList:
    """Newest first."""
    return PlannedPaymentList(payments=[PlannedPaymentDocument.of(plan) for plan in site.bank.sandbox.plans(size)])


@router.get("/payments/{payment_id}")
def find_payment(site: SiteOf, payment_id: PlanId) -> PlannedPaymentDocument:
    """One payment on demand."""
    return PlannedPaymentDocument.of(site.bank.sandbox.plans.find(payment_id))


@router.delete("/payments/{payment_id}")
def cancel_payment(site: SiteOf, payment_id: PlanId) -> PlannedPaymentDocument:
    """Cancels one that waits; cancelling it again changes nothing."""
    return PlannedPaymentDocument.of(site.bank.sandbox.cancel_plan(payment_id))
