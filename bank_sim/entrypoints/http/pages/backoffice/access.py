"""The door of the back office: open in demo mode, else opened by the operator's password."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Form, Query, Request, Response

from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Faults, PagesOf, SiteOf, is_operator
from pix.web.htmx import local_url, see_other
from pix.web.languages import translate
from pix.web.operators import OperatorNotAuthenticated, OperatorShut, TooManyAttempts
from pix.web.sessions import renew_session
from pix.web.templates import language_of

TEMPLATE: Final = "bank/backoffice/sign_in.html"

router = page_router()


@router.get("/backoffice/sign-in")
def show(
    request: Request, site: SiteOf, pages: PagesOf, next_url: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """The sign-in form, or why sign-in is disabled."""
    if is_operator(request):
        return see_other(request, local_url(next_url, "/backoffice"))
    context = {"is_shut": site.authentication.is_shut, "next_url": next_url}
    return pages.page(request, TEMPLATE, context, status=403 if site.authentication.is_shut else 200)


@router.post("/backoffice/sign-in")
def sign_in(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    password: Annotated[str, Form(max_length=400)] = "",
    next_url: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Signs the operator in."""
    language = language_of(request)
    try:
        site.authentication.check(password)
    except OperatorNotAuthenticated as error:
        match error:
            case OperatorShut():
                sentence, status = "", 403
            case TooManyAttempts():
                sentence, status = translate(language, "Too many attempts. Wait a minute and try again."), 429
            case _:
                sentence, status = translate(language, "Wrong password."), 401
        faults = Faults(password=sentence) if sentence else Faults()
        context = {"is_shut": site.authentication.is_shut, "faults": faults, "next_url": next_url}
        return pages.page(request, TEMPLATE, context, status=status)
    site.authentication.let_in(request)
    return see_other(request, local_url(next_url, "/backoffice"))


@router.post("/backoffice/sign-out")
def sign_out(request: Request) -> Response:
    """Ends the session."""
    renew_session(request)
    return see_other(request, "/sign-in")
