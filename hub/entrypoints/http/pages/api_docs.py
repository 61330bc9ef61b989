"""The REST API for people, from its own OpenAPI document: each call as curl, and tried from the page."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from pix.web.api_operations import operations_by_tag
from pix.web.origins import public_url_of
from pix.web.site import PagesOf

EVENTS_PATH: Final = "/api/v1/events"

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
def show_docs(request: Request, pages: PagesOf) -> Response:
    document = request.app.openapi()
    groups = operations_by_tag(document)
    context = {
        "groups": groups,
        # A stream never ends, so a page that waits for its answer would wait for ever.
        "streams": [each.name for operations in groups.values() for each in operations if each.path == EVENTS_PATH],
        "description": document["info"]["description"],
        "base_url": public_url_of(request),
        "section": "/api/docs",
    }
    return pages.page(request, "hub/api.html", context)
