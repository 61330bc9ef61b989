"""The panel itself: one page that moves by itself, and the forms on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from lab.drive.generator.plan import RATE_MAX, WEIGHT_MAX, TrafficPlan
from lab.network.supervisor import PartAction
from lab.panel.api import check_part, find_scenario
from lab.panel.operator_sign_in import TOKEN_PARAMETER, TokenNeeded, require_sign_in, sign_in_of
from lab.panel.site import LabOf, Laboratory, PagesOf, done, frames_of, no_forgery, version_of
from lab.panel.views import (
    bank_mark,
    failure_sentences,
    finding_views,
    number_views,
    part_views,
    step_views,
)
from lab.prove.scenarios.registry import SCENARIOS
from pix.web.events import Scene, stream_many
from pix.web.htmx import see_other
from pix.web.languages import Language
from pix.web.templates import Pages, language_of

TEMPLATE: Final = "lab/panel.html"

public = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])


@public.get("/")
def show(
    request: Request, lab: LabOf, pages: PagesOf, token: Annotated[str, Query(alias=TOKEN_PARAMETER)] = ""
) -> Response:
    """The panel; with the token of this start a browser is signed in, and redirected to the same page without it."""
    sign_in = sign_in_of(request)
    if token:
        if not sign_in.accepts(token):
            raise TokenNeeded
        sign_in.admit(request)
        return see_other(request, "/")
    require_sign_in(request)
    context = _context(lab, language_of(request)) | {"versions": _versions(lab), "section": "/"}
    response = pages.page(request, TEMPLATE, context)
    response.headers["Content-Security-Policy"] = frames_of(lab)
    return response


@router.get("/live")
def stream(request: Request, lab: LabOf, pages: PagesOf) -> Response:
    """The page's live parts; each query parameter is the version of a part that the page has already."""

    def scene(name: str, version: str) -> Scene:
        return Scene(version, lambda: _fragment(pages, request, lab, name), event=name)

    return stream_many(
        request,
        lambda: [scene(name, version) for name, version in _versions(lab).items()],
        seen=dict(request.query_params),
        is_closing=lab.ends.is_set,
    )


def _fragment(pages: Pages, request: Request, lab: Laboratory, name: str) -> str:
    return pages.html(request, TEMPLATE, _context(lab, language_of(request)), block=name)


def _versions(lab: Laboratory) -> Mapping[str, str]:
    """A short name of what each live part shows now."""
    shown: dict[str, object] = {
        "window": (lab.map_frame.state, lab.map_frame.generation),
        "parts": lab.health_monitor.reports(),
        "traffic": lab.generator.figures(),
        "act": lab.tasks.task,
    }
    return {name: version_of(repr(what)) for name, what in shown.items()}


def _context(lab: Laboratory, language: Language) -> dict[str, Any]:
    task = lab.tasks.task
    report = None if task is None else task.report
    return {
        "window": lab.map_frame,
        "parts": part_views(lab.network, lab.health_monitor.reports(), language),
        "traffic": lab.generator.figures(),
        "banks": [(bank.code, bank.spec.name, bank_mark(bank.code, bank.spec.color)) for bank in lab.network.banks],
        "rate_max": RATE_MAX,
        "weight_max": WEIGHT_MAX,
        "scenarios": list(SCENARIOS.values()),
        "act": task,
        "steps": [] if task is None else step_views(task.steps, language),
        "failures": [] if task is None else failure_sentences(task, language),
        "numbers": [] if task is None or task.result is None else number_views(task.result.numbers, language),
        "findings": [] if report is None else finding_views(report, language),
        "report": report,
    }


@router.post("/parts/{name}/{action}")
def act_on_part(request: Request, lab: LabOf, name: str, action: PartAction) -> Response:
    """A button of a part."""
    lab.supervisor.act(check_part(lab, name), action)
    lab.health_monitor.check()
    return done(request)


@router.post("/traffic")
async def start_traffic(
    request: Request,
    lab: LabOf,
    rate_per_second: Annotated[float, Form()],
    failing_percent: Annotated[int, Form()] = 0,
) -> Response:
    """Customers begin to pay, or go on by another plan."""
    form = await request.form()
    payers, payees = (_weights(form, lab, name) for name in ("payers", "payees"))
    plan = TrafficPlan(rate_per_second, failing_percent, payers, payees)
    await run_in_threadpool(lab.generator.start, plan)
    return done(request)


@router.post("/traffic/stop")
def stop_traffic(request: Request, lab: LabOf) -> Response:
    """No more payments."""
    lab.generator.stop()
    return done(request)


@router.post("/scenarios/{name}/play")
def run(request: Request, lab: LabOf, name: str) -> Response:
    """A scenario's button."""
    lab.tasks.run(find_scenario(name))
    return done(request)


@router.post("/act/stop")
def stop_task(request: Request, lab: LabOf) -> Response:
    """Gives up what is being played."""
    lab.tasks.stop()
    return done(request)


@router.post("/audit")
def audit(request: Request, lab: LabOf) -> Response:
    """The audit's button."""
    lab.tasks.audit()
    return done(request)


def _weights(form: Mapping[str, Any], lab: Laboratory, name: str) -> dict[str, int]:
    """The weights of a form's fields `payers-001`, …; one that is empty is left out."""
    found = {}
    for code in [bank.code for bank in lab.network.banks]:
        text = str(form.get(f"{name}-{code}", "")).strip()
        if text:
            found[code] = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else -1
    return found
