"""The API's page for people, drawn from its own OpenAPI description; no script from elsewhere draws it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pix.web.api_operations import operations_by_tag
from pix.web.origins import public_url_of
from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
@router.get("/docs")
def show(request: Request, pages: PagesOf) -> Response:
    """Every operation with its parameters and an example."""
    description = request.app.openapi()
    context = {"groups": operations_by_tag(description), "base_url": public_url_of(request)}
    return pages.page(request, "bank/api.html", context)
