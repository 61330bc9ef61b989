"""The behaviour switches: what kind of counterparty this bank plays on demand."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response

from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.flows.answers import MAGIC_ANSWERS
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.reasons import PAYEE_BANK_REASONS, ReasonCode
from pix.web.htmx import see_other
from pix.web.languages import reason_sentence
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import language_of

router = operator_router()


@router.get("/behaviour")
def show(request: Request, site: SiteOf, pages: PagesOf) -> Response:
    language = language_of(request)
    context = {
        "office": "switches",
        "behaviour": site.bank.queries.behaviour(),
        "reasons": [(code, reason_sentence(code, language)) for code in sorted(PAYEE_BANK_REASONS)],
        "magic": [
            (amount, answer, reason_sentence(answer.reason, language)) for amount, answer in MAGIC_ANSWERS.items()
        ],
        "delay_seconds_max": ANSWER_DELAY_MS_MAX // 1000,
    }
    return pages.page(request, "bank/backoffice/switches.html", context)


@router.post("/behaviour")
def choose(
    request: Request,
    site: SiteOf,
    mode: Annotated[AnswerMode, Form()] = AnswerMode.BY_ACCOUNT,
    reject_reason: Annotated[ReasonCode, Form()] = ReasonCode.ED05,
    delay_seconds: Annotated[float, Form(ge=0, le=ANSWER_DELAY_MS_MAX / 1000)] = 0.0,
    answer_style: Annotated[AnswerStyle, Form()] = AnswerStyle.ONCE,
    magic_amounts: Annotated[bool, Form()] = False,
    stop_consuming: Annotated[bool, Form()] = False,
) -> Response:
    behaviour = Behaviour(
        mode=mode,
        reject_reason=reject_reason,
        answer_delay_ms=round(delay_seconds * 1000),
        answer_style=answer_style,
        magic_amounts=magic_amounts,
        consuming=not stop_consuming,
    )
    site.bank.choose_behaviour(behaviour=behaviour)
    say_once(request, translatable("Applied. It takes effect with the next message."))
    return see_other(request, "/backoffice/behaviour")
