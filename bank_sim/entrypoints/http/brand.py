"""The bank's own looks as files: the palette's stylesheet, the logo, and what a telephone needs for its home screen."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from markupsafe import escape

from bank_sim.entrypoints.http.site import SiteOf
from pix.web.formats import initials
from pix.web.palette import derive_palette

router = APIRouter(include_in_schema=False)

_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/brand.css")
def stylesheet(site: SiteOf) -> Response:
    """The palette of the bank's colour."""
    return Response(site.stylesheet, media_type="text/css", headers=_KEPT)


@router.get("/brand.svg")
def logo(site: SiteOf) -> Response:
    """The bank's initials in its colour."""
    identity = site.bank.identity
    palette = derive_palette(identity.color, "light")
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" rx="18" fill="{palette["brand"]}"/>'
        f'<text x="32" y="43" text-anchor="middle" font-family="system-ui,sans-serif" font-size="29" '
        f'font-weight="800" fill="{palette["on-brand"]}">{escape(initials(identity.name))}</text></svg>'
    )
    return Response(svg, media_type="image/svg+xml", headers=_KEPT)


@router.get("/site.webmanifest")
def manifest(site: SiteOf) -> dict[str, Any]:
    """Lets a telephone put the bank on its home screen."""
    identity = site.bank.identity
    return {
        "name": identity.name,
        "short_name": identity.name,
        "start_url": "/",
        "display": "standalone",
        "theme_color": identity.color,
        "background_color": derive_palette(identity.color, "light")["page"],
        "icons": [{"src": "/brand.svg", "sizes": "any", "type": "image/svg+xml"}],
    }
