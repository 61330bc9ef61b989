"""The operator's sign-in: its form, and the end of the session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from pix.web.htmx import local_url, see_other
from pix.web.languages import translate
from pix.web.operators import (
    NAME_LENGTH_MAX,
    PASSWORD_LENGTH_MAX,
    OperatorNotAuthenticated,
    OperatorSignInDisabled,
    TooManyAttempts,
)
from pix.web.sessions import renew_session
from pix.web.site import PagesOf, authentication_of, no_forgery
from pix.web.templates import language_of


def operator_pages(template: str, prefix: str = "") -> APIRouter:
    """The pages `prefix`/sign-in and `prefix`/sign-out. The template gets `is_disabled`, `fault` and `next_url`."""
    router = APIRouter(prefix=prefix, include_in_schema=False, dependencies=[Depends(no_forgery)])
    home = prefix or "/"

    @router.get("/sign-in")
    def show(request: Request, pages: PagesOf, next_url: Annotated[str, Query(alias="next")] = "") -> Response:
        authentication = authentication_of(request)
        if authentication.is_operator(request):
            return see_other(request, local_url(next_url, home))
        context = {"is_disabled": authentication.is_disabled, "fault": "", "next_url": next_url, "name": ""}
        return pages.page(request, template, context, status=403 if authentication.is_disabled else 200)

    @router.post("/sign-in")
    def sign_in(
        request: Request,
        pages: PagesOf,
        password: Annotated[str, Form(max_length=PASSWORD_LENGTH_MAX)] = "",
        next_url: Annotated[str, Form(alias="next")] = "",
        name: Annotated[str, Form(max_length=4 * NAME_LENGTH_MAX)] = "",
    ) -> Response:
        language = language_of(request)
        authentication = authentication_of(request)
        try:
            authentication.check(password)
        except OperatorNotAuthenticated as error:
            match error:
                case OperatorSignInDisabled():
                    fault, status = "", 403
                case TooManyAttempts():
                    fault, status = translate(language, "Too many attempts. Wait a minute and try again."), 429
                case _:
                    fault, status = translate(language, "Wrong password."), 401
            context = {"is_disabled": authentication.is_disabled, "fault": fault, "next_url": next_url, "name": name}
            return pages.page(request, template, context, status=status)
        authentication.sign_in(request, name)
        return see_other(request, local_url(next_url, home))

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        renew_session(request)
        return see_other(request, "/sign-in")

    return router
