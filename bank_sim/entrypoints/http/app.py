"""The composition of the bank's HTTP side; nothing is opened by importing it."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from starlette.exceptions import HTTPException

from bank_sim.application.use_cases import BankApplication
from bank_sim.entrypoints.api_pix_options import ApiPixOptions
from bank_sim.entrypoints.http import payloads
from bank_sim.entrypoints.http.api import API_ROUTERS, docs
from bank_sim.entrypoints.http.api_pix import ApiPixPaths, create_api_pix
from bank_sim.entrypoints.http.api_pix.access import Api
from bank_sim.entrypoints.http.api_pix.errors import PixApiError, answer_pix_error
from bank_sim.entrypoints.http.api_pix.recurring import public_router
from bank_sim.entrypoints.http.charges_shown import ChargesShown
from bank_sim.entrypoints.http.contract import CONTRACT_ROUTERS
from bank_sim.entrypoints.http.errors import PROBLEMS, ended_session_sentence, sentence_of, title_of
from bank_sim.entrypoints.http.flows import FLOW_ROUTERS
from bank_sim.entrypoints.http.look_ups import LookUps
from bank_sim.entrypoints.http.pages import PAGE_ROUTERS
from bank_sim.entrypoints.http.pages.backoffice import sandbox as sandbox_pages
from bank_sim.entrypoints.http.picture_turns import PicturesBusy
from bank_sim.entrypoints.http.qr import UPLOAD_BYTES_MAX
from bank_sim.entrypoints.http.sandbox import SANDBOX_ROUTERS
from bank_sim.entrypoints.http.site import (
    DRAFT_SECONDS_MAX,
    SignInNeeded,
    Site,
    SiteSettings,
    is_customer,
    visitors_account,
)
from pix.runtime.clock import SchemeClock, SystemClock
from pix.web import preferences
from pix.web.addresses import NoNulInAddresses
from pix.web.assets import mount_assets
from pix.web.attempts import Attempts
from pix.web.csrf import Csrf, ForgedRequest
from pix.web.health import install_health
from pix.web.languages import translate
from pix.web.methods import Methods
from pix.web.operators import OperatorAuthentication
from pix.web.origins import install_public_url
from pix.web.places import page_address
from pix.web.problems import BODY_BYTES_MAX, TOO_LARGE, Uploads, install_problems
from pix.web.routes import add_routes
from pix.web.security_headers import SecurityHeaders
from pix.web.sessions import Tokens, install_sessions, secret_of, session_secret
from pix.web.site import Looks, OperatorNeeded, brand_router, install_site, pages_of, to_sign_in
from pix.web.templates import language_of

UPLOAD_PATH: Final = "/pay/picture"
UPLOAD_BODY_BYTES_MAX: Final = UPLOAD_BYTES_MAX + 1024 * 1024
"""The picture of a QR code with the form around it."""
UPLOADS_AT_ONCE_MAX: Final = 8
"""Of a form with a picture: 128 MiB of temporary files."""
FORM_FIELD_BYTES_MAX: Final = 16 * 1024
API_PIX: Final = ApiPixOptions()


def create_app(
    application: BankApplication,
    settings: SiteSettings,
    scheme_clock: SchemeClock | None = None,
    api_pix: ApiPixOptions | None = API_PIX,
    *,
    has_contract: bool = False,
) -> FastAPI:
    """The bank's pages and REST, and its API Pix unless that has a separate port (None).

    `has_contract` adds the endpoints by which an examiner drives and reads the bank, without sign-in.
    """
    identity = application.identity
    app = FastAPI(
        title=f"{identity.name} ({identity.code})",
        version="1",
        description="A bank of the CodePix network. Amounts are integers in centavos, times Unix milliseconds.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        form_limits={"max_fields": 50, "max_files": 1, "max_part_size": FORM_FIELD_BYTES_MAX},
    )
    cookie = f"codepix_bank_{identity.code}"
    secret = secret_of(cookie, session_secret(settings.session_secret))
    site = Site(
        bank=application,
        settings=settings,
        csrf=Csrf(secret),
        payees=Tokens(secret, "payee", DRAFT_SECONDS_MAX),
        orders=Tokens(secret, "order", DRAFT_SECONDS_MAX),
        attempts=Attempts(),
        look_ups=LookUps(),
        charges_shown=ChargesShown(application.payable_codes.read),
        authentication=OperatorAuthentication(settings, secret),
        scheme_clock=scheme_clock or SystemClock(),
        looks=Looks(identity.name, identity.color),
    )
    install_site(app, site)
    install_sessions(app, secret, cookie, https_only=settings.public_url.startswith("https://"))
    install_public_url(app, settings.public_url)
    app.add_middleware(NoNulInAddresses)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Methods)
    mount_assets(app)
    install_health(app, application.health)
    add_routes(
        app,
        (
            *API_ROUTERS,
            *FLOW_ROUTERS,
            brand_router,
            preferences.router,
            public_router,
            payloads.router,
            *PAGE_ROUTERS,
            *((*SANDBOX_ROUTERS, sandbox_pages.router) if settings.sandbox else ()),
            *(CONTRACT_ROUTERS if has_contract else ()),
            docs.router,
        ),
    )
    uploads = Uploads(UPLOAD_PATH, UPLOAD_BODY_BYTES_MAX, UPLOADS_AT_ONCE_MAX, _check_signed_in, PicturesBusy)
    install_problems(app, PROBLEMS, _error_page, BODY_BYTES_MAX, uploads)
    app.add_exception_handler(SignInNeeded, to_sign_in("/sign-in"))
    app.add_exception_handler(OperatorNeeded, to_sign_in("/backoffice/sign-in", "/backoffice"))
    app.add_exception_handler(PixApiError, answer_pix_error)
    if api_pix is not None:
        served = create_api_pix(application, site.scheme_clock, api_pix)
        api: Api = served.state.api
        app.state.limits = (api.requests, api.wrong_secrets)
        app.add_middleware(ApiPixPaths, api_pix=served, options=api_pix)
    return app


def _check_signed_in(request: Request) -> None:
    if not is_customer(request):
        raise SignInNeeded


def _error_page(request: Request, error: Exception, status: int) -> Response:
    language = language_of(request)
    sentence = sentence_of(error, language)
    way_on = "/"
    if isinstance(error, ForgedRequest):
        is_signed_in = is_customer(request)
        sentence = ended_session_sentence(request.url.path, is_signed_in, language)
        way_on = page_address(request) if is_signed_in else "/sign-in"
    elif isinstance(error, HTTPException):
        if status == TOO_LARGE and request.url.path == UPLOAD_PATH:
            mb = str(UPLOAD_BYTES_MAX // 1024 // 1024)
            sentence = translate(language, "Choose an image of at most %(mb)s MB.") % {"mb": mb}
            way_on = page_address(request)
        elif status == TOO_LARGE:
            sentence = translate(language, "The request is too large.")
            way_on = page_address(request)
        else:
            sentence = translate(language, "It doesn't exist or you don't have access.")
    context = {
        "title": title_of(status, language),
        "sentence": sentence,
        "status": status,
        "way_on": way_on,
        "account": visitors_account(request),
    }
    return pages_of(request).page(request, "bank/error.html", context, status=status)
