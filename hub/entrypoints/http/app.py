"""The hub's ASGI application: REST, console and health."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hub.application.bank_books import NoBankBooks
from hub.application.live_messages import LiveMessages, SilentTap
from hub.application.ports import BankBooks
from hub.application.use_cases import HubApplication
from hub.entrypoints.http.api.events import events_router
from hub.entrypoints.http.api.network import network_router
from hub.entrypoints.http.api.routers import api_routers
from hub.entrypoints.http.errors import PROBLEMS
from hub.entrypoints.http.pages import CONSOLE_ROUTERS, PUBLIC_ROUTERS
from hub.entrypoints.http.pages.site import OperatorNeeded, Site, install_site, operator, pages_of
from pix.runtime.own_threads import HEALTH_THREADS
from pix.web.assets import mount_assets
from pix.web.csrf import Csrf, ForgedRequest
from pix.web.events import session_ended, wants_events
from pix.web.htmx import see_other, sign_in_url
from pix.web.languages import translate, translate_rule
from pix.web.methods import Methods
from pix.web.operators import EverybodyIsOperator, OperatorAuthentication, OperatorSettings, operator_of_api
from pix.web.origins import install_public_url
from pix.web.preferences import preferences_router
from pix.web.problems import BODY_BYTES_MAX, TOO_LARGE, find_kind, install_problems
from pix.web.security_headers import SecurityHeaders
from pix.web.sessions import install_sessions, secret_of, session_secret
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
) -> FastAPI:
    """The application.

    `configured_secret` signs sessions and forms; when it is empty, one is made for the life of the process. Without
    `operators` everybody is the operator; without `wire` no message is shown live, and without `bank_books` no bank
    answers. The page at `lab_panel_url` may frame the network map. People reach the console at `public_url`; with https
    its cookies are for https alone.
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
    authentication = OperatorAuthentication(operators or EverybodyIsOperator(), secret)
    wire = wire or LiveMessages(SilentTap)
    bank_books = bank_books or NoBankBooks()
    install_site(app, Site(application, Csrf(secret), authentication, wire, bank_books, lab_panel_url))
    install_sessions(app, secret, SESSION_COOKIE, https_only=public_url.startswith("https://"), same_site="strict")
    install_public_url(app, public_url)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Methods)
    mount_assets(app)
    install_problems(app, PROBLEMS, _error_page, BODY_BYTES_MAX)
    app.add_exception_handler(OperatorNeeded, _to_sign_in)
    for router in (
        *api_routers(application, bank_books, operator_of_api(lambda _: authentication)),
        network_router(application, operator_of_api(lambda _: authentication)),
        events_router(wire, operator_of_api(lambda _: authentication)),
        preferences_router(),
        *PUBLIC_ROUTERS,
    ):
        app.include_router(router)
    for router in CONSOLE_ROUTERS:
        app.include_router(router, dependencies=[Depends(operator)])

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """Live: the process responds."""
        return {"status": "ok"}

    @app.get("/health/ready", tags=["health"])
    async def ready() -> JSONResponse:
        """Ready: 200 when each part works, otherwise 503 with the failed parts."""
        report = await HEALTH_THREADS.run(application.health.report)
        works = all(state == "ok" for state in report.values())
        return JSONResponse({"status": "ok" if works else "trouble", "parts": dict(report)}, 200 if works else 503)

    return app


async def _to_sign_in(request: Request, _error: Exception) -> Response:
    return session_ended() if wants_events(request) else see_other(request, sign_in_url(request, "/sign-in"))


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
