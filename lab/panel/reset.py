"""Resets the demo: everything starts again without its data, after a question."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from lab.panel.operator_sign_in import require_sign_in
from lab.panel.site import LabOf
from pix.web.site import PagesOf, no_forgery

router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])


@router.get("/reset")
def ask(request: Request, lab: LabOf, pages: PagesOf) -> Response:
    if lab.reset is None:
        raise HTTPException(404)
    return pages.page(request, "lab/reset.html", {"is_begun": False, "section": "/"})


@router.post("/reset")
def begin(request: Request, lab: LabOf, pages: PagesOf) -> Response:
    """Answers before the network stops; the page waits until the panel is back."""
    if lab.reset is None:
        raise HTTPException(404)
    answer = pages.page(request, "lab/reset.html", {"is_begun": True, "section": "/"})
    lab.reset.set()
    return answer
