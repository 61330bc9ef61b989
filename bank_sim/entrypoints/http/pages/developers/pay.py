"""Test payments: what a person of this bank does with a code, as the sandbox offers it. Without a sandbox, no page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Form, HTTPException, Path, Query, Request, Response

from bank_sim.domain.account import Account
from bank_sim.domain.sandbox.bounds import IN_SECONDS_MAX
from bank_sim.domain.sandbox.plans import CODE_LENGTH_MAX, PlanOrder, PlanStatus, When
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.developers.routing import LINES_SHOWN, POLL_SECONDS, frame, has_sandbox
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.scheme.money import check_amount, parse_brl
from pix.web.events import Scene, stream_scenes
from pix.web.htmx import local_url, see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, version_of
from pix.web.templates import Pages, language_of

TAB: Final = "/developers/pay"
STORIES: Final = ("rich", "everyday", "company")
"""Of the demo people, those who can pay."""

NOT_FOUND: Final = 404


def needs_sandbox(site: SiteOf) -> None:
    """Other people's money moves, so that the operator must have switched it on."""
    if not has_sandbox(site):
        raise HTTPException(NOT_FOUND)


router = page_router()
router.dependencies.append(Depends(needs_sandbox))


@router.get("/developers/pay")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    code: Annotated[str, Query(max_length=CODE_LENGTH_MAX)] = "",
) -> Response:
    """The form, and the payments on demand, newest first."""
    return _page(request, site, pages, account, {"code": code, "when": When.NOW.value}, Faults(), 200)


@router.post("/developers/pay")
def pay(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    code: Annotated[str, Form(max_length=2 * CODE_LENGTH_MAX)] = "",
    when: Annotated[When, Form()] = When.NOW,
    in_seconds: Annotated[str, Form(max_length=20)] = "",
    at: Annotated[str, Form(max_length=40)] = "",
    amount: Annotated[str, Form(max_length=100)] = "",
    payer: Annotated[str, Form(max_length=20)] = "",
    twice: Annotated[bool, Form()] = False,
    another: Annotated[bool, Form()] = False,
    back: Annotated[str, Form(alias="next", max_length=500)] = "",
) -> Response:
    """Pays, or plans it, and goes back to the page with the form."""
    try:
        order = PlanOrder(
            code=code.strip(),
            payer=payer,
            when=when,
            in_seconds=_seconds(in_seconds) if when is When.IN_SECONDS else 0,
            at_ms=_time_ms(at) if when is When.AT else None,
            amount_centavos=_amount(amount),
            times=2 if twice else 1,
            by_another_person=another,
        )
        plan = site.bank.sandbox.plan_payment(order)
    except SchemeError as error:
        values = {
            "code": code,
            "when": when.value,
            "in_seconds": in_seconds,
            "at": at,
            "amount": amount,
            "payer": payer,
            "twice": "on" if twice else "",
            "another": "on" if another else "",
        }
        field = error.field if error.field in ("code", "in_seconds", "at_ms", "amount_centavos") else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _page(request, site, pages, account, values, faults, 422)
    if plan.status is PlanStatus.REFUSED:
        say_once(request, translatable("Not paid."), kind="bad")
    elif plan.status is PlanStatus.MADE:
        say_once(request, translatable("Payment sent."))
    elif plan.status is PlanStatus.NEVER:
        say_once(request, translatable("It will never be paid."))
    else:
        say_once(request, translatable("Payment planned."))
    return see_other(request, local_url(back, TAB))


@router.post("/developers/pay/{plan_id}/cancel")
def cancel(request: Request, site: SiteOf, account: Customer, plan_id: Annotated[str, Path(max_length=40)]) -> Response:
    """Cancels a payment that waits."""
    del account
    try:
        site.bank.sandbox.cancel_plan(plan_id)
    except SchemeError:
        return see_other(request, TAB)
    say_once(request, translatable("Payment cancelled."))
    return see_other(request, TAB)


@router.get("/developers/pay/live")
def live(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, seen: Annotated[str, Query(max_length=60)] = ""
) -> Response:
    """The payments again whenever one changes."""

    def look() -> Scene:
        context = _plans(request, site, account)
        return Scene(context["version"], lambda: pages.html(request, "bank/developers/pay.html", context, block="live"))

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


def _page(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    values: dict[str, str],
    faults: Faults,
    status: int,
) -> Response:
    context = _plans(request, site, account) | {"here": TAB, "values": Faults(values), "faults": faults}
    return pages.page(request, "bank/developers/pay.html", context, status=status)


def _plans(request: Request, site: Site, account: Account) -> dict[str, Any]:
    plans = site.bank.sandbox.plans(LINES_SHOWN)
    return frame(request, site, account, TAB, plans=plans, stories=STORIES, version=version_of(tuple(plans)))


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= IN_SECONDS_MAX):
        raise SchemeError("in_seconds", f"A payment can wait 0 to {IN_SECONDS_MAX} seconds.")
    return int(text)


def _time_ms(text: str) -> int:
    try:
        return instant_ms(datetime.fromisoformat(text).replace(tzinfo=None))
    except (ValueError, OverflowError):
        raise SchemeError("at_ms", "Choose a day and a time.") from None


def _amount(text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return check_amount(parse_brl(text))
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None
