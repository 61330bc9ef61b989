"""How the routers of the API are made: under one prefix, each describing its errors."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query

from bank_sim.application.views import PAGE_SIZE_MAX
from bank_sim.entrypoints.http.site import operator_of_bank
from pix.web.problems import MEDIA_TYPE, ProblemDocument

PREFIX: Final = "/api/v1"

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": text, "model": ProblemDocument, "content": {MEDIA_TYPE: {}}}
    for status, text in (
        (400, "The body is not JSON, or the address has an invalid character."),
        (401, "Outside demo mode the API needs the operator password as the bearer token."),
        (403, "No operator password is set, or the request comes from another site's page."),
        (404, "Not found."),
        (409, "The request conflicts with the current state."),
        (415, "The body does not have the content type application/json."),
        (422, "A value is not valid; see `field` and `rule`."),
        (429, "Rate limit: too many wrong passwords or key lookups. Retry after the seconds in `Retry-After`."),
        (503, "The hub or the database is not responding. Try again."),
    )
}


def api_router(tag: str) -> APIRouter:
    """A router of the API, which is the bank's own, not its customers': outside demo mode the operator's alone."""
    return APIRouter(prefix=PREFIX, tags=[tag], responses=ERRORS, dependencies=[Depends(operator_of_bank)])


AccountNumber = Annotated[
    str, Path(max_length=20, description="Six digits, a hyphen and a check digit.", examples=["100001-7"])
]
PageSize = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX, description="Maximum number of entries.")]
Cursor = Annotated[
    str, Query(max_length=80, description="The `next_cursor` of the previous page; empty for the first page.")
]
