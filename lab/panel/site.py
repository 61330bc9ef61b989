"""What every page of the panel works with: the lab, the templates, the tokens of the forms, and the brand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Request, Response

from lab.classroom.director import Director
from lab.drive.generator.generator import Generator
from lab.network.conditions import Conditions
from lab.network.network import Network
from lab.network.supervisor import Keeper
from lab.panel.programme import Programme
from lab.panel.window import MapWindow
from pix.web.assets import fingerprint
from pix.web.csrf import Csrf
from pix.web.htmx import asks_for_fragment, see_other
from pix.web.languages import translate
from pix.web.palette import derive_palette, stylesheet
from pix.web.preferences import amounts_are_hidden
from pix.web.security_headers import CONTENT_SECURITY_POLICY
from pix.web.templates import Pages, language_of

NAME: Final = "CodePix lab"
COLOR: Final = "#9a3412"
"""Rust: no bank of the demo and no other page has this color, so that the lab is not mistaken for the network."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Everything that the panel shows and moves."""

    network: Network
    keeper: Keeper
    conditions: Conditions
    generator: Generator
    programme: Programme
    window: MapWindow
    ends: threading.Event
    """Set when the lab is about to stop."""
    director: Director | None = None
    """Of the story, when one is told; then nothing else is done to the network."""


@dataclass(frozen=True, slots=True)
class Brand:
    """How the panel shows itself."""

    name: str
    color: str
    subtitle: str
    stylesheet_url: str
    icon_url: str
    home_url: str = "/"


class Site:
    """The panel of one lab."""

    def __init__(self, lab: Laboratory, csrf: Csrf) -> None:
        self.lab = lab
        self.csrf = csrf
        self.stylesheet = stylesheet(COLOR)

    def context(self, request: Request) -> Mapping[str, Any]:
        """What every template may use."""
        return {
            "brand": Brand(
                name=NAME,
                color=COLOR,
                subtitle=translate(language_of(request), "Break it, and prove it"),
                stylesheet_url=f"/brand.css?v={fingerprint(self.stylesheet.encode())}",
                icon_url=f"/brand.svg?v={fingerprint(COLOR.encode())}",
            ),
            "csrf_token": self.csrf.token(request),
            "session_mark": "",
            "sign_in_url": "/",
            "amounts_hidden": amounts_are_hidden(request),
            "hub_url": self.lab.network.hub_url,
            "tells_story": self.lab.director is not None,
            "section": "",
        }

    def mark(self) -> str:
        """The panel's picture: a flask."""
        palette = derive_palette(COLOR, "light")
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
            f'<rect width="64" height="64" rx="18" fill="{palette["brand"]}"/>'
            f'<g fill="none" stroke="{palette["on-brand"]}" stroke-width="4" stroke-linejoin="round" '
            'stroke-linecap="round"><path d="M25 14h14M28 14v14L16 48a3 3 0 0 0 3 4h26a3 3 0 0 0 3-4L36 28V14"/>'
            '<path d="M22 40h20"/></g></svg>'
        )


def frames_of(lab: Laboratory) -> str:
    """The policy of a page that shows the hub's map within it."""
    return f"{CONTENT_SECURITY_POLICY}; frame-src {lab.network.hub_url}"


def version_of(shown: Hashable) -> str:
    """A short name of what a live part shows, which the page gives back when it opens its stream."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def done(request: Request, url: str = "/") -> Response:
    """After a form: the page moves by itself where there is a script, and is shown anew where there is none."""
    return Response(status_code=204) if asks_for_fragment(request) else see_other(request, url)


def install_site(app: FastAPI, site: Site) -> None:
    """Makes the site known to the dependencies below."""
    app.state.site = site
    app.state.pages = Pages(site.context)


def site_of(request: Request) -> Site:
    """The site that this request is for."""
    site: Site = request.app.state.site
    return site


def lab_of(request: Request) -> Laboratory:
    """What the panel shows and moves."""
    return site_of(request).lab


def pages_of(request: Request) -> Pages:
    """The templates."""
    pages: Pages = request.app.state.pages
    return pages


async def no_forgery(request: Request) -> None:
    """Raises ForgedRequest."""
    await site_of(request).csrf.check(request)


LabOf = Annotated[Laboratory, Depends(lab_of)]
PagesOf = Annotated[Pages, Depends(pages_of)]
