"""The network's activity over a range of time, as charts with axes; live."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from hub.application.activity import Range
from hub.entrypoints.http.pages.charts import count_charts, latency_charts
from hub.entrypoints.http.pages.site import Site, SiteOf
from pix.web.events import Scene, stream_many
from pix.web.site import PagesOf, version_of

router = APIRouter(include_in_schema=False)

LOOK_SECONDS: Final = 1.0
Chosen = Annotated[str, Query(alias="range", max_length=10)]


@router.get("/activity")
def show_activity(request: Request, pages: PagesOf, site: SiteOf, chosen: Chosen = "") -> Response:
    """Any other word than a range's is the shortest."""
    return pages.page(request, "hub/activity.html", _context(site, _range(chosen)))


@router.get("/activity/live")
def stream_activity(request: Request, pages: PagesOf, site: SiteOf, chosen: Chosen = "", seen: str = "") -> Response:
    range_ = _range(chosen)

    def look() -> list[Scene]:
        context = _context(site, range_)
        render = partial(pages.html, request, "hub/activity.html", context, block="charts")
        return [Scene(context["version"], render, event="charts")]

    return stream_many(request, look, seen={"charts": seen}, poll_seconds=LOOK_SECONDS)


def _range(text: str) -> Range:
    return Range(text) if text in set(Range) else Range.MINUTES


def _context(site: Site, range_: Range) -> dict[str, Any]:
    activity = site.read_activity(range_)
    network = site.overview.snapshot().network
    reasons = sorted(network.reasons.items(), key=lambda item: -item[1])
    return {
        "activity": activity,
        "counts": count_charts(activity),
        "latencies": latency_charts(activity),
        "ranges": list(Range),
        "reasons": reasons,
        "most": max((count for _, count in reasons), default=1),
        "version": version_of((activity, tuple(reasons))),
        "section": "/",
        "tab": "/activity",
    }
