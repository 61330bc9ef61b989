"""The sandbox in the back office: what payers of this bank are told, and the table of rules."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Form, Path, Request, Response

from bank_sim.domain.sandbox.bounds import TIMES_MAX
from bank_sim.domain.sandbox.plans import CODE_LENGTH_MAX, PlanOrder, When
from bank_sim.domain.sandbox.rules import AnswerAction, Match, ReadingAction, Rule, RuleKind, as_plain
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.sandbox.rules import read_action
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf
from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

PAYMENTS_SHOWN: Final = 50
DOCUMENT_LENGTH_MAX: Final = 2_000
UNPROCESSABLE: Final = 422

router = operator_router()

Texts = dict[str, str]
EMPTY: Final[Texts] = dict.fromkeys(("code", "payer", "when", "seconds", "at", "amount", "kind", "match", "action"), "")


@router.get("/sandbox")
def show(request: Request, site: SiteOf, pages: PagesOf) -> Response:
    return _page(request, site, pages, {}, Faults(), 200)


@router.post("/sandbox/payments")
def plan(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    code: Annotated[str, Form(max_length=CODE_LENGTH_MAX)] = "",
    payer: Annotated[str, Form(max_length=20)] = "",
    when: Annotated[When, Form()] = When.NOW,
    seconds: Annotated[str, Form(max_length=10)] = "",
    at: Annotated[str, Form(max_length=30)] = "",
    amount: Annotated[str, Form(max_length=40)] = "",
    times: Annotated[int, Form(ge=1, le=TIMES_MAX)] = 1,
    by_another_person: Annotated[bool, Form()] = False,
) -> Response:
    values = {"code": code, "payer": payer, "when": when.value, "seconds": seconds, "at": at, "amount": amount}
    try:
        order = PlanOrder(
            code=code.strip(),
            payer=payer.strip(),
            when=when,
            in_seconds=_seconds_of(seconds) if when is When.IN_SECONDS else 0,
            at_ms=_time_of(at) if when is When.AT else None,
            amount_centavos=parse_brl(amount) if amount.strip() else None,
            times=times,
            by_another_person=by_another_person,
        )
        done = site.bank.sandbox.plan_payment(order)
    except SchemeError as error:
        return _refused(request, site, pages, values, "payment", error)
    if done.refusal:
        return _refused(request, site, pages, values, "payment", SchemeError("code", done.refusal))
    say_once(request, translatable("The payer has been told."))
    return see_other(request, "/backoffice/sandbox")


@router.post("/sandbox/payments/{payment_id}")
def cancel(request: Request, site: SiteOf, payment_id: Annotated[str, Path(max_length=40)]) -> Response:
    site.bank.sandbox.cancel_plan(payment_id)
    say_once(request, translatable("The payment was cancelled."))
    return see_other(request, "/backoffice/sandbox")


@router.post("/sandbox/rules")
def add_rule(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    kind: Annotated[RuleKind, Form()],
    match: Annotated[str, Form(max_length=DOCUMENT_LENGTH_MAX)] = "",
    action: Annotated[str, Form(max_length=DOCUMENT_LENGTH_MAX)] = "",
) -> Response:
    values = {"kind": kind.value, "match": match, "action": action}
    try:
        rule = Rule(
            rule_id="",
            kind=kind,
            action=read_action(kind, _document(action, "action")),
            match=_match_of(_document(match, "match")),
        )
        site.bank.sandbox.add_rule(rule)
    except SchemeError as error:
        return _refused(request, site, pages, values, "rule", error)
    say_once(request, translatable("Applied. It takes effect with the next message."))
    return see_other(request, "/backoffice/sandbox")


@router.post("/sandbox/rules/{rule_id}")
def change_rule(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    rule_id: Annotated[str, Path(max_length=40)],
    act: Annotated[Literal["enable", "disable", "remove"], Form()],
) -> Response:
    try:
        if act == "remove":
            site.bank.sandbox.remove_rule(rule_id)
        else:
            site.bank.sandbox.change_rule(rule_id, lambda rule: replace(rule, enabled=act == "enable"))
    except SchemeError as error:
        return _refused(request, site, pages, {}, "rule", error)
    say_once(request, translatable("Applied. It takes effect with the next message."))
    return see_other(request, "/backoffice/sandbox")


def _refused(request: Request, site: Site, pages: Pages, values: Texts, form: str, error: SchemeError) -> Response:
    faults = Faults({form: sentence_of(error, language_of(request))})
    return _page(request, site, pages, values, faults, UNPROCESSABLE)


def _page(request: Request, site: Site, pages: Pages, values: Texts, faults: Faults, status: int) -> Response:
    sandbox = site.bank.sandbox
    context = {
        "office": "sandbox",
        "values": {**EMPTY, **values},
        "faults": faults,
        "people": site.bank.queries.demo_people(),
        "payments": sandbox.plans(PAYMENTS_SHOWN),
        "rules": [_row_of(rule) for rule in sandbox.rules()],
        "kinds": list(RuleKind),
        "times_max": TIMES_MAX,
    }
    return pages.page(request, "bank/backoffice/sandbox.html", context, status=status)


def _row_of(rule: Rule) -> dict[str, Any]:
    action = as_plain(rule.action)
    if isinstance(rule.action, AnswerAction):
        action = {"mode": rule.action.mode.value, **action}
    elif isinstance(rule.action, ReadingAction):
        action = {"reads": rule.action.reads}
    match = as_plain(rule.match)
    return {
        "rule": rule,
        "match": json.dumps(match, ensure_ascii=False) if match else "",
        "action": json.dumps(action, ensure_ascii=False),
    }


def _document(text: str, field: str) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SchemeError(field, "Write a JSON object.")
    return document


def _match_of(document: dict[str, Any]) -> Match:
    try:
        return Match(**document)
    except TypeError:
        rule = "A rule fits by amount_centavos, from_centavos, to_centavos, txid, key and account_number."
        raise SchemeError("match", rule) from None


def _seconds_of(text: str) -> int:
    if not text.strip().isdecimal():
        raise SchemeError("in_seconds", "Write a whole number of seconds.")
    return int(text)


def _time_of(text: str) -> int:
    try:
        return instant_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise SchemeError("at_ms", "Choose a date and a time.") from None
