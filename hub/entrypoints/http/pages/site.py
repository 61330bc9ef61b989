"""What every page of the console works with: the hub, the templates, the tokens of the forms, and the brand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from hub.application.activity import ReadActivity
from hub.application.course.use_cases import CourseApplication
from hub.application.live_messages import LiveMessages
from hub.application.ports import BankBooks
from hub.application.ports.topics import NoTopics, TopicBrowser
from hub.application.use_cases import HubApplication
from hub.domain.trail import Author, Channel
from hub.entrypoints.http.pages.snapshot import Overview, cached_for
from pix.participant.clock.model import virtual_now_ms
from pix.web.csrf import Csrf
from pix.web.languages import translate
from pix.web.logo import disc, line
from pix.web.operators import OperatorAuthentication, address_of, operator_name
from pix.web.preferences import amounts_are_hidden
from pix.web.sessions import session_mark
from pix.web.site import Looks
from pix.web.templates import language_of

NAME: Final = "CodePix hub"
COLOR: Final = "#2a323d"
"""A neutral slate: the only colours of the console's own are those of the banks and of what went well or wrong."""

HEALTH_TTL_SECONDS: Final = 2.0
"""The probes cost connections, so all pages share their answers for so long."""
KEY_COUNTS_TTL_SECONDS: Final = 10.0
"""Counting goes through every key, so it is done seldom, and once for all pages."""


_BANKS: Final = ((17, 17), (47, 17), (17, 47), (47, 47))
_MARK: Final = (
    *(line((32, 32), bank, 3.5) for bank in _BANKS),
    disc(32, 32, 9),
    *(disc(x, y, 5.5) for x, y in _BANKS),
)


class Site:
    def __init__(
        self,
        hub: HubApplication,
        csrf: Csrf,
        authentication: OperatorAuthentication,
        wire: LiveMessages,
        bank_books: BankBooks,
        lab_panel_url: str = "",
        course: CourseApplication | None = None,
        topics: TopicBrowser | None = None,
    ) -> None:
        """`course` is None without course mode."""
        self.course = course
        self.hub = hub
        self.wire = wire
        self.topics = topics or NoTopics()
        self.bank_books = bank_books
        self.lab_panel_url = lab_panel_url
        self.authentication = authentication
        self.csrf = csrf
        self.looks = Looks(NAME, COLOR, _MARK)
        self.health = cached_for(HEALTH_TTL_SECONDS, hub.health.report)
        self.count_keys = cached_for(KEY_COUNTS_TTL_SECONDS, hub.queries.count_keys)
        self.overview = Overview(hub, self.health)
        self.read_activity = ReadActivity(hub.queries, hub.scheme_clock)

    def context(self, request: Request) -> Mapping[str, Any]:
        clock = self.hub.network_clock
        return {
            "brand": self.looks.brand(translate(language_of(request), "Operator console")),
            "csrf_token": self.csrf.token(request),
            "session_mark": session_mark(request)
            if not self.authentication.is_demo and self.authentication.is_operator(request)
            else "",
            "sign_in_url": "/sign-in",
            "has_sign_in": not self.authentication.is_demo,
            "lab_panel_url": self.lab_panel_url,
            "amounts_hidden": amounts_are_hidden(request),
            "section": "",
            # The sign-in page shows nothing of the network.
            "alert_counts": self.overview.alert_counts() if self.authentication.is_operator(request) else {},
            "search_text": "",
            "has_course": self.course is not None,
            "has_clock": clock is not None,
            "virtual_now_ms": None if clock is None else virtual_now_ms(clock.network),
        }


async def site_of_request(request: Request) -> Site:
    return site_of(request)


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def author_of(request: Request, channel: Channel = Channel.CONSOLE) -> Author:
    """Who acts, for the audit trail."""
    return Author(channel, operator_name(request), address_of(request))


SiteOf = Annotated[Site, Depends(site_of_request)]
