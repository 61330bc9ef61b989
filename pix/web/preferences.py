"""A visitor's preferences in plain cookies: language, light or dark theme, hidden amounts and hidden hints."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response

from pix.web.htmx import local_url, see_other
from pix.web.languages import Language

router = APIRouter(include_in_schema=False)

LANGUAGE_COOKIE: Final = "codepix_language"
THEME_COOKIE: Final = "codepix_theme"
AMOUNTS_COOKIE: Final = "codepix_amounts"
HINTS_COOKIE: Final = "codepix_hints"
HIDDEN: Final = "hidden"

NEXT_LENGTH_MAX: Final = 6_000
"""Of the address to which a choice leads back: it may hold a signed order, or the text of a form."""

_YEAR_SECONDS: Final = 31_536_000


class Theme(StrEnum):
    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def amounts_are_hidden(request: Request) -> bool:
    """Whether the visitor hides the balance from those who look over a shoulder."""
    return request.cookies.get(AMOUNTS_COOKIE) == HIDDEN


def hints_are_hidden(request: Request) -> bool:
    """Whether the visitor has put the hints for a first visit away."""
    return request.cookies.get(HINTS_COOKIE) == HIDDEN


@router.post("/preferences")
def choose(
    request: Request,
    next_url: Annotated[str, Form(alias="next", max_length=NEXT_LENGTH_MAX)] = "/",
    language: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    amounts: Annotated[str, Form(max_length=10)] = "",
    hints: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """The form in every page's foot. It changes nothing but the visitor's own cookies, so it needs no token."""
    response = see_other(request, local_url(next_url))
    chosen = (
        (LANGUAGE_COOKIE, language, set(Language)),
        (THEME_COOKIE, theme, set(Theme)),
        (AMOUNTS_COOKIE, amounts, {HIDDEN, "shown"}),
        (HINTS_COOKIE, hints, {HIDDEN, "shown"}),
    )
    for cookie, value, allowed in chosen:
        if value in allowed:
            response.set_cookie(cookie, value, max_age=_YEAR_SECONDS, samesite="lax")
    return response
