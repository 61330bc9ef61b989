"""The door of the back office: open in demo mode, else opened by the bank's secret."""

from __future__ import annotations

import hmac
from typing import Annotated, Final

from fastapi import Form, Request, Response

from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Faults, PagesOf, SiteOf, is_operator, sign_in_operator
from pix.service.web.htmx import see_other
from pix.service.web.languages import translate
from pix.service.web.sessions import renew_session
from pix.service.web.templates import language_of

ATTEMPTS_NAME: Final = "the back office"

router = page_router()


@router.get("/backoffice/sign-in")
def show(request: Request, pages: PagesOf) -> Response:
    """The form."""
    if is_operator(request):
        return see_other(request, "/backoffice")
    return pages.page(request, "bank/backoffice/sign_in.html")


@router.post("/backoffice/sign-in")
def open_door(
    request: Request, site: SiteOf, pages: PagesOf, secret: Annotated[str, Form(max_length=400)] = ""
) -> Response:
    """Lets in whoever knows the bank's secret."""
    language = language_of(request)
    if not site.attempts.are_left(ATTEMPTS_NAME):
        faults = Faults(secret=translate(language, "Too many attempts. Wait a minute and try again."))
        return pages.page(request, "bank/backoffice/sign_in.html", {"faults": faults}, status=429)
    if not hmac.compare_digest(secret.encode(), site.settings.bank_secret.encode()):
        site.attempts.failed(ATTEMPTS_NAME)
        faults = Faults(secret=translate(language, "This is not the bank's secret."))
        return pages.page(request, "bank/backoffice/sign_in.html", {"faults": faults}, status=401)
    sign_in_operator(request)
    return see_other(request, "/backoffice")


@router.post("/backoffice/sign-out")
def close_door(request: Request) -> Response:
    """Ends the session."""
    renew_session(request)
    return see_other(request, "/sign-in")
