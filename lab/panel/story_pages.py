"""The classroom: the story's page and its REST."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from lab.classroom.director import Director, SideFacts, Story
from lab.classroom.script import STEPS, Act, Actor, Scene
from lab.panel.door import TOKEN_PARAMETER, TokenNeeded, caller, door_of, visitor
from lab.panel.site import LabOf, Laboratory, PagesOf, done, frames_of, no_forgery, version_of
from lab.panel.story_views import (
    PROTOCOL,
    act_number,
    arrow_views,
    field_views,
    next_title,
    progress,
    side_views,
)
from lab.panel.views import finding_views
from lab.read.report import audit_document
from pix.web.events import Scene as LiveScene
from pix.web.events import stream_many
from pix.web.htmx import see_other
from pix.web.languages import Language, translate
from pix.web.problems import PROBLEM_RESPONSES
from pix.web.templates import language_of

TEMPLATE: Final = "lab/story.html"
SCENES: Final = ("heading", "lanes", "words", "books")
"""The parts of the page that each step changes; the map beside them stays as it is."""

public = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False, dependencies=[Depends(visitor), Depends(no_forgery)])
api = APIRouter(prefix="/api/v1/story", tags=["story"], responses=PROBLEM_RESPONSES, dependencies=[Depends(caller)])


def director_of(lab: LabOf) -> Director:
    """The story's director."""
    assert lab.director is not None, "these routes are there in story mode alone"
    return lab.director


DirectorOf = Annotated[Director, Depends(director_of)]


@public.get("/")
def show(
    request: Request,
    lab: LabOf,
    director: DirectorOf,
    pages: PagesOf,
    token: Annotated[str, Query(alias=TOKEN_PARAMETER)] = "",
) -> Response:
    """The classroom; with the token of this start a browser is let in, and sent to the same page without it."""
    door = door_of(request)
    if token:
        if not door.fits(token):
            raise TokenNeeded
        door.let_in(request)
        return see_other(request, "/")
    visitor(request)
    context = _context(director.story, lab, language_of(request)) | {"versions": _versions(lab, director)}
    response = pages.page(request, TEMPLATE, context | {"section": "/"})
    response.headers["Content-Security-Policy"] = frames_of(lab)
    return response


@router.get("/live")
def stream(request: Request, lab: LabOf, director: DirectorOf, pages: PagesOf) -> Response:
    """The page's live parts; each query parameter is the version of a part that the page has already."""

    def scene(name: str, version: str) -> LiveScene:
        def render() -> str:
            return pages.html(request, TEMPLATE, _context(director.story, lab, language_of(request)), block=name)

        return LiveScene(version, render, event=name)

    return stream_many(
        request,
        lambda: [scene(name, version) for name, version in _versions(lab, director).items()],
        seen=dict(request.query_params),
        is_closing=lab.ends.is_set,
    )


@router.post("/story/next")
def next_step(request: Request, director: DirectorOf) -> Response:
    """The button: the next step happens."""
    director.next()
    return done(request)


@router.post("/story/start-over")
def start_over(request: Request, director: DirectorOf) -> Response:
    """From the beginning, with another transfer."""
    director.begin()
    return done(request)


def _versions(lab: Laboratory, director: Director) -> dict[str, str]:
    told = version_of(repr(director.story))
    return {"window": version_of((lab.window.state, lab.window.life)), **dict.fromkeys(SCENES, told)}


def _context(story: Story, lab: Laboratory, language: Language) -> dict[str, Any]:
    place, of_act = progress(story)
    return {
        "window": lab.window,
        "story": story,
        "step": story.step,
        "act_number": act_number(story),
        "place": place,
        "of_act": of_act,
        "next_title": next_title(story),
        "arrows": arrow_views(story),
        "sides": side_views(story, language),
        "protocol": [(row, translate(language, who), message) for row, who, message in PROTOCOL],
        "findings": [] if story.report is None else finding_views(story.report, language),
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

    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int


class SideDocument(BaseModel):
    """A bank's side."""

    code: str
    customer: str
    balance_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    status: str = Field(description="Empty before the bank has the transfer.")
    reason: str
    postings: list[PostingDocument]

    @classmethod
    def of(cls, side: SideFacts) -> SideDocument:
        """From the director's facts."""
        return cls(
            code=side.code,
            customer=side.customer,
            balance_centavos=side.balance_centavos,
            clearing_centavos=side.clearing_centavos,
            settlement_centavos=side.settlement_centavos,
            status=side.status,
            reason=side.reason,
            postings=[
                PostingDocument(
                    kind=line.kind,
                    debit_account=line.debit_account,
                    credit_account=line.credit_account,
                    amount_centavos=line.amount_centavos,
                )
                for line in side.postings
            ],
        )


class AccountDocument(BaseModel):
    """A settlement account at the hub."""

    code: str
    balance_centavos: int
    reserved_centavos: int


class HubDocument(BaseModel):
    """The hub's side."""

    status: str
    reason: str
    closed: bool
    accounts: list[AccountDocument]


class StoryDocument(BaseModel):
    """Where the story is."""

    step: int
    steps: int
    act: Act
    scene: Scene
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
    def of(cls, story: Story) -> StoryDocument:
        """From the director's story."""
        facts, step = story.facts, story.step
        return cls(
            step=story.number,
            steps=len(STEPS),
            act=step.act,
            scene=step.scene,
            actor=step.actor,
            protocol_row=step.row,
            title=step.title,
            explanation=step.explanation,
            durable=step.durable,
            over=story.is_over,
            moving=story.is_moving,
            failure=story.failure,
            end_to_end_id=story.end_to_end_id,
            messages=[
                MessageDocument(
                    step=heard.step,
                    type=type(heard.message).__name__,
                    sender=heard.sender,
                    topic=heard.topic,
                    fields={
                        view.name: view.text if view.amount_centavos is None else view.amount_centavos
                        for view in field_views(heard.message)
                    },
                )
                for heard in story.heard
            ],
            payer=None if facts is None else SideDocument.of(facts.payer),
            hub=None
            if facts is None
            else HubDocument(
                status=facts.hub.status,
                reason=facts.hub.reason,
                closed=facts.hub.is_closed,
                accounts=[
                    AccountDocument(
                        code=each.code, balance_centavos=each.balance_centavos, reserved_centavos=each.reserved_centavos
                    )
                    for each in facts.hub.accounts
                ],
            ),
            payee=None if facts is None else SideDocument.of(facts.payee),
            audit=None if story.report is None else audit_document(story.report),
        )


@api.get("")
def show_story(director: DirectorOf) -> StoryDocument:
    """The step that was told last, and how things stand."""
    return StoryDocument.of(director.story)


@api.post("/next")
def tell_next(director: DirectorOf) -> StoryDocument:
    """Makes the next step happen, and answers when it has."""
    director.next()
    return StoryDocument.of(director.story)


@api.post("/start-over")
def tell_again(director: DirectorOf) -> StoryDocument:
    """Begins anew, with another transfer."""
    director.begin()
    return StoryDocument.of(director.story)
