"""The classroom's page and its REST API."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from lab.classroom.steps import STEPS, Actor, Example, StepKind
from lab.classroom.walkthrough import Walkthrough, WalkthroughState
from lab.panel.operator_sign_in import TOKEN_PARAMETER, TokenNeeded, require_sign_in, require_token, sign_in_of
from lab.panel.site import LabOf, Laboratory, PagesOf, done, frames_of, no_forgery, version_of
from lab.panel.views import finding_views
from lab.panel.walkthrough_views import (
    PROTOCOL,
    arrow_views,
    example_number,
    field_views,
    next_title,
    position,
    side_views,
)
from lab.read.report import audit_document
from pix.web.events import Scene, stream_many
from pix.web.htmx import see_other
from pix.web.languages import Language, translate
from pix.web.problems import PROBLEM_RESPONSES
from pix.web.templates import language_of

TEMPLATE: Final = "lab/walkthrough.html"
LIVE_PARTS: Final = ("heading", "lanes", "words", "books")
"""The parts of the page that each step changes; the map beside them stays as it is."""

public = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])
api = APIRouter(
    prefix="/api/v1/story", tags=["story"], responses=PROBLEM_RESPONSES, dependencies=[Depends(require_token)]
)


def walkthrough_of(lab: LabOf) -> Walkthrough:
    """The classroom's walkthrough."""
    assert lab.walkthrough is not None, "these routes exist in a classroom only"
    return lab.walkthrough


WalkthroughOf = Annotated[Walkthrough, Depends(walkthrough_of)]


@public.get("/")
def show(
    request: Request,
    lab: LabOf,
    walkthrough: WalkthroughOf,
    pages: PagesOf,
    token: Annotated[str, Query(alias=TOKEN_PARAMETER)] = "",
) -> Response:
    """The classroom; with the token of this start a browser is signed in and redirected to the same page."""
    sign_in = sign_in_of(request)
    if token:
        if not sign_in.accepts(token):
            raise TokenNeeded
        sign_in.admit(request)
        return see_other(request, "/")
    require_sign_in(request)
    context = _context(walkthrough.state, lab, language_of(request)) | {"versions": _versions(lab, walkthrough)}
    response = pages.page(request, TEMPLATE, context | {"section": "/"})
    response.headers["Content-Security-Policy"] = frames_of(lab)
    return response


@router.get("/live")
def stream(request: Request, lab: LabOf, walkthrough: WalkthroughOf, pages: PagesOf) -> Response:
    """The page's live parts; each query parameter is the version of a part that the page has already."""

    def kind(name: str, version: str) -> Scene:
        def render() -> str:
            return pages.html(request, TEMPLATE, _context(walkthrough.state, lab, language_of(request)), block=name)

        return Scene(version, render, event=name)

    return stream_many(
        request,
        lambda: [kind(name, version) for name, version in _versions(lab, walkthrough).items()],
        seen=dict(request.query_params),
        is_closing=lab.ends.is_set,
    )


@router.post("/story/next")
def next_step(request: Request, walkthrough: WalkthroughOf) -> Response:
    """The button: the next step happens."""
    walkthrough.next()
    return done(request)


@router.post("/story/start-over")
def start_over(request: Request, walkthrough: WalkthroughOf) -> Response:
    """From the beginning, with another transfer."""
    walkthrough.begin()
    return done(request)


def _versions(lab: Laboratory, walkthrough: Walkthrough) -> dict[str, str]:
    version = version_of(repr(walkthrough.state))
    return {"window": version_of((lab.map_frame.state, lab.map_frame.generation)), **dict.fromkeys(LIVE_PARTS, version)}


def _context(state: WalkthroughState, lab: Laboratory, language: Language) -> dict[str, Any]:
    place, of_act = position(state)
    return {
        "window": lab.map_frame,
        "story": state,
        "step": state.step,
        "act_number": example_number(state),
        "place": place,
        "of_act": of_act,
        "next_title": next_title(state),
        "arrows": arrow_views(state),
        "sides": side_views(state, language),
        "protocol": [(row, translate(language, who), message) for row, who, message in PROTOCOL],
        "findings": [] if state.report is None else finding_views(state.report, language),
    }


# REST.


class MessageDocument(BaseModel):
    """A message read from the broker."""

    step: int = Field(description="The step in which it was sent.")
    type: str = Field(examples=["TransferRequested"])
    sender: str
    topic: str
    fields: dict[str, str | int]


class PostingDocument(BaseModel):
    """A line of a bank's books that this transfer has made."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int


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
    postings: list[PostingDocument]


class AccountDocument(BaseModel):
    """A settlement account at the hub."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    balance_centavos: int
    reserved_centavos: int


class HubDocument(BaseModel):
    """The hub's side."""

    model_config = ConfigDict(from_attributes=True)

    status: str
    reason: str
    closed: bool = Field(validation_alias="is_closed")
    accounts: list[AccountDocument]


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
        """From the walkthrough's state."""
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
