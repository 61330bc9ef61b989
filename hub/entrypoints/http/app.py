"""The hub's ASGI application: REST, console and health."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from hub.application.use_cases import HubApplication
from hub.entrypoints.http.api import api_router
from hub.entrypoints.http.console import console_router
from hub.entrypoints.http.problems import PROBLEMS
from pix.service.records import Record
from pix.service.web.assets import mount_assets
from pix.service.web.problems import install_problems
from pix.service.web.security_headers import SecurityHeaders

DESCRIPTION = (
    "Read what the hub knows: banks, transfers with their histories, keys (for a bank that proves itself), settlement "
    "accounts and dead letters. Money is integer centavos; times are Unix milliseconds in UTC."
)


def _error_page(_request: Request, _error: Exception, status: int) -> Response:
    return PlainTextResponse(HTTPStatus(status).phrase, status)


def create_app(application: HubApplication, treat_again: Callable[[Record], None]) -> FastAPI:
    """The application; `treat_again` is what a dead letter's record goes through when it is replayed."""
    app = FastAPI(title="CodePix hub", version="1", description=DESCRIPTION, openapi_url="/api/openapi.json")
    app.add_middleware(SecurityHeaders)
    install_problems(app, PROBLEMS, _error_page)
    mount_assets(app)
    app.include_router(api_router(application, treat_again))
    app.include_router(console_router(application, treat_again))

    @app.get("/health/live", tags=["health"])
    def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/health/ready", tags=["health"])
    def ready() -> JSONResponse:
        """Whether every part works: 200, or 503 with what does not."""
        report = application.health.report()
        works = all(state == "ok" for state in report.values())
        return JSONResponse({"status": "ok" if works else "trouble", "parts": dict(report)}, 200 if works else 503)

    return app
