"""How the routers of the API are made: under one prefix, each describing its errors."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query

from bank_sim.application.views import PAGE_SIZE_MAX
from bank_sim.entrypoints.http.site import operator_of_bank
from pix.web.problems import MEDIA_TYPE, ProblemDocument

PREFIX: Final = "/api/v1"

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": text, "model": ProblemDocument, "content": {MEDIA_TYPE: {}}}
    for status, text in (
        (400, "The body is not JSON, or the address has a character in it that none of ours has."),
        (401, "Outside demo mode the API is the operator's, whose password is the bearer token."),
        (403, "Nobody can be the operator yet, or a page of another site asks."),
        (404, "There is no such thing here."),
        (409, "The state of things stands against it."),
        (415, "The body is not sent as JSON."),
        (422, "A value breaks a rule; `field` and `rule` say which."),
        (429, "Too many wrong passwords, or too many keys looked up; `Retry-After` says when to come again."),
        (503, "The hub or the database does not answer; try again."),
    )
}


def api_router(tag: str) -> APIRouter:
    """A router of the API, which is the bank's own, not its customers': outside demo mode the operator's alone."""
    return APIRouter(prefix=PREFIX, tags=[tag], responses=_ERRORS, dependencies=[Depends(operator_of_bank)])


AccountNumber = Annotated[
    str, Path(max_length=20, description="Six digits, a hyphen and a check digit.", examples=["100001-7"])
]
PageSize = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX, description="How many entries at most.")]
Cursor = Annotated[str, Query(max_length=80, description="The `next_cursor` of the page before; empty for the first.")]
