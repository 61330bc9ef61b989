"""The panel's REST API: everything that its pages can do, under `/api/v1`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.encoders import jsonable_encoder

from lab.network.supervisor import PartAction
from lab.panel.documents import (
    PartDocument,
    ScenarioDocument,
    TaskDocument,
    TrafficDocument,
    TrafficPlanDocument,
)
from lab.panel.operator_sign_in import require_token
from lab.panel.problems import NotThere
from lab.panel.site import LabOf, Laboratory
from lab.prove.scenarios.from_file import ScenarioFile, scenario_of
from lab.prove.scenarios.registry import SCENARIOS
from lab.prove.scenarios.scenario import Scenario
from pix.web.events import Scene, stream_many
from pix.web.problems import PROBLEM_RESPONSES
from pix.web.site import version_of

router = APIRouter(prefix="/api/v1", responses=PROBLEM_RESPONSES, dependencies=[Depends(require_token)])


def check_part(lab: Laboratory, name: str) -> str:
    """The name, if a part has it. Raises `NotThere`."""
    if name not in lab.supervisor.parts:
        raise NotThere("name", f"Unknown component. Choose from: {', '.join(lab.supervisor.parts)}.")
    return name


def find_scenario(name: str) -> Scenario:
    """Raises `NotThere`."""
    if name not in SCENARIOS:
        raise NotThere("name", f"Unknown scenario. Choose from: {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]


@router.get("/parts", tags=["parts"])
def list_parts(lab: LabOf) -> list[PartDocument]:
    """Every process of the network, in the order in which they need each other."""
    return [PartDocument.model_validate(report) for report in lab.health_monitor.reports()]


@router.get("/parts/{name}", tags=["parts"])
def find_part(lab: LabOf, name: str) -> PartDocument:
    """One of them."""
    return PartDocument.model_validate(lab.health_monitor.report(check_part(lab, name)))


@router.post("/parts/{name}/{action}", tags=["parts"])
def act_on_part(
    lab: LabOf,
    name: str,
    action: PartAction,
    hold: Annotated[bool, Query(description="For a kill: keep it stopped until it is started.")] = False,
) -> PartDocument:
    """Starts, stops, kills (SIGKILL), freezes (SIGSTOP) or thaws (SIGCONT) a part; answers when that is done.

    What was stopped stays down until it is started; what was killed is started again, as a container platform would.
    A start answers when the process is there, which says nothing about its readiness.
    """
    lab.supervisor.act(check_part(lab, name), action, hold=hold)
    lab.health_monitor.check()
    return PartDocument.model_validate(lab.health_monitor.report(name))


@router.get("/traffic", tags=["traffic"])
def show_traffic(lab: LabOf) -> TrafficDocument:
    """The plan, and the outcomes so far."""
    return TrafficDocument.of(lab.generator.figures())


@router.put("/traffic", tags=["traffic"])
def start_traffic(lab: LabOf, body: TrafficPlanDocument) -> TrafficDocument:
    """From now on customers pay by this plan, until `stop`."""
    lab.generator.start(body.to_plan())
    return TrafficDocument.of(lab.generator.figures())


@router.post("/traffic/stop", tags=["traffic"])
def stop_traffic(lab: LabOf) -> TrafficDocument:
    """No more payments; those under way are followed to their end."""
    lab.generator.stop()
    return TrafficDocument.of(lab.generator.figures())


@router.get("/scenarios", tags=["acts"])
def list_scenarios() -> list[ScenarioDocument]:
    """The scenarios."""
    return [ScenarioDocument.model_validate(scenario) for scenario in SCENARIOS.values()]


@router.post("/scenarios/{name}/play", tags=["acts"], status_code=202)
def play_scenario(
    lab: LabOf,
    name: str,
    pace: Annotated[
        float, Query(ge=0, le=5, description="Factor for the pauses between steps; 0 leaves them out.")
    ] = 1.0,
) -> TaskDocument:
    """Begins to play it; `GET /act` tells how it goes."""
    return TaskDocument.of(lab.tasks.run(find_scenario(name), pace))


@router.post("/scenarios/play", tags=["acts"], status_code=202)
def play_scenario_file(
    lab: LabOf,
    file: ScenarioFile,
    pace: Annotated[
        float, Query(ge=0, le=5, description="Factor for the pauses between steps; 0 leaves them out.")
    ] = 1.0,
) -> TaskDocument:
    """Begins to play a scenario of your own; `GET /act` tells how it goes."""
    return TaskDocument.of(lab.tasks.run(scenario_of(file), pace))


@router.get("/runs", tags=["acts"])
def list_runs(lab: LabOf) -> list[dict[str, Any]]:
    """The runs that are over, newest first, as `GET /act` told them; at most the last 200."""
    return [dict(run) for run in lab.history.list()]


@router.post("/audit", tags=["acts"], status_code=202)
def begin_audit(lab: LabOf) -> TaskDocument:
    """Begins to audit the network; `GET /act` tells how it goes."""
    return TaskDocument.of(lab.tasks.audit())


@router.get("/act", tags=["acts"])
def show_task(lab: LabOf) -> TaskDocument:
    """The scenario or audit that is going on, or the last one."""
    task = lab.tasks.task
    if task is None:
        raise NotThere("act", "No run yet.")
    return TaskDocument.of(task)


@router.post("/act/stop", tags=["acts"])
def stop_task(lab: LabOf) -> TaskDocument:
    """Gives up the scenario that is going on; what it has broken is mended."""
    lab.tasks.stop()
    return show_task(lab)


@router.get(
    "/events",
    tags=["events"],
    response_class=Response,
    responses={200: {"description": "The stream", "content": {"text/event-stream": {}}}},
)
def stream_events(request: Request, lab: LabOf) -> Response:
    """A stream of server-sent events `parts`, `traffic` and `act`, each with the whole document that has changed."""
    return stream_many(request, lambda: _scenes(lab), seen={}, is_closing=lab.ends.is_set, for_programs=True)


def _scenes(lab: Laboratory) -> Sequence[Scene]:
    documents: dict[str, object] = {"parts": list_parts(lab), "traffic": show_traffic(lab)}
    if (task := lab.tasks.task) is not None:
        documents["act"] = TaskDocument.of(task)
    return [_scene(event, document) for event, document in documents.items()]


def _scene(event: str, document: object) -> Scene:
    text = json.dumps(jsonable_encoder(document), ensure_ascii=False)
    return Scene(version_of(text), lambda: text, event=event)
