"""The composition of the panel's HTTP side; nothing is opened by importing it."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from lab.panel import api, pages, story_pages
from lab.panel.door import LoopbackNames, PanelDoor, TokenNeeded
from lab.panel.problems import PROBLEMS, NotThere
from lab.panel.site import COLOR, NAME, Laboratory, Site, install_site, pages_of, site_of
from pix.web.addresses import NoNulInAddresses
from pix.web.assets import mount_assets
from pix.web.csrf import Csrf, ForgedRequest
from pix.web.htmx import asks_for_fragment
from pix.web.languages import translate, translate_rule
from pix.web.methods import Methods
from pix.web.palette import derive_palette
from pix.web.preferences import preferences_router
from pix.web.problems import BODY_BYTES_MAX, find_kind, install_problems
from pix.web.security_headers import SecurityHeaders
from pix.web.sessions import install_sessions, secret_of, session_secret
from pix.web.templates import language_of
from pix.web.visits import SESSION_SECONDS_MAX

DESCRIPTION: Final = (
    "Stops, kills and restarts the components of the network, generates traffic, plays scenarios and audits. Only on "
    "this machine, with the token printed by `codepix demo`. Amounts are integers in centavos; times are Unix "
    "milliseconds in UTC."
)
SESSION_COOKIE: Final = "codepix_lab"

_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}

looks = APIRouter(include_in_schema=False)

PANEL: Final = (api.router, pages.public, pages.router)
CLASSROOM: Final = (story_pages.api, story_pages.public, story_pages.router)
"""While a story is told, nothing else moves the network."""


def create_app(lab: Laboratory, door: PanelDoor, port: int) -> FastAPI:
    """The application, which answers on this port of 127.0.0.1 alone."""
    app = FastAPI(
        title=NAME,
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    # Of this start alone: a browser that was let in by an earlier one is not let in by this one.
    secret = secret_of(SESSION_COOKIE, session_secret(""))
    app.state.door = door
    install_site(app, Site(lab, Csrf(secret)))
    install_sessions(app, secret, SESSION_COOKIE, same_site="strict", idle_seconds_max=SESSION_SECONDS_MAX)
    app.add_middleware(NoNulInAddresses)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(LoopbackNames, port=port)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Methods)
    mount_assets(app)
    install_problems(app, PROBLEMS, _error_page, BODY_BYTES_MAX)
    for router in (preferences_router(), looks, *(PANEL if lab.director is None else CLASSROOM)):
        app.include_router(router)
    return app


@looks.get("/brand.css")
def stylesheet(request: Request) -> Response:
    """The palette."""
    return Response(site_of(request).stylesheet, media_type="text/css", headers=_KEPT)


@looks.get("/brand.svg")
def mark(request: Request) -> Response:
    """The panel's picture."""
    return Response(site_of(request).mark(), media_type="image/svg+xml", headers=_KEPT)


@looks.get("/site.webmanifest")
def manifest() -> dict[str, Any]:
    """What a browser asks every page for."""
    return {
        "name": NAME,
        "short_name": NAME,
        "start_url": "/",
        "display": "standalone",
        "theme_color": COLOR,
        "background_color": derive_palette(COLOR, "light")["page"],
        "icons": [{"src": "/brand.svg", "sizes": "any", "type": "image/svg+xml"}],
    }


def _error_page(request: Request, error: Exception, status: int) -> Response:
    """A page for people; where a form was sent by a script, only the sentence, which the page then shows."""
    language = language_of(request)
    kind = find_kind(error, PROBLEMS)
    if isinstance(error, ForgedRequest):
        sentence = translate(language, "Nothing was changed. Open the page again.")
    elif isinstance(error, TokenNeeded):
        sentence = translate(language, "Open the link printed by codepix demo.")
    elif isinstance(error, HTTPException | NotThere):
        sentence = translate(language, "It doesn't exist or you don't have access.")
    elif kind is not None:
        sentence = translate_rule(language, getattr(error, "rule", "") or str(error) or kind.title)
    else:
        sentence = translate(language, "The problem is on our side. The error was logged.")
    if asks_for_fragment(request):
        return PlainTextResponse(sentence, status)
    titles = {
        401: translate(language, "Access token needed"),
        403: translate(language, "Your session has expired"),
        404: translate(language, "Page not found"),
    }
    title = titles.get(status, translate(language, "Something went wrong"))
    context = {"title": title, "sentence": sentence, "status": status}
    return pages_of(request).page(request, "lab/error.html", context, status=status)
