"""The REST API of a cluster's panel: everything that its page can do, under `/api/v1`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.encoders import jsonable_encoder

from lab.panel.cluster.documents import (
    ClusterDocument,
    ClusterRunDocument,
    FaultKindDocument,
    FaultRequest,
    PlanRequest,
)
from lab.panel.cluster.site import ClusterLaboratory, ClusterOf
from lab.panel.cluster.tasks import GROUPS_OF_PANEL, KINDS_OF_PANEL, ClusterTask
from lab.panel.operator_sign_in import require_token
from lab.panel.problems import FaultUnknown, NotThere
from lab.prove.cluster.injector import targets_of
from lab.prove.cluster.plan import KINDS, Group
from lab.prove.cluster.rounds import kinds_document, times_document
from pix.web.events import Scene, stream_many
from pix.web.marks import translatable
from pix.web.problems import PROBLEM_RESPONSES
from pix.web.site import version_of

router = APIRouter(prefix="/api/v1", responses=PROBLEM_RESPONSES, dependencies=[Depends(require_token)])

KINDS_OF_LINKS: Final = KINDS[Group.PARTITIONS]
"""The kinds whose far ends can be named."""


def inject(lab: ClusterLaboratory, request: FaultRequest) -> ClusterTask:
    """Begins a round with the fault, or adds it to the one that goes on. Raises `FaultUnknown`, `Busy`."""
    if request.kind not in KINDS_OF_PANEL:
        raise FaultUnknown("kind", translatable("Unknown fault. Choose from: {}.").format(", ".join(KINDS_OF_PANEL)))
    targets = targets_of(lab.cluster, request.kind)
    if request.target and request.target not in targets:
        raise FaultUnknown("target", translatable("Unknown target. Choose from: {}.").format(", ".join(targets) or "–"))
    hosts = [host.name for host in lab.cluster.network.hosts] if request.kind in KINDS_OF_LINKS else []
    unknown = [name for name in request.far_hosts if name not in hosts]
    if unknown:
        raise FaultUnknown("far_hosts", translatable("Unknown hosts. Choose from: {}.").format(", ".join(hosts) or "–"))
    near = request.target or (targets[0] if targets else "")
    if request.far_hosts and set(request.far_hosts) == {near}:
        raise FaultUnknown("far_hosts", translatable("A host has no link to itself."))
    index = targets.index(request.target) if request.target else 0
    return lab.tasks.strike(request.kind, index, request.far_hosts, is_forced=request.forced)


def begin_plan(lab: ClusterLaboratory, request: PlanRequest) -> ClusterTask:
    """Begins to play it. Raises `FaultUnknown`, `Busy`."""
    options = request.to_options()
    if not options.groups:
        raise FaultUnknown("groups", translatable("Unknown group. Choose from: {}.").format(", ".join(GROUPS_OF_PANEL)))
    return lab.tasks.play(options)


def times_of_all(lab: ClusterLaboratory) -> dict[str, Any]:
    times = lab.tasks.times
    return {"faults": [times_document(each) for each in times], "kinds": kinds_document(times)}


@router.get("/cluster", tags=["cluster"])
def show_cluster(lab: ClusterOf) -> ClusterDocument:
    """Hosts with their parts, and links; at most a few seconds old."""
    return ClusterDocument.of(lab.monitor.report)


@router.get("/faults", tags=["faults"])
def list_kinds(lab: ClusterOf) -> list[FaultKindDocument]:
    """The faults that can be injected."""
    return [
        FaultKindDocument(kind=kind, targets=targets_of(lab.cluster, kind), far_hosts=kind in KINDS_OF_LINKS)
        for kind in KINDS_OF_PANEL
    ]


@router.post("/faults", tags=["faults"], status_code=202)
def inject_fault(lab: ClusterOf, body: FaultRequest) -> ClusterRunDocument:
    """Begins a round: payments, and the fault, which stands until it is undone, at most five minutes.

    `GET /act` tells how it goes. Afterwards the lab waits for the recovery, and audits.
    """
    return ClusterRunDocument.of_cluster(inject(lab, body))


@router.post("/faults/{number}/undo", tags=["faults"], status_code=202)
def undo_fault(lab: ClusterOf, number: int) -> ClusterRunDocument:
    """Begins to undo a fault that stands."""
    lab.tasks.undo(number)
    return show_task(lab)


@router.post("/plan", tags=["faults"], status_code=202)
def play_plan(lab: ClusterOf, body: PlanRequest) -> ClusterRunDocument:
    """Begins the faults of a seed, one after the other, with an audit after each."""
    return ClusterRunDocument.of_cluster(begin_plan(lab, body))


@router.post("/audit", tags=["acts"], status_code=202)
def begin_audit(lab: ClusterOf) -> ClusterRunDocument:
    """Begins to audit the network; `GET /act` tells how it goes."""
    return ClusterRunDocument.of_cluster(lab.tasks.audit())


@router.get("/act", tags=["acts"])
def show_task(lab: ClusterOf) -> ClusterRunDocument:
    """What is going on, or the last that was."""
    task = lab.tasks.task
    if task is None:
        raise NotThere("act", "No run yet.")
    return ClusterRunDocument.of_cluster(task)


@router.post("/act/stop", tags=["acts"])
def stop_task(lab: ClusterOf) -> ClusterRunDocument:
    """Undoes every fault that stands; the audit follows."""
    lab.tasks.stop()
    return show_task(lab)


@router.get("/times", tags=["acts"])
def show_times(lab: ClusterOf) -> dict[str, Any]:
    """Failover and recovery of each fault since the start, and medians and maxima of each kind."""
    return times_of_all(lab)


@router.get("/runs", tags=["acts"])
def list_runs(lab: ClusterOf) -> list[dict[str, Any]]:
    """The runs that are over, newest first, as `GET /act` told them; at most the last 200."""
    return [dict(run) for run in lab.history.list()]


@router.get(
    "/events",
    tags=["events"],
    response_class=Response,
    responses={200: {"description": "The stream", "content": {"text/event-stream": {}}}},
)
def stream_events(request: Request, lab: ClusterOf) -> Response:
    """A stream of server-sent events `cluster` and `act`, each with the whole document that has changed."""
    return stream_many(request, lambda: _scenes(lab), seen={}, is_closing=lab.ends.is_set, for_programs=True)


def _scenes(lab: ClusterLaboratory) -> Sequence[Scene]:
    documents: dict[str, object] = {"cluster": show_cluster(lab)}
    if lab.tasks.task is not None:
        documents["act"] = show_task(lab)
    return [_scene(event, document) for event, document in documents.items()]


def _scene(event: str, document: object) -> Scene:
    text = json.dumps(jsonable_encoder(document), ensure_ascii=False)
    return Scene(version_of(text), lambda: text, event=event)
