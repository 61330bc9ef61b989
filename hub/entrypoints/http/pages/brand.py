"""The console's looks as files: the palette's stylesheet, the mark, and what a telephone needs for its home screen."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response

from hub.entrypoints.http.pages.site import COLOR, NAME, SiteOf
from pix.web.palette import derive_palette

router = APIRouter(include_in_schema=False)

_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/brand.css")
def stylesheet(site: SiteOf) -> Response:
    """The palette."""
    return Response(site.stylesheet, media_type="text/css", headers=_KEPT)


@router.get("/brand.svg")
def mark() -> Response:
    """A hub: a centre with four banks around it."""
    palette = derive_palette(COLOR, "light")
    ink = palette["on-brand"]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" rx="18" fill="{palette["brand"]}"/>'
        f'<g stroke="{ink}" stroke-width="3.5"><path d="M18 18 46 46M46 18 18 46"/></g>'
        f'<g fill="{ink}"><circle cx="32" cy="32" r="9"/><circle cx="17" cy="17" r="5.500"/>'
        '<circle cx="47" cy="17" r="5.500"/><circle cx="17" cy="47" r="5.500"/><circle cx="47" cy="47" r="5.500"/>'
        "</g></svg>"
    )
    return Response(svg, media_type="image/svg+xml", headers=_KEPT)


@router.get("/site.webmanifest")
def manifest() -> dict[str, Any]:
    """Lets a telephone put the console on its home screen."""
    return {
        "name": NAME,
        "short_name": NAME,
        "start_url": "/",
        "display": "standalone",
        "theme_color": COLOR,
        "background_color": derive_palette(COLOR, "light")["page"],
        "icons": [{"src": "/brand.svg", "sizes": "any", "type": "image/svg+xml"}],
    }
