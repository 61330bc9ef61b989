"""The panel's REST API: everything that its pages can do, under `/api/v1`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from lab.network.supervisor import PartAction
from lab.panel.documents import (
    ActDocument,
    PartDocument,
    ScenarioDocument,
    TrafficDocument,
    TrafficPlanDocument,
)
from lab.panel.door import caller
from lab.panel.problems import NotThere
from lab.panel.site import LabOf, Laboratory, version_of
from lab.prove.scenarios.playbill import SCENARIOS
from lab.prove.scenarios.script import Scenario
from pix.web.events import Scene, stream_many
from pix.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/api/v1", responses=PROBLEM_RESPONSES, dependencies=[Depends(caller)])


def check_part(lab: Laboratory, name: str) -> str:
    """The name, if a part has it. Raises `NotThere`."""
    if name not in lab.keeper.parts:
        raise NotThere("name", f"Unknown component. Choose from: {', '.join(lab.keeper.parts)}.")
    return name


def find_scenario(name: str) -> Scenario:
    """Raises `NotThere`."""
    if name not in SCENARIOS:
        raise NotThere("name", f"Unknown scenario. Choose from: {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]


@router.get("/parts", tags=["parts"])
def list_parts(lab: LabOf) -> list[PartDocument]:
    """Every process of the network, in the order in which they need each other."""
    return [PartDocument.of(report) for report in lab.conditions.reports()]


@router.get("/parts/{name}", tags=["parts"])
def find_part(lab: LabOf, name: str) -> PartDocument:
    """One of them."""
    return PartDocument.of(lab.conditions.report(check_part(lab, name)))


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
    lab.keeper.act(check_part(lab, name), action, hold=hold)
    lab.conditions.look()
    return PartDocument.of(lab.conditions.report(name))


@router.get("/traffic", tags=["traffic"])
def show_traffic(lab: LabOf) -> TrafficDocument:
    """What is being sent, and what has become of it."""
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
    """What can be played."""
    return [ScenarioDocument.of(scenario) for scenario in SCENARIOS.values()]


@router.post("/scenarios/{name}/play", tags=["acts"], status_code=202)
def play_scenario(
    lab: LabOf,
    name: str,
    pace: Annotated[
        float, Query(ge=0, le=5, description="Factor for the pauses between steps; 0 leaves them out.")
    ] = 1.0,
) -> ActDocument:
    """Begins to play it; `GET /act` tells how it goes."""
    return ActDocument.of(lab.programme.play(find_scenario(name), pace))


@router.post("/audit", tags=["acts"], status_code=202)
def begin_audit(lab: LabOf) -> ActDocument:
    """Begins to audit the network; `GET /act` tells how it goes."""
    return ActDocument.of(lab.programme.audit())


@router.get("/act", tags=["acts"])
def show_act(lab: LabOf) -> ActDocument:
    """The scenario or audit that is going on, or the last one."""
    act = lab.programme.act
    if act is None:
        raise NotThere("act", "No run yet.")
    return ActDocument.of(act)


@router.post("/act/stop", tags=["acts"])
def stop_act(lab: LabOf) -> ActDocument:
    """Gives up the scenario that is going on; what it has broken is mended."""
    lab.programme.stop()
    return show_act(lab)


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
    act = lab.programme.act
    documents: dict[str, BaseModel | list[PartDocument] | None] = {
        "parts": list_parts(lab),
        "traffic": show_traffic(lab),
        "act": None if act is None else ActDocument.of(act),
    }
    return [_scene(event, document) for event, document in documents.items() if document is not None]


def _scene(event: str, document: BaseModel | list[PartDocument]) -> Scene:
    plain = (
        [each.model_dump(mode="json") for each in document]
        if isinstance(document, list)
        else document.model_dump(mode="json")
    )
    text = json.dumps(plain, ensure_ascii=False)
    return Scene(version_of(text), lambda: text, event=event)
