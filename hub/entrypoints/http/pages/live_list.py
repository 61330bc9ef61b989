"""A list that stays up to date: the rows, and the alerts above them, in one stream of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from fastapi import Request, Response

from hub.entrypoints.http.pages.site import Site
from hub.entrypoints.http.pages.snapshot import Snapshot
from pix.web.events import Scene, stream_many
from pix.web.site import version_of
from pix.web.templates import Pages

LIVE_SECONDS: Final = 1.0


def stream_list(
    request: Request,
    pages: Pages,
    site: Site,
    template: str,
    seen: str,
    rows: Callable[[Snapshot], Mapping[str, Any]],
) -> Response:
    """`rows` gives the context of the template's block `rows`; its `version` names what they show.

    `seen` is the version that the page has already.
    """

    def render(block: str, context: Mapping[str, Any]) -> str:
        return pages.html(request, template, context, block=block)

    def look() -> list[Scene]:
        snapshot = site.overview.snapshot()
        shown, alerts = rows(snapshot), {"alerts_now": snapshot.alerts}
        return [
            Scene(shown["version"], partial(render, "rows", shown), event="rows"),
            Scene(version_of(snapshot.alerts), partial(render, "alerts", alerts), event="alerts"),
        ]

    return stream_many(request, look, seen={"rows": seen}, poll_seconds=LIVE_SECONDS)
