"""The front page: the banks, what is under way, and whether all is well; it moves by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from hub.application.ports import TransferFilter
from hub.domain.transfer import TransferStatus
from hub.entrypoints.http.console.site import PagesOf, Remembered, Site, SiteOf, site_of, version_of
from hub.entrypoints.http.console.views import BankView, TransferLine, bank_views, transfer_lines
from pix.service.dead_letters import DeadLetterState
from pix.service.web.events import Scene, stream_scenes

router = APIRouter(include_in_schema=False)

LATEST_TRANSFERS: Final = 12
SNAPSHOT_AGE_SECONDS_MAX: Final = 0.4
COUNT_AGE_SECONDS_MAX: Final = 2.0
"""Counting goes through every transfer, so it is done less often than the rest, and once for all pages."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the front page shows."""

    banks: Sequence[BankView]
    counts: Mapping[str, int]
    latest: Sequence[TransferLine]
    dead_letters: int
    health: Mapping[str, str]

    @property
    def is_well(self) -> bool:
        """Whether every part works."""
        return all(state == "ok" for state in self.health.values())


class Overview:
    """Takes snapshots, one for all pages that are open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._counts = Remembered(self._count, COUNT_AGE_SECONDS_MAX)
        self.snapshot = Remembered(self._take, SNAPSHOT_AGE_SECONDS_MAX)

    def _count(self) -> tuple[Mapping[str, int], int]:
        counts = self._site.hub.queries.count_transfers()
        letters = self._site.hub.dead_letters.count()
        return (
            {status.value: counts.get(status, 0) for status in TransferStatus},
            letters.get(DeadLetterState.DEAD, 0),
        )

    def _take(self) -> Snapshot:
        queries = self._site.hub.queries
        banks = bank_views(queries)
        counts, letters = self._counts()
        return Snapshot(
            banks=list(banks.values()),
            counts=counts,
            latest=transfer_lines(queries.list_transfers(TransferFilter(size=LATEST_TRANSFERS)), banks),
            dead_letters=letters,
            health=self._site.health(),
        )


def overview_of(request: Request) -> Overview:
    """The one of this application, made when the first page asks."""
    state = request.app.state
    if not hasattr(state, "overview"):
        state.overview = Overview(site_of(request))
    overview: Overview = state.overview
    return overview


@router.get("/")
def show(request: Request, pages: PagesOf) -> Response:
    """The front page."""
    return pages.page(request, "hub/overview.html", _context(overview_of(request).snapshot()))


@router.get("/live")
def stream(request: Request, pages: PagesOf, _site: SiteOf, seen: str = "") -> Response:
    """The front page's live part."""
    overview = overview_of(request)

    def look() -> Scene:
        snapshot = overview.snapshot()
        return Scene(
            version_of(snapshot),
            lambda: pages.html(request, "hub/overview.html", _context(snapshot), block="live"),
        )

    return stream_scenes(request, look, seen=seen, poll_seconds=SNAPSHOT_AGE_SECONDS_MAX)


def _context(snapshot: Snapshot) -> dict[str, Any]:
    return {"snapshot": snapshot, "version": version_of(snapshot), "section": "/"}
