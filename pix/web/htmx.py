"""All knowledge of htmx: whether a request is its own, and how to redirect it. Pages work without it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

SEE_OTHER: Final = 303
NEXT_LENGTH_MAX: Final = 2_000
"""No longer address is carried through a form."""


def asks_for_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of the page; going back in the history it wants the whole."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def see_other(request: Request, url: str) -> Response:
    """Send the visitor to another page of ours after a form: with htmx or without."""
    if asks_for_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": url})
    return RedirectResponse(url, status_code=SEE_OTHER)


def sign_in_url(request: Request, url: str, home: str = "/") -> str:
    """The address of a sign-in page which leads back to the page that was asked for, where that is a page.

    A form, a live stream and a fragment are no pages that one could come back to; to `home` everybody comes anyway.
    """
    is_page = request.method == "GET" and "text/event-stream" not in request.headers.get("accept", "")
    if not is_page or asks_for_fragment(request):
        return url
    # As it came, since `path` has its escapes undone.
    path = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
    wanted = f"{path}?{request.url.query}" if request.url.query else path
    if len(wanted) > NEXT_LENGTH_MAX or local_url(wanted) in ("/", home, url):
        return url
    return f"{url}?{urlencode({'next': wanted})}"


def local_url(url: str, otherwise: str = "/") -> str:
    """The address if it is a path of this site, else the other: a form's `next` must not lead to strangers."""
    if url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable() and len(url) <= NEXT_LENGTH_MAX:
        return url
    return otherwise
