"""The classroom's page and its REST API."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from lab.classroom.notes import NOTES
from lab.classroom.steps import STEPS, Actor, Example, StepKind
from lab.classroom.walkthrough import AccountFacts, PostingFacts, Walkthrough, WalkthroughState
from lab.panel.live_page import live_page_router
from lab.panel.operator_sign_in import require_sign_in, require_token
from lab.panel.site import LabOf, Laboratory, done
from lab.panel.walkthrough_views import POSTING_NAMES, PROTOCOL, arrow_view, field_views, side_views
from lab.read.report import audit_document
from pix.web.languages import Language
from pix.web.problems import PROBLEM_RESPONSES
from pix.web.site import no_forgery, version_of

LIVE_PARTS: Final = ("heading", "lanes", "words", "books")
"""The parts of the page that each step changes; the map beside them stays as it is."""


def walkthrough_of(lab: LabOf) -> Walkthrough:
    assert lab.walkthrough is not None, "these routes exist in a classroom only"
    return lab.walkthrough


WalkthroughOf = Annotated[Walkthrough, Depends(walkthrough_of)]


def _versions(lab: Laboratory) -> dict[str, str]:
    version = version_of(repr(walkthrough_of(lab).state))
    return {"window": version_of((lab.map_frame.state, lab.map_frame.generation)), **dict.fromkeys(LIVE_PARTS, version)}


def _context(lab: Laboratory, language: Language) -> dict[str, Any]:
    state = walkthrough_of(lab).state
    of_act = [step for step in STEPS if step.example is state.step.example]
    return {
        "window": lab.map_frame,
        "story": state,
        "step": state.step,
        "act_number": list(Example).index(state.step.example) + 1,
        "place": of_act.index(state.step) + 1,
        "of_act": len(of_act),
        "next_title": "" if state.is_over else STEPS[state.number + 1].title,
        "arrows": [arrow_view(observed, state.number) for observed in state.observed],
        "sides": side_views(state, language),
        "protocol": PROTOCOL,
        "posting_names": POSTING_NAMES,
    }


def _notes_versions(lab: Laboratory) -> dict[str, str]:
    return {"notes": version_of(repr(walkthrough_of(lab).state))}


def _notes_context(lab: Laboratory, _language: Language) -> dict[str, Any]:
    state = walkthrough_of(lab).state
    return {
        "step": state.step,
        "note": NOTES[state.step.example, state.step.kind],
        "next_title": "" if state.is_over else STEPS[state.number + 1].title,
        "is_moving": state.is_moving,
    }


page = live_page_router("lab/walkthrough.html", _context, _versions)
notes_page = live_page_router("lab/notes.html", _notes_context, _notes_versions, "/notes")
router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])
api = APIRouter(
    prefix="/api/v1/story", tags=["story"], responses=PROBLEM_RESPONSES, dependencies=[Depends(require_token)]
)


@router.post("/story/next")
def next_step(request: Request, walkthrough: WalkthroughOf) -> Response:
    walkthrough.next()
    return done(request)


@router.post("/story/start-over")
def start_over(request: Request, walkthrough: WalkthroughOf) -> Response:
    walkthrough.begin()
    return done(request)


# REST.


class MessageDocument(BaseModel):
    """A message read from the broker."""

    step: int = Field(description="The step in which it was sent.")
    type: str = Field(examples=["TransferRequested"])
    sender: str
    topic: str
    fields: dict[str, str | int]


class SideDocument(BaseModel):
    """A bank's side."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    customer: str
    balance_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    status: str = Field(description="Empty before the bank has the transfer.")
    reason: str
    postings: list[PostingFacts]


class HubDocument(BaseModel):
    """The hub's side."""

    model_config = ConfigDict(from_attributes=True)

    status: str
    reason: str
    closed: bool = Field(validation_alias="is_closed")
    accounts: list[AccountFacts]


class WalkthroughDocument(BaseModel):
    """The state of the walkthrough."""

    step: int
    steps: int
    act: Example
    scene: StepKind
    actor: Actor
    protocol_row: int | None
    title: str
    explanation: str
    durable: str = Field(description="What the sender saves before it sends anything.")
    over: bool
    moving: bool
    failure: str
    end_to_end_id: str
    messages: list[MessageDocument]
    payer: SideDocument | None
    hub: HubDocument | None
    payee: SideDocument | None
    audit: dict[str, Any] | None

    @classmethod
    def of(cls, state: WalkthroughState) -> WalkthroughDocument:
        facts, step = state.facts, state.step
        return cls(
            step=state.number,
            steps=len(STEPS),
            act=step.example,
            scene=step.kind,
            actor=step.actor,
            protocol_row=step.row,
            title=step.title,
            explanation=step.explanation,
            durable=step.durable,
            over=state.is_over,
            moving=state.is_moving,
            failure=state.failure,
            end_to_end_id=state.end_to_end_id,
            messages=[
                MessageDocument(
                    step=observed.step,
                    type=type(observed.message).__name__,
                    sender=observed.sender,
                    topic=observed.topic,
                    fields={
                        view.name: view.text if view.amount_centavos is None else view.amount_centavos
                        for view in field_views(observed.message)
                    },
                )
                for observed in state.observed
            ],
            payer=None if facts is None else SideDocument.model_validate(facts.payer),
            hub=None if facts is None else HubDocument.model_validate(facts.hub),
            payee=None if facts is None else SideDocument.model_validate(facts.payee),
            audit=None if state.report is None else audit_document(state.report),
        )


@api.get("")
def show_walkthrough(walkthrough: WalkthroughOf) -> WalkthroughDocument:
    """The current step, and the books after it."""
    return WalkthroughDocument.of(walkthrough.state)


@api.post("/next")
def take_next_step(walkthrough: WalkthroughOf) -> WalkthroughDocument:
    """Runs the next step, and answers when it has happened."""
    walkthrough.next()
    return WalkthroughDocument.of(walkthrough.state)


@api.post("/start-over")
def restart(walkthrough: WalkthroughOf) -> WalkthroughDocument:
    """Begins anew, with another transfer."""
    walkthrough.begin()
    return WalkthroughDocument.of(walkthrough.state)
