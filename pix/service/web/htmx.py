"""The one place that knows htmx: whether it asks, and how to send it elsewhere. Nothing depends on it being there."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

SEE_OTHER: Final = 303


def asks_for_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of the page; going back in the history it wants the whole."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def see_other(request: Request, url: str) -> Response:
    """Send the visitor to another page of ours after a form: with htmx or without."""
    if asks_for_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": url})
    return RedirectResponse(url, status_code=SEE_OTHER)


def local_url(url: str, otherwise: str = "/") -> str:
    """The address if it is a path of this site, else the other: a form's `next` must not lead to strangers."""
    if url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable():
        return url
    return otherwise
