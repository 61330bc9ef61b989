"""The composition of the panel's HTTP side; nothing is opened by importing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from lab.panel import api, api_docs, builder, pages, puzzle_pages, reset, runs, walkthrough_pages
from lab.panel.operator_sign_in import LoopbackNames, OperatorSignIn, TokenNeeded
from lab.panel.problems import PROBLEMS, NotThere
from lab.panel.site import NAME, Laboratory, Shown, Site
from pix.web import preferences
from pix.web.addresses import NoNulInAddresses
from pix.web.assets import mount_assets
from pix.web.csrf import Csrf, ForgedRequest
from pix.web.htmx import asks_for_fragment
from pix.web.languages import translate, translate_rule
from pix.web.methods import Methods
from pix.web.problems import BODY_BYTES_MAX, find_kind, install_problems
from pix.web.routes import add_routes
from pix.web.security_headers import SecurityHeaders
from pix.web.session_registry import SESSION_SECONDS_MAX
from pix.web.sessions import install_sessions, secret_of, session_secret
from pix.web.site import brand_router, pages_of
from pix.web.templates import Pages, language_of

DESCRIPTION: Final = (
    "Stops, kills and restarts the components of the network, generates traffic, plays scenarios and audits. Only on "
    "this machine, with the token printed by `codepix demo`. Amounts are integers in centavos; times are Unix "
    "milliseconds in UTC."
)
SESSION_COOKIE: Final = "codepix_lab"

PANEL: Final = (api.router, api_docs.router, pages.page, builder.router, runs.router, reset.router, pages.router)
CLASSROOM: Final = (
    walkthrough_pages.api,
    api_docs.router,
    walkthrough_pages.page,
    walkthrough_pages.notes_page,
    walkthrough_pages.router,
    puzzle_pages.page,
    puzzle_pages.router,
)
"""In a classroom nothing else acts on the network."""


def create_app(lab: Laboratory, sign_in: OperatorSignIn, port: int) -> FastAPI:
    """The application, which answers on this port of 127.0.0.1 alone."""
    return compose(lab, sign_in, port, PANEL if lab.walkthrough is None else CLASSROOM, DESCRIPTION)


def compose(lab: Shown, sign_in: OperatorSignIn, port: int, routers: Sequence[APIRouter], description: str) -> FastAPI:
    """The application of these routers, behind the lab's sign-in; `description` is that of its REST API."""
    app = FastAPI(
        title=NAME,
        version="1",
        description=description,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    # Of this start alone: a sign-in does not outlive the lab's process.
    secret = secret_of(SESSION_COOKIE, session_secret(sign_in.session_secret))
    app.state.sign_in = sign_in
    site = app.state.site = Site(lab, Csrf(secret))
    app.state.pages = Pages(site.context)
    install_sessions(app, secret, SESSION_COOKIE, same_site="strict", idle_seconds_max=SESSION_SECONDS_MAX)
    app.add_middleware(NoNulInAddresses)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(LoopbackNames, port=port)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Methods)
    mount_assets(app)
    install_problems(app, PROBLEMS, _error_page, BODY_BYTES_MAX)
    add_routes(app, (preferences.router, brand_router, *routers))
    return app


def _error_page(request: Request, error: Exception, status: int) -> Response:
    """A page for people; where a form was sent by a script, only the sentence, which the page then shows."""
    language = language_of(request)
    kind = find_kind(error, PROBLEMS)
    if isinstance(error, ForgedRequest):
        sentence = translate(language, "Nothing was changed. Open the page again.")
    elif isinstance(error, TokenNeeded):
        sentence = translate(
            language,
            "These pages stop processes and delete data, so they ask for the token of this start. Open the link that "
            "{} printed in the terminal, or paste the link here.",
        ).format(request.app.state.site.lab.command)
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
    is_wrong = isinstance(error, TokenNeeded) and error.is_wrong
    context = {"title": title, "sentence": sentence, "status": status, "is_token_wrong": is_wrong}
    return pages_of(request).page(request, "lab/error.html", context, status=status)
