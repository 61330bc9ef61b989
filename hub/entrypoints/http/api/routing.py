"""How the routers of the API are made, and what their endpoints work with."""

from __future__ import annotations

from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Depends, Request

from hub.application.course.use_cases import CourseApplication
from hub.application.live_messages import LiveMessages
from hub.application.ports import BankBooks
from hub.application.ports.topics import TopicBrowser
from hub.application.use_cases import HubApplication
from hub.domain.trail import Author, Channel
from pix.web.operators import address_of, operator_name, operator_of_api
from pix.web.problems import PROBLEM_RESPONSES
from pix.web.site import authentication_of

PREFIX: Final = "/api/v1"


class Site(Protocol):
    """What the application has for the API; the console's site has it too."""

    @property
    def hub(self) -> HubApplication: ...
    @property
    def wire(self) -> LiveMessages: ...
    @property
    def bank_books(self) -> BankBooks: ...
    @property
    def topics(self) -> TopicBrowser: ...
    @property
    def course(self) -> CourseApplication | None:
        """None without course mode."""


# A dependency that is a plain function is handed to a thread and waited for; this one only looks, so it needs none.


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(_site)]

operator_of_hub: Final = operator_of_api(authentication_of)


def api_router(tag: str) -> APIRouter:
    """A router of the operator's API."""
    return APIRouter(prefix=PREFIX, tags=[tag], responses=PROBLEM_RESPONSES, dependencies=[Depends(operator_of_hub)])


def author_of(request: Request) -> Author:
    """Who acts, for the audit trail."""
    return Author(Channel.API, operator_name(request), address_of(request))
