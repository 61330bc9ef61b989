"""The console's door: open in demo mode, else opened by the operator's password."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from hub.entrypoints.http.pages.site import PagesOf, Site, SiteOf, no_forgery
from pix.web.htmx import local_url, see_other
from pix.web.languages import translate
from pix.web.operators import OperatorNotAuthenticated, OperatorShut, TooManyAttempts
from pix.web.sessions import renew_session
from pix.web.templates import language_of

TEMPLATE: Final = "hub/sign_in.html"

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])


@router.get("/sign-in")
def show(
    request: Request, site: SiteOf, pages: PagesOf, next_url: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """The sign-in form, or why sign-in is disabled."""
    if site.authentication.knows(request):
        return see_other(request, local_url(next_url))
    return pages.page(request, TEMPLATE, _context(site, next_url), status=403 if site.authentication.is_shut else 200)


@router.post("/sign-in")
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
        return pages.page(request, TEMPLATE, _context(site, next_url, sentence), status=status)
    site.authentication.let_in(request)
    return see_other(request, local_url(next_url))


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Ends the session."""
    renew_session(request)
    return see_other(request, "/sign-in")


def _context(site: Site, next_url: str, fault: str = "") -> dict[str, Any]:
    return {"is_shut": site.authentication.is_shut, "fault": fault, "next_url": next_url}
