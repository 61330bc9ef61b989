"""The REST API of the lab for people: each call as curl, and tried from the page."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from lab.panel.operator_sign_in import require_sign_in
from pix.web.api_operations import operations_by_tag
from pix.web.origins import public_url_of
from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in)])


@router.get("/api/docs")
def show_docs(request: Request, pages: PagesOf) -> Response:
    groups = operations_by_tag(request.app.openapi())
    context = {
        "groups": groups,
        "base_url": public_url_of(request),
        # A stream never ends, so a page that waits for its answer would wait for ever.
        "streams": [each.name for each in groups.get("events", ())],
    }
    return pages.page(request, "lab/api.html", context)
