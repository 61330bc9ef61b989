"""The hub's ASGI application: REST, console and health."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from starlette.exceptions import HTTPException

from hub.application.bank_books import NoBankBooks
from hub.application.course.use_cases import CourseApplication
from hub.application.live_messages import LiveMessages, SilentTap
from hub.application.ports import BankBooks
from hub.application.ports.topics import TopicBrowser
from hub.application.use_cases import HubApplication
from hub.entrypoints.http.api import API_ROUTERS, clock
from hub.entrypoints.http.errors import PROBLEMS
from hub.entrypoints.http.pages import CONSOLE, SIGN_IN
from hub.entrypoints.http.pages.site import Site
from pix.web import preferences
from pix.web.assets import mount_assets
from pix.web.csrf import Csrf, ForgedRequest
from pix.web.health import install_health
from pix.web.languages import translate, translate_rule
from pix.web.methods import Methods
from pix.web.operators import DemoOperator, OperatorAuthentication, OperatorSettings
from pix.web.origins import install_public_url
from pix.web.problems import BODY_BYTES_MAX, TOO_LARGE, find_kind, install_problems
from pix.web.routes import add_routes
from pix.web.security_headers import SecurityHeaders
from pix.web.sessions import install_sessions, secret_of, session_secret
from pix.web.site import OperatorNeeded, brand_router, install_site, pages_of, to_sign_in
from pix.web.templates import language_of

DESCRIPTION: Final = (
    "The data of the console for programs: banks, transfers with their timelines, keys, settlement accounts, dead "
    "letters, a network snapshot, and a stream of messages. A bank may look up keys with its credentials. "
    "Amounts are integers in centavos; times are Unix milliseconds in UTC."
)
SESSION_COOKIE: Final = "codepix_hub"


def create_app(
    application: HubApplication,
    *,
    configured_secret: str = "",
    operators: OperatorSettings | None = None,
    wire: LiveMessages | None = None,
    bank_books: BankBooks | None = None,
    lab_panel_url: str = "",
    public_url: str = "",
    course: CourseApplication | None = None,
    topics: TopicBrowser | None = None,
) -> FastAPI:
    """The application.

    `configured_secret` signs sessions and forms; when it is empty, one is made for the life of the process. Without
    `operators` everybody is the operator; without `wire` no message is shown live, and without `bank_books` no bank
    answers. The page at `lab_panel_url` may frame the network map. People reach the console at `public_url`; with https
    its cookies are for https alone. `course` is None without course mode; without
    `topics` the console shows no topics.
    """
    app = FastAPI(
        title="CodePix hub",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    secret = secret_of(SESSION_COOKIE, session_secret(configured_secret))
    authentication = OperatorAuthentication(operators or DemoOperator(), secret)
    wire = wire or LiveMessages(SilentTap)
    bank_books = bank_books or NoBankBooks()
    site = Site(application, Csrf(secret), authentication, wire, bank_books, lab_panel_url, course, topics)
    install_site(app, site)
    install_sessions(app, secret, SESSION_COOKIE, https_only=public_url.startswith("https://"), same_site="strict")
    install_public_url(app, public_url)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Methods)
    mount_assets(app)
    install_problems(app, PROBLEMS, _error_page, BODY_BYTES_MAX)
    app.add_exception_handler(OperatorNeeded, to_sign_in("/sign-in"))
    install_health(app, application.health)
    add_routes(app, (*API_ROUTERS, *_clock_routers(application), preferences.router, SIGN_IN, brand_router, CONSOLE))
    return app


def _clock_routers(application: HubApplication) -> Iterable[APIRouter]:
    if application.network_clock is not None:
        yield clock.router
        if application.network_clock.may_start_over:
            yield clock.start_over_router


def _error_page(request: Request, error: Exception, status: int) -> Response:
    language = language_of(request)
    titles = {
        403: translate(language, "Your session has expired"),
        404: translate(language, "Page not found"),
        503: translate(language, "One moment, please"),
    }
    kind = find_kind(error, PROBLEMS)
    if isinstance(error, ForgedRequest):
        sentence = translate(language, "Nothing was changed. Open the page again.")
    elif status == TOO_LARGE:
        sentence = translate(language, "The request is too large.")
    elif isinstance(error, HTTPException):
        sentence = translate(language, "It doesn't exist or you don't have access.")
    elif kind is not None:
        sentence = translate_rule(language, getattr(error, "rule", "") or kind.title)
    else:
        sentence = translate(language, "The problem is on our side. The error was logged.")
    context = {
        "title": titles.get(status, translate(language, "Something went wrong")),
        "sentence": sentence[:1].upper() + sentence[1:],
        "status": status,
    }
    return pages_of(request).page(request, "hub/error.html", context, status=status)
