"""A site with an operator: what the pages of hub and banks work with, its brand, and its dependencies."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from pix.web.assets import fingerprint
from pix.web.csrf import Csrf
from pix.web.events import session_ended, wants_events
from pix.web.htmx import see_other, sign_in_url
from pix.web.operators import OperatorAuthentication
from pix.web.palette import Palette, derive_palette, stylesheet
from pix.web.templates import Pages

_IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Brand:
    name: str
    color: str
    subtitle: str
    stylesheet_url: str
    icon_url: str
    home_url: str = "/"


class Looks:
    """The brand's files. `draw` returns the shapes of the icon, 64 units wide, on the brand's colour."""

    def __init__(self, name: str, color: str, draw: Callable[[Palette], str]) -> None:
        self.name = name
        self.color = color
        self.palette = derive_palette(color, "light")
        self.stylesheet = stylesheet(color)
        self.icon = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
            f'<rect width="64" height="64" rx="18" fill="{self.palette["brand"]}"/>{draw(self.palette)}</svg>'
        )

    def brand(self, subtitle: str) -> Brand:
        return Brand(
            name=self.name,
            color=self.color,
            subtitle=subtitle,
            stylesheet_url=f"/brand.css?v={fingerprint(self.stylesheet.encode())}",
            icon_url=f"/brand.svg?v={fingerprint(self.icon.encode())}",
        )


def brand_router(looks: Looks) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/brand.css")
    def show_stylesheet() -> Response:
        return Response(looks.stylesheet, media_type="text/css", headers=_IMMUTABLE)

    @router.get("/brand.svg")
    def show_icon() -> Response:
        return Response(looks.icon, media_type="image/svg+xml", headers=_IMMUTABLE)

    @router.get("/site.webmanifest")
    def show_manifest() -> dict[str, Any]:
        """Lets a phone add the site to its home screen."""
        return {
            "name": looks.name,
            "short_name": looks.name,
            "start_url": "/",
            "display": "standalone",
            "theme_color": looks.color,
            "background_color": looks.palette["page"],
            "icons": [{"src": "/brand.svg", "sizes": "any", "type": "image/svg+xml"}],
        }

    return router


class OperatorSite(Protocol):
    @property
    def csrf(self) -> Csrf: ...
    @property
    def authentication(self) -> OperatorAuthentication: ...
    def context(self, request: Request) -> Mapping[str, Any]: ...


class OperatorNeeded(Exception):
    """The page is for the operator, who has not signed in."""


def install_site(app: FastAPI, site: OperatorSite) -> None:
    """Makes the site known to the dependencies below."""
    app.state.site = site
    app.state.pages = Pages(site.context)


def authentication_of(request: Request) -> OperatorAuthentication:
    site: OperatorSite = request.app.state.site
    return site.authentication


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


# FastAPI hands a dependency that is a plain function to a thread; these only look, so they need none.


async def _pages(request: Request) -> Pages:
    return pages_of(request)


async def operator(request: Request) -> None:
    if not authentication_of(request).is_operator(request):
        raise OperatorNeeded


async def no_forgery(request: Request) -> None:
    site: OperatorSite = request.app.state.site
    await site.csrf.check(request)


PagesOf = Annotated[Pages, Depends(_pages)]


def to_sign_in(url: str, home: str = "/") -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler of the error that a page needs a sign-in; `home` is where the visitor goes afterwards by default."""

    async def redirect(request: Request, _error: Exception) -> Response:
        return session_ended() if wants_events(request) else see_other(request, sign_in_url(request, url, home))

    return redirect


def version_of(shown: Hashable) -> str:
    """A short name of the content of a live part, which the page gives back when it opens its stream."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
