"""The page of a cluster, which is updated live, and the forms on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ValidationError

from lab.panel.cluster.api import KINDS_OF_LINKS, begin_plan, inject, times_of_all
from lab.panel.cluster.documents import (
    FAULTS_EACH_MAX,
    RATE_MAX,
    SEED_MAX,
    TRANSFERS_MAX,
    FaultRequest,
    PlanRequest,
)
from lab.panel.cluster.picture import picture_of
from lab.panel.cluster.site import ClusterLaboratory, ClusterOf
from lab.panel.cluster.tasks import GROUPS_OF_PANEL
from lab.panel.live_page import live_page_router
from lab.panel.operator_sign_in import require_sign_in
from lab.panel.problems import FaultUnknown
from lab.panel.site import done
from lab.panel.views import NUMBER_NAMES
from lab.prove.cluster.board import Stage
from lab.prove.cluster.injector import targets_of
from lab.prove.cluster.plan import KINDS, Group, Kind
from lab.prove.cluster.rounds import times_document
from lab.prove.cluster.times import summary
from pix.web.languages import Language
from pix.web.marks import translatable
from pix.web.site import no_forgery, version_of
from pix.web.spreadsheets import as_file

GROUP_NAMES: Final[Mapping[Group, str]] = {
    Group.BROKERS: translatable("Brokers"),
    Group.DATABASE: translatable("Database"),
    Group.HUBS: translatable("Hubs"),
    Group.BANKS: translatable("Banks"),
    Group.PARTITIONS: translatable("Links between hosts"),
    Group.CLOCKS: translatable("Clocks"),
}
WATCH: Final[Mapping[Kind, str]] = {
    Kind.BROKER_KILLED: translatable("Two brokers still acknowledge every record."),
    Kind.BROKER_WIPED: translatable("It copies every record from the others before it counts again."),
    Kind.CONTROLLER_KILLED: translatable("The brokers elect another one, and move the partitions that it led."),
    Kind.PRIMARY_KILLED: translatable("The synchronous standby takes over; no commit that was answered is lost."),
    Kind.PRIMARY_CUT_OFF: translatable("With one hub on its side. What it still commits there must not count."),
    Kind.HUB_KILLED: translatable("The others take its partitions over."),
    Kind.HUB_FROZEN: translatable("It does not answer and closes no connection, as a paused machine."),
    Kind.BANK_KILLED: translatable("Another replica answers; a bank without one is away."),
    Kind.BANK_FROZEN: translatable("It does not answer and closes no connection, as a paused machine."),
    Kind.HOST_CUT_OFF: translatable("Some hosts still see it, and others do not."),
    Kind.ONE_WAY_LOSS: translatable("It receives what the others send, and its answers are lost."),
    Kind.SLOW_LINKS: translatable("150 ms ± 50 ms and 2 % lost, as across the world on a bad day."),
    Kind.CLOCK_FAST: translatable("Ten minutes fast. It is started again with that clock."),
    Kind.CLOCK_SLOW: translatable("Ten minutes slow. It is started again with that clock."),
}
LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "seed": (0, SEED_MAX),
    "transfers": (1, TRANSFERS_MAX),
    "faults_each": (1, FAULTS_EACH_MAX),
    "rate_per_second": (1, int(RATE_MAX)),
}
"""Of a plan's fields: least and most."""
UNDOABLE: Final = (Stage.STRIKING, Stage.STANDS)


Shape = TypeVar("Shape", bound=BaseModel)


def _versions(lab: ClusterLaboratory) -> Mapping[str, str]:
    """A short name of what each live part shows now."""
    report, task = lab.monitor.report, lab.tasks.task
    shown = {"hosts": report, "links": (report.link, report.links), "act": task, "times": lab.tasks.times}
    return {name: version_of(repr(what)) for name, what in shown.items()}


def _context(lab: ClusterLaboratory, _language: Language) -> dict[str, Any]:
    report, task, times = lab.monitor.report, lab.tasks.task, lab.tasks.times
    return {
        "cluster": report,
        "picture": picture_of(report),
        "groups": [
            (GROUP_NAMES[group], [(kind, WATCH[kind], targets_of(lab.cluster, kind)) for kind in KINDS[group]])
            for group in GROUPS_OF_PANEL
        ],
        "group_names": GROUP_NAMES,
        "kinds_of_links": KINDS_OF_LINKS,
        "seed": lab.seed,
        "limits": LIMITS,
        "plan": PlanRequest(seed=lab.seed),
        "undoable": UNDOABLE,
        "times": [times_document(each) for each in reversed(times)],
        "kinds": summary(times),
        "act": task,
        "report": None if task is None else task.report,
        "number_names": NUMBER_NAMES,
    }


page = live_page_router("lab/cluster.html", _context, _versions)
router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])


@router.post("/faults")
async def inject_fault(request: Request, lab: ClusterOf) -> Response:
    form = await request.form()
    sent = {"kind": str(form.get("kind", "")), "target": str(form.get("target", "")), "forced": "forced" in form}
    far_hosts = [str(each) for each in form.getlist("far_hosts")]
    inject(lab, _read(FaultRequest, {**sent, "far_hosts": far_hosts}))
    return done(request)


@router.post("/faults/{number}/undo")
def undo_fault(request: Request, lab: ClusterOf, number: int) -> Response:
    lab.tasks.undo(number)
    return done(request)


@router.post("/plan")
async def play_plan(request: Request, lab: ClusterOf) -> Response:
    form = await request.form()
    names = ("seed", "transfers", "faults_each", "rate_per_second")
    sent = {name: str(form[name]) for name in names if name in form}
    begin_plan(lab, _read(PlanRequest, {**sent, "groups": [str(each) for each in form.getlist("groups")]}))
    return done(request)


@router.post("/audit")
def audit(request: Request, lab: ClusterOf) -> Response:
    lab.tasks.audit()
    return done(request)


@router.post("/act/stop")
def stop_task(request: Request, lab: ClusterOf) -> Response:
    lab.tasks.stop()
    return done(request)


@router.get("/times.json")
def export_times(lab: ClusterOf) -> Response:
    """What `GET /api/v1/times` tells, as a file."""
    return as_file([json.dumps(times_of_all(lab), ensure_ascii=False, indent=2)], "cluster-times.json")


def _read(shape: type[Shape], sent: Mapping[str, object]) -> Shape:
    """A form as the REST API's body. Raises `FaultUnknown`, which names the field and the rule."""
    try:
        return shape.model_validate(sent)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        if name in LIMITS:
            low, high = LIMITS[name]
            raise FaultUnknown(
                name, translatable("{} must be a number from {} to {}.").format(name, low, high)
            ) from None
        raise FaultUnknown(name, translatable("{}: choose from those on the page.").format(name)) from None
