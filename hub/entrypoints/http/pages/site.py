"""What every page of the console works with: the hub, the templates, the tokens of the forms, and the brand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Request

from hub.application.live_messages import LiveMessages
from hub.application.ports import BankBooks
from hub.application.use_cases import HubApplication
from pix.web.csrf import Csrf
from pix.web.languages import translate
from pix.web.operators import OperatorAuthentication
from pix.web.palette import Palette
from pix.web.preferences import amounts_are_hidden
from pix.web.sessions import session_mark
from pix.web.site import Looks
from pix.web.templates import language_of

NAME: Final = "CodePix hub"
COLOR: Final = "#2a323d"
"""A neutral slate: the only colours of the console's own are those of the banks and of what went well or wrong."""

HEALTH_AGE_SECONDS_MAX: Final = 2.0
"""Asking each part how it is costs connections, so all pages together ask no more often than this."""

Value = TypeVar("Value")


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


def _draw_hub(palette: Palette) -> str:
    """A hub with four banks around it."""
    ink = palette["on-brand"]
    return (
        f'<g stroke="{ink}" stroke-width="3.5"><path d="M18 18 46 46M46 18 18 46"/></g>'
        f'<g fill="{ink}"><circle cx="32" cy="32" r="9"/><circle cx="17" cy="17" r="5.500"/>'
        '<circle cx="47" cy="17" r="5.500"/><circle cx="17" cy="47" r="5.500"/><circle cx="47" cy="47" r="5.500"/></g>'
    )


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
        self.looks = Looks(NAME, COLOR, _draw_hub)
        self.health = Remembered(hub.health.report, HEALTH_AGE_SECONDS_MAX)

    def context(self, request: Request) -> Mapping[str, Any]:
        """What every template may use."""
        return {
            "brand": self.looks.brand(translate(language_of(request), "Operator console")),
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


async def site_of_request(request: Request) -> Site:
    return site_of(request)


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(site_of_request)]
