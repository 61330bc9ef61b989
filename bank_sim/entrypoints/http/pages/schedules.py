"""Scheduled payments: what is to come and what became of it; changing and cancelling, with a question in between."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Form, Path, Request, Response

from bank_sim.domain.account import Account
from bank_sim.domain.errors import ScheduleEnded
from bank_sim.domain.schedules.calendar import PAYMENTS_MAX
from bank_sim.domain.schedules.model import SCHEDULES_PER_ACCOUNT_MAX, Schedule, ScheduleEdit
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.plan_form import FIELDS, PlanForm, plan_of_form
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.money import check_amount, parse_brl
from pix.web.formats import brl_plain
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

EXECUTIONS_SHOWN = 30

router = page_router()

ScheduleId = Annotated[str, Path(max_length=40)]


@router.get("/schedules")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """What is to come, the next first, and the latest of what became of it."""
    schedules = site.bank.queries.schedules_of(account.number, 2 * SCHEDULES_PER_ACCOUNT_MAX)
    context = {
        "account": account,
        "section": "/schedules",
        "schedules": [each for each in schedules if each.is_active],
        "executions": site.bank.queries.executions_of(account.number, "", EXECUTIONS_SHOWN),
        "by_id": {each.schedule_id: each for each in schedules},
    }
    return pages.page(request, "bank/schedules.html", context)


@router.get("/schedules/{schedule_id}/edit")
def ask_edit(request: Request, site: SiteOf, pages: PagesOf, account: Customer, schedule_id: ScheduleId) -> Response:
    """The form with what is left. Raises ScheduleNotFound."""
    schedule = site.bank.queries.find_schedule(account.number, schedule_id)
    if not schedule.is_active:
        return see_other(request, "/schedules")
    amount, plan = brl_plain(schedule.amount_centavos), PlanForm.of_schedule(schedule)
    return _edit_page(request, site, pages, account, schedule, amount, schedule.description, plan, Faults())


@router.post("/schedules/{schedule_id}/edit")
def edit(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    schedule_id: ScheduleId,
    amount: Annotated[str, Form(max_length=100)] = "",
    description: Annotated[str, Form(max_length=2_000)] = "",
    *,
    plan: Annotated[PlanForm, Depends(plan_of_form)],
) -> Response:
    """Changes what is still to come."""
    schedule = site.bank.queries.find_schedule(account.number, schedule_id)
    try:
        change = ScheduleEdit(_amount(amount), description, plan.order())
        site.bank.edit_schedule(account_number=account.number, schedule_id=schedule_id, edit=change)
    except SchemeError as error:
        field = error.field if error.field in {"amount_centavos", "description", *FIELDS} else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _edit_page(request, site, pages, account, schedule, amount, description, plan, faults, 422)
    say_once(request, translatable("Scheduled Pix changed."))
    return see_other(request, "/schedules")


@router.get("/schedules/{schedule_id}/cancel")
def ask_cancel(request: Request, site: SiteOf, pages: PagesOf, account: Customer, schedule_id: ScheduleId) -> Response:
    """Asks whether the customer means it. Raises ScheduleNotFound."""
    schedule = site.bank.queries.find_schedule(account.number, schedule_id)
    if not schedule.is_active:
        return see_other(request, "/schedules")
    context = {"account": account, "section": "/schedules", "schedule": schedule}
    return pages.page(request, "bank/schedule_cancel.html", context)


@router.post("/schedules/{schedule_id}/cancel")
def cancel(request: Request, site: SiteOf, account: Customer, schedule_id: ScheduleId) -> Response:
    """Cancels what is still to come."""
    try:
        site.bank.cancel_schedule(account_number=account.number, schedule_id=schedule_id)
    except ScheduleEnded:
        return see_other(request, "/schedules")
    say_once(request, translatable("Scheduled Pix cancelled."))
    return see_other(request, "/schedules")


@router.post("/schedules/{schedule_id}/failure-read")
def failure_read(
    request: Request,
    site: SiteOf,
    account: Customer,
    schedule_id: ScheduleId,
    failed_day: Annotated[date, Form()],
) -> Response:
    """The customer has read that a payment has failed: Home shows it no more."""
    site.bank.note_failure_read(account_number=account.number, schedule_id=schedule_id, failed_day=failed_day)
    return see_other(request, "/")


def _amount(text: str) -> int:
    try:
        return check_amount(parse_brl(text))
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None


def _edit_page(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    schedule: Schedule,
    amount: str,
    description: str,
    plan: PlanForm,
    faults: Faults,
    status: int = 200,
) -> Response:
    context = {
        "account": account,
        "section": "/schedules",
        "here": f"/schedules/{schedule.schedule_id}/edit",
        "schedule": schedule,
        "values": {"amount": amount, "description": description},
        "plan": plan,
        "tomorrow": day_of(site.scheme_clock.now_ms()) + timedelta(days=1),
        "payments_max": PAYMENTS_MAX,
        "faults": faults,
    }
    return pages.page(request, "bank/schedule_edit.html", context, status=status)
