"""A site with an operator: what the pages of hub and banks work with, its brand, and its dependencies."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response

from pix.web.assets import fingerprint
from pix.web.csrf import Csrf
from pix.web.events import session_ended, wants_events
from pix.web.htmx import see_other, sign_in_url
from pix.web.logo import Mark, favicon, mark_of, png, svg
from pix.web.operators import OperatorAuthentication
from pix.web.palette import derive_palette, stylesheet
from pix.web.templates import Pages

_IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
ICON_SIDES: Final = (192, 512)
"""In pixels; what phones ask for."""
TOUCH_ICON_SIDE: Final = 180


_ICON_SECONDS: Final = 86_400
"""For which a browser keeps an icon whose address has no fingerprint."""


@dataclass(frozen=True, slots=True)
class Brand:
    name: str
    color: str
    subtitle: str
    stylesheet_url: str
    icon_url: str
    logo_url: str
    """The icon in the colours for a ground of the brand's colour."""
    home_url: str = "/"


class Looks:
    """The brand's files. Without a `mark` the logo is the one that belongs to the name."""

    def __init__(self, name: str, color: str, mark: Mark | None = None) -> None:
        self.name = name
        self.color = color
        self.mark = mark_of(name) if mark is None else mark
        self.palette = derive_palette(color, "light")
        self.stylesheet = stylesheet(color)
        self.icon = svg(self.mark, self.palette["brand"], self.palette["on-brand"])
        self.logo = svg(self.mark, self.palette["on-brand"], self.palette["brand"])

    def brand(self, subtitle: str) -> Brand:
        return Brand(
            name=self.name,
            color=self.color,
            subtitle=subtitle,
            stylesheet_url=f"/brand.css?v={fingerprint(self.stylesheet.encode())}",
            icon_url=f"/brand.svg?v={fingerprint(self.icon.encode())}",
            logo_url=f"/brand-logo.svg?v={fingerprint(self.logo.encode())}",
        )

    def png(self, side: int, *, full: bool = False) -> bytes:
        """The icon, `side` pixels wide; a `full` one without round corners."""
        return png(self.mark, self.palette["brand"], self.palette["on-brand"], side, full=full)

    def favicon(self) -> bytes:
        return favicon(self.mark, self.palette["brand"], self.palette["on-brand"])


class BrandedSite(Protocol):
    @property
    def looks(self) -> Looks: ...


# FastAPI hands a dependency that is a plain function to a thread; these only look, so they need none.


async def _looks(request: Request) -> Looks:
    site: BrandedSite = request.app.state.site
    return site.looks


LooksOf = Annotated[Looks, Depends(_looks)]


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


async def _pages(request: Request) -> Pages:
    return pages_of(request)


PagesOf = Annotated[Pages, Depends(_pages)]

brand_router: Final = APIRouter(include_in_schema=False)
_KEPT: Final = {"Cache-Control": f"public, max-age={_ICON_SECONDS}"}


@brand_router.get("/brand.css")
def show_stylesheet(looks: LooksOf) -> Response:
    return Response(looks.stylesheet, media_type="text/css", headers=_IMMUTABLE)


@brand_router.get("/brand.svg")
def show_icon(looks: LooksOf) -> Response:
    return Response(looks.icon, media_type="image/svg+xml", headers=_IMMUTABLE)


@brand_router.get("/brand-logo.svg")
def show_logo(looks: LooksOf) -> Response:
    return Response(looks.logo, media_type="image/svg+xml", headers=_IMMUTABLE)


@brand_router.get("/favicon.ico")
def show_favicon(looks: LooksOf) -> Response:
    return Response(looks.favicon(), media_type="image/x-icon", headers=_KEPT)


@brand_router.get("/apple-touch-icon.png")
def show_touch_icon(looks: LooksOf) -> Response:
    """For the home screen of a system that rounds the corners."""
    return Response(looks.png(TOUCH_ICON_SIDE, full=True), media_type="image/png", headers=_KEPT)


@brand_router.get("/icon-{side}.png")
def show_png(looks: LooksOf, side: int) -> Response:
    if side not in ICON_SIDES:
        raise HTTPException(404)
    return Response(looks.png(side, full=True), media_type="image/png", headers=_KEPT)


@brand_router.get("/virtual-time")
def show_virtual_time(request: Request, pages: PagesOf) -> Response:
    """The banner of a page that stays open while the network's clock is moved; empty when the clock is real."""
    return pages.page(request, "base.html", block="clock_banner")


@brand_router.get("/site.webmanifest")
def show_manifest(looks: LooksOf) -> dict[str, Any]:
    """Lets a phone add the site to its home screen."""
    pictures = [
        {"src": f"/icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
        for side in ICON_SIDES
        for purpose in ("any", "maskable")
    ]
    return {
        "name": looks.name,
        "short_name": looks.name,
        "start_url": "/",
        "display": "standalone",
        "theme_color": looks.color,
        "background_color": looks.palette["page"],
        "icons": [{"src": "/brand.svg", "sizes": "any", "type": "image/svg+xml"}, *pictures],
    }


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


async def operator(request: Request) -> None:
    if not authentication_of(request).is_operator(request):
        raise OperatorNeeded


async def no_forgery(request: Request) -> None:
    site: OperatorSite = request.app.state.site
    await site.csrf.check(request)


def to_sign_in(url: str, home: str = "/") -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler of the error that a page needs a sign-in; `home` is where the visitor goes afterwards by default."""

    async def redirect(request: Request, _error: Exception) -> Response:
        return session_ended() if wants_events(request) else see_other(request, sign_in_url(request, url, home))

    return redirect


def version_of(shown: Hashable) -> str:
    """A short name of the content of a live part, which the page gives back when it opens its stream."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
