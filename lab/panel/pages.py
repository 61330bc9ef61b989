"""The panel itself: one page that moves by itself, and the forms on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from lab.drive.generator.plan import RATE_MAX, WEIGHT_MAX, TrafficPlan
from lab.network.supervisor import PartAction
from lab.panel.api import check_part, find_scenario
from lab.panel.live_page import live_page_router
from lab.panel.network_clock import PanelClock
from lab.panel.operator_sign_in import require_sign_in
from lab.panel.site import LabOf, Laboratory, done
from lab.panel.views import NUMBER_NAMES, bank_mark, part_views
from lab.prove.scenarios.registry import SCENARIOS
from pix.scheme.clock import RATE_MAX as CLOCK_RATE_MAX
from pix.scheme.days import DAY_MS, HOUR_MS
from pix.web.languages import Language
from pix.web.site import no_forgery, version_of

CLOCK_STEPS_MS: Final = (HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS)
"""What the buttons move the clock by."""
CLOCK_RATES: Final = (1, 10, CLOCK_RATE_MAX)


def _versions(lab: Laboratory) -> Mapping[str, str]:
    """A short name of what each live part shows now."""
    shown: dict[str, object] = {
        "window": (lab.map_frame.state, lab.map_frame.generation),
        "parts": lab.health_monitor.reports(),
        "traffic": lab.generator.figures(),
        "act": lab.tasks.task,
    }
    if lab.clock is not None:
        shown["clock"] = lab.clock.seen
    return {name: version_of(repr(what)) for name, what in shown.items()}


def _context(lab: Laboratory, language: Language) -> dict[str, Any]:
    task = lab.tasks.task
    return {
        "window": lab.map_frame,
        "parts": part_views(lab.network, lab.health_monitor.reports(), language),
        "traffic": lab.generator.figures(),
        "banks": [(bank.code, bank.spec.name, bank_mark(bank.code, bank.spec.color)) for bank in lab.network.banks],
        "rate_max": RATE_MAX,
        "weight_max": WEIGHT_MAX,
        "scenarios": list(SCENARIOS.values()),
        "act": task,
        "has_clock": lab.clock is not None,
        "clock_seen": None if lab.clock is None else lab.clock.seen,
        "clock_steps_ms": CLOCK_STEPS_MS,
        "clock_rates": CLOCK_RATES,
        "report": None if task is None else task.report,
        "number_names": NUMBER_NAMES,
    }


page = live_page_router("lab/panel.html", _context, _versions)
router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])


@router.post("/parts/{name}/{action}")
def act_on_part(request: Request, lab: LabOf, name: str, action: PartAction) -> Response:
    lab.supervisor.act(check_part(lab, name), action)
    lab.health_monitor.check()
    return done(request)


def _clock_of(lab: Laboratory) -> PanelClock:
    if lab.clock is None:
        raise HTTPException(404)
    return lab.clock


@router.post("/clock/advance")
def advance_clock(request: Request, lab: LabOf, milliseconds: Annotated[int, Form()]) -> Response:
    _clock_of(lab).advance(milliseconds)
    return done(request)


@router.post("/clock/until")
def move_clock(request: Request, lab: LabOf, at: Annotated[str, Form(max_length=40)]) -> Response:
    _clock_of(lab).until(at)
    return done(request)


@router.post("/clock/rate")
def set_clock_rate(request: Request, lab: LabOf, rate: Annotated[int, Form()]) -> Response:
    _clock_of(lab).set_rate(rate)
    return done(request)


@router.post("/traffic")
async def start_traffic(
    request: Request,
    lab: LabOf,
    rate_per_second: Annotated[float, Form()],
    failing_percent: Annotated[int, Form()] = 0,
) -> Response:
    form = await request.form()
    payers, payees = (_weights(form, lab, name) for name in ("payers", "payees"))
    plan = TrafficPlan(rate_per_second, failing_percent, payers, payees)
    await run_in_threadpool(lab.generator.start, plan)
    return done(request)


@router.post("/traffic/stop")
def stop_traffic(request: Request, lab: LabOf) -> Response:
    lab.generator.stop()
    return done(request)


@router.post("/scenarios/{name}/play")
def run(request: Request, lab: LabOf, name: str) -> Response:
    lab.tasks.run(find_scenario(name))
    return done(request)


@router.post("/act/stop")
def stop_task(request: Request, lab: LabOf) -> Response:
    lab.tasks.stop()
    return done(request)


@router.post("/audit")
def audit(request: Request, lab: LabOf) -> Response:
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
