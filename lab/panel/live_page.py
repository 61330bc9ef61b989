"""A page that refreshes: the panel's, and the classroom's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response

from lab.panel.operator_sign_in import TOKEN_PARAMETER, TokenNeeded, require_sign_in, sign_in_of, token_in
from lab.panel.site import Shown, shown_by
from pix.web.events import Scene, stream_many
from pix.web.htmx import see_other
from pix.web.languages import Language
from pix.web.security_headers import CONTENT_SECURITY_POLICY
from pix.web.site import PagesOf
from pix.web.templates import language_of

TOKEN_TEXT_MAX: Final = 300
"""Of a token or of a link with it."""

Lab = TypeVar("Lab", bound=Shown)


def live_page_router(
    template: str,
    context: Callable[[Lab, Language], Mapping[str, Any]],
    versions: Callable[[Lab], Mapping[str, str]],
    path: str = "/",
) -> APIRouter:
    """Serves the page at `path`, and at `live` below it the stream of its live parts.

    `versions` gives a short name of what each live part, a block of the template, shows now.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(path)
    def show(
        request: Request,
        lab: Annotated[Any, Depends(shown_by)],
        pages: PagesOf,
        token: Annotated[str, Query(alias=TOKEN_PARAMETER, max_length=TOKEN_TEXT_MAX)] = "",
        present: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        """With the token of this start a browser is signed in, and redirected to the same page without it."""
        sign_in = sign_in_of(request)
        if token:
            if not sign_in.accepts(token_in(token)):
                raise TokenNeeded(is_wrong=True)
            sign_in.admit(request)
            return see_other(request, path)
        require_sign_in(request)
        shown = {
            **context(lab, language_of(request)),
            "versions": versions(lab),
            "section": path,
            "is_presenting": bool(present),
        }
        response = pages.page(request, template, shown)
        # The page shows the hub's map within it.
        policy = f"{CONTENT_SECURITY_POLICY}; frame-src {lab.hub_url}"
        response.headers["Content-Security-Policy"] = policy
        return response

    @router.get(f"{path.rstrip('/')}/live", dependencies=[Depends(require_sign_in)])
    def stream(request: Request, lab: Annotated[Any, Depends(shown_by)], pages: PagesOf) -> Response:
        """Each query parameter is the version of a part that the page has already."""

        def scene(name: str, version: str) -> Scene:
            def render() -> str:
                return pages.html(request, template, context(lab, language_of(request)), block=name)

            return Scene(version, render, event=name)

        return stream_many(
            request,
            lambda: [scene(name, version) for name, version in versions(lab).items()],
            seen=dict(request.query_params),
            is_closing=lab.ends.is_set,
        )

    return router
