"""The REST API for people, from its own OpenAPI document: each call as curl, and tried from the page."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pix.web.api_operations import operations_by_tag
from pix.web.origins import public_url_of
from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
def show_docs(request: Request, pages: PagesOf) -> Response:
    document = request.app.openapi()
    context = {
        "groups": operations_by_tag(document),
        "description": document["info"]["description"],
        "base_url": public_url_of(request),
        "section": "/api/docs",
    }
    return pages.page(request, "hub/api.html", context)
