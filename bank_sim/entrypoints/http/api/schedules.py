"""Scheduled payments: ordering, changing and cancelling them, and what became of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Response
from fastapi.exceptions import RequestValidationError

from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from bank_sim.domain.payable_codes.errors import CodeNotSchedulable
from bank_sim.domain.schedules.model import ScheduleEdit
from bank_sim.entrypoints.http.api.documents import (
    SCHEDULE_ID_EXAMPLE,
    EditScheduleRequest,
    ExecutionDocument,
    ExecutionList,
    ScheduleDocument,
    ScheduleList,
    SchedulePaymentRequest,
)
from bank_sim.entrypoints.http.api.routing import PREFIX, AccountNumber, PageSize, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.keys import parse_stored_key

router = api_router("schedules")

ScheduleId = Annotated[str, Path(max_length=40, examples=[SCHEDULE_ID_EXAMPLE])]


@router.post("/accounts/{number}/schedules", status_code=201)
def schedule_payment(
    site: SiteOf,
    number: AccountNumber,
    body: SchedulePaymentRequest,
    response: Response,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=IDEMPOTENCY_KEY_LENGTH_MAX,
            description="A unique value you choose per order. The same key again returns the same schedule.",
            examples=["b5f1c9e0-6a35-4d7c-8f0e-1d2c3b4a5968"],
        ),
    ],
) -> ScheduleDocument:
    """Schedules payments. Nothing is debited before the day; each payment is then one transfer with its own ID."""
    if body.brcode:
        raise CodeNotSchedulable
    if body.payee_key is None:
        raise RequestValidationError([{"type": "missing", "loc": ("body", "payee_key"), "msg": "Field required"}])
    schedule = site.bank.schedule_payment(
        account_number=number,
        payee_key=parse_stored_key(body.payee_key.key, body.payee_key.kind),
        amount_centavos=body.amount_centavos,
        description=body.description,
        idempotency_key=idempotency_key,
        plan=body.plan.as_order(),
        payee_tax_id_masked=body.payee_tax_id_masked,
        payee_name=body.payee_name,
        payee_bank_name=body.payee_bank_name,
    )
    response.headers["Location"] = f"{PREFIX}/accounts/{number}/schedules/{schedule.schedule_id}"
    return ScheduleDocument.of(schedule)


@router.get("/accounts/{number}/schedules")
def list_schedules(site: SiteOf, number: AccountNumber, size: PageSize = PAGE_SIZE_DEFAULT) -> ScheduleList:
    """An account's scheduled payments: the active ones by the next try, then the others, newest first."""
    schedules = site.bank.queries.schedules_of(number, size)
    return ScheduleList(schedules=[ScheduleDocument.of(each) for each in schedules])


@router.get("/accounts/{number}/schedules/{schedule_id}")
def find_schedule(site: SiteOf, number: AccountNumber, schedule_id: ScheduleId) -> ScheduleDocument:
    """One scheduled payment."""
    return ScheduleDocument.of(site.bank.queries.find_schedule(number, schedule_id))


@router.patch("/accounts/{number}/schedules/{schedule_id}")
def edit_schedule(
    site: SiteOf, number: AccountNumber, schedule_id: ScheduleId, body: EditScheduleRequest
) -> ScheduleDocument:
    """Changes what is still to come. The same change again changes nothing."""
    edit = ScheduleEdit(body.amount_centavos, body.description, body.plan.as_order() if body.plan else None)
    return ScheduleDocument.of(site.bank.edit_schedule(account_number=number, schedule_id=schedule_id, edit=edit))


@router.delete("/accounts/{number}/schedules/{schedule_id}")
def cancel_schedule(site: SiteOf, number: AccountNumber, schedule_id: ScheduleId) -> ScheduleDocument:
    """Cancels what is still to come; what was paid stays paid. Cancelling it again changes nothing."""
    return ScheduleDocument.of(site.bank.cancel_schedule(account_number=number, schedule_id=schedule_id))


@router.get("/accounts/{number}/schedules/{schedule_id}/executions")
def list_executions(
    site: SiteOf, number: AccountNumber, schedule_id: ScheduleId, size: PageSize = PAGE_SIZE_DEFAULT
) -> ExecutionList:
    """What became of its payments, newest first."""
    schedule = site.bank.queries.find_schedule(number, schedule_id)
    executions = site.bank.queries.executions_of(number, schedule.schedule_id, size)
    return ExecutionList(executions=[ExecutionDocument.of(each) for each in executions])
