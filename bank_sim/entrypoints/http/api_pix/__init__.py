"""The API Pix of the Central Bank, which merchants' programs use: `/v2`, and `/oauth/token` beside it.

It is a separate application beside pages and REST: it has other errors, no session, and may have another port.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from bank_sim.application.use_cases import BankApplication
from bank_sim.entrypoints.api_pix_options import ApiPixOptions
from bank_sim.entrypoints.http.api_pix import cob, cobv, efi, loc, lotecobv, oauth, pix, recurring, webhook
from bank_sim.entrypoints.http.api_pix.access import make_api
from bank_sim.entrypoints.http.api_pix.errors import answer_pix_error, install_errors
from bank_sim.entrypoints.http.api_pix.request_log import LogRequests
from pix.runtime.clock import SchemeClock
from pix.web.addresses import NoNulInAddresses
from pix.web.methods import Methods
from pix.web.problems import BODY_BYTES_MAX, BodyLimit
from pix.web.routes import add_routes
from pix.web.security_headers import SecurityHeaders

BASE: Final = "/v2"
OAUTH: Final = "/oauth"
BATCH_PATH: Final = f"{BASE}/lotecobv/"
BATCH_BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of a batch of charges; every other body has at most `BODY_BYTES_MAX`."""


def _under_base(*routers: APIRouter) -> APIRouter:
    under_base = APIRouter(prefix=BASE)
    for router in routers:
        under_base.include_router(router)
    return under_base


API: Final = _under_base(
    cob.router, cobv.router, lotecobv.router, loc.router, webhook.router, pix.router, recurring.router
)
EFI: Final = _under_base(efi.router)


def create_api_pix(bank: BankApplication, scheme_clock: SchemeClock, options: ApiPixOptions) -> FastAPI:
    """The application that serves `/v2` and `/oauth/token`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    api = make_api(bank, scheme_clock, options)
    app.state.api = api
    add_routes(app, (oauth.router, API, *((EFI,) if options.dialect.location_qr_codes else ())))
    install_errors(app)

    app.user_middleware = [
        Middleware(SecurityHeaders),
        *_cors(options),
        Middleware(Methods),
        Middleware(NoNulInAddresses, answers_json=True),
        Middleware(LogRequests, requests=api.log),
        Middleware(BodyLimits, answer=answer_pix_error),
    ]
    return app


def serve_api_pix_alone(bank: BankApplication, scheme_clock: SchemeClock, options: ApiPixOptions) -> ASGIApp:
    """The same at the addresses that it has, for a separate port."""
    api_pix = create_api_pix(bank, scheme_clock, options)
    return ApiPixPaths(api_pix, api_pix, options)


def _cors(options: ApiPixOptions) -> list[Middleware]:
    if not options.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=options.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Location", "Retry-After", "WWW-Authenticate"],
        )
    ]


class BodyLimits:
    """ASGI middleware: a batch of charges may have a larger body than every other request."""

    def __init__(self, app: ASGIApp, answer: object) -> None:
        self._usual = BodyLimit(app, BODY_BYTES_MAX, answer)  # type: ignore[arg-type]
        self._batch = BodyLimit(app, BATCH_BODY_BYTES_MAX, answer)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_batch = scope["type"] == "http" and scope["path"].startswith(BATCH_PATH)
        await (self._batch if is_batch else self._usual)(scope, receive, send)


class ApiPixPaths:
    """ASGI middleware of the bank's application: gives the API's addresses to the API.

    With a prefix they are also served behind it. Trailing slashes are as the profile has them.
    """

    def __init__(self, app: ASGIApp, api_pix: ASGIApp, options: ApiPixOptions) -> None:
        self._app = app
        self._api_pix = api_pix
        self._prefix = options.prefix
        self._trailing_slashes = options.dialect.trailing_slashes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._path_in_api(scope["path"]) if scope["type"] == "http" else ""
        if path:
            # The same scope: what the API notes in it, the telemetry around reads.
            scope["path"] = path
            await self._api_pix(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _path_in_api(self, path: str) -> str:
        """The address without the prefix; empty when it is not the API's."""
        for prefix in {self._prefix, ""}:
            rest = path.removeprefix(prefix)
            if path.startswith(prefix) and (rest in (BASE, OAUTH) or rest.startswith((f"{BASE}/", f"{OAUTH}/"))):
                return rest.rstrip("/") if self._trailing_slashes else rest
        return ""
