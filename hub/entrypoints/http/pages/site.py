"""What every page of the console works with: the hub, the templates, the tokens of the forms, and the brand."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, FastAPI, Request

from hub.application.live_messages import LiveMessages
from hub.application.ports import BankBooks
from hub.application.use_cases import HubApplication
from pix.web.assets import fingerprint
from pix.web.csrf import Csrf
from pix.web.languages import translate
from pix.web.operators import OperatorAuthentication
from pix.web.palette import stylesheet
from pix.web.preferences import amounts_are_hidden
from pix.web.sessions import session_mark
from pix.web.templates import Pages, language_of

NAME: Final = "CodePix hub"
COLOR: Final = "#2a323d"
"""A neutral slate: the only colours of the console's own are those of the banks and of what went well or wrong."""

HEALTH_AGE_SECONDS_MAX: Final = 2.0
"""Asking each part how it is costs connections, so all pages together ask no more often than this."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Brand:
    """How the console shows itself."""

    name: str
    color: str
    subtitle: str
    stylesheet_url: str
    icon_url: str
    home_url: str = "/"


class Remembered(Generic[Value]):
    """A value that is made again when it is too old, however many pages ask for it."""

    def __init__(self, make: Callable[[], Value], age_seconds_max: float) -> None:
        self._make = make
        self._age_seconds_max = age_seconds_max
        self._lock = threading.Lock()
        self._made: tuple[float, Value] | None = None

    def __call__(self) -> Value:
        """The value, at most so old."""
        with self._lock:
            now = time.monotonic()
            if self._made is None or now - self._made[0] > self._age_seconds_max:
                self._made = (now, self._make())
            return self._made[1]


class Site:
    """The console of one hub."""

    def __init__(
        self,
        hub: HubApplication,
        csrf: Csrf,
        authentication: OperatorAuthentication,
        wire: LiveMessages,
        bank_books: BankBooks,
        lab_panel_url: str = "",
    ) -> None:
        self.hub = hub
        self.wire = wire
        self.bank_books = bank_books
        self.lab_panel_url = lab_panel_url
        self.authentication = authentication
        self.csrf = csrf
        self.stylesheet = stylesheet(COLOR)
        self.health = Remembered(hub.health.report, HEALTH_AGE_SECONDS_MAX)

    def context(self, request: Request) -> Mapping[str, Any]:
        """What every template may use."""
        return {
            "brand": Brand(
                name=NAME,
                color=COLOR,
                subtitle=translate(language_of(request), "Operator console"),
                stylesheet_url=f"/brand.css?v={fingerprint(self.stylesheet.encode())}",
                icon_url=f"/brand.svg?v={fingerprint(COLOR.encode())}",
            ),
            "csrf_token": self.csrf.token(request),
            "session_mark": session_mark(request)
            if not self.authentication.is_open and self.authentication.knows(request)
            else "",
            "sign_in_url": "/sign-in",
            "has_door": not self.authentication.is_open,
            "lab_panel_url": self.lab_panel_url,
            "amounts_hidden": amounts_are_hidden(request),
            "section": "",
        }


def version_of(shown: Hashable) -> str:
    """A short name of what a live part shows, which the page gives back when it opens its stream."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def install_site(app: FastAPI, site: Site) -> None:
    """Makes the site known to the dependencies below."""
    app.state.site = site
    app.state.pages = Pages(site.context)


def site_of(request: Request) -> Site:
    """The site that this request is for."""
    site: Site = request.app.state.site
    return site


def pages_of(request: Request) -> Pages:
    """The templates."""
    pages: Pages = request.app.state.pages
    return pages


class OperatorNeeded(Exception):
    """The page is for the operator, who has not signed in."""


def operator(request: Request) -> None:
    """Raises OperatorNeeded."""
    if not site_of(request).authentication.knows(request):
        raise OperatorNeeded


async def no_forgery(request: Request) -> None:
    """Raises ForgedRequest."""
    await site_of(request).csrf.check(request)


SiteOf = Annotated[Site, Depends(site_of)]
PagesOf = Annotated[Pages, Depends(pages_of)]
