"""Home: the balance, what is on its way, the latest movements, and joy when money arrives while one looks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response

from bank_sim.application.views import StatementLine
from bank_sim.domain.account import Account
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.schedules.model import Schedule
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Site, SiteOf
from pix.scheme.postings import PostingKind
from pix.web.events import Scene, stream_scenes
from pix.web.htmx import see_other
from pix.web.site import PagesOf

LINES_SHOWN: Final = 8
UNDER_WAY_SHOWN_MAX: Final = 10
SCHEDULED_SHOWN_MAX: Final = 3
ARRIVALS_SHOWN_MAX: Final = 3
JUST_NOW_MS: Final = 60_000
"""A page that was hidden opens its stream again with what it showed first; what came long ago is not new then."""
POLL_SECONDS: Final = 0.4

router = page_router()


@dataclass(frozen=True, slots=True)
class HomeView:
    account: Account
    lines: Sequence[StatementLine]
    under_way: Sequence[Transfer]
    scheduled: Sequence[Schedule]

    @property
    def newest_posting_id(self) -> int:
        """Postings behind it have come since."""
        return self.lines[0].posting_id if self.lines else 0

    @property
    def version(self) -> str:
        """Changes whenever the page has to; begins with the newest posting."""
        waiting = "/".join(f"{transfer.end_to_end_id}{transfer.status}" for transfer in self.under_way)
        waiting += "/".join(
            f"{each.schedule_id}{each.amount_centavos}{each.next_try_at_ms}{each.failed_day}" for each in self.scheduled
        )
        return f"{self.newest_posting_id}.{self.account.status}.{zlib.crc32(waiting.encode()):08x}"

    def arrived_since(self, posting_id: int, from_ms: int) -> list[StatementLine]:
        """The credits behind the posting and from this time on, newest first."""
        new = [
            line
            for line in self.lines
            if line.posting_id > posting_id and line.posted_at_ms >= from_ms and line.kind is PostingKind.CREDIT
        ]
        return new[:ARRIVALS_SHOWN_MAX]

    def context(self, arrived: Sequence[StatementLine] = ()) -> dict[str, Any]:
        return {
            "account": self.account,
            "section": "/",
            "lines": self.lines,
            "under_way": self.under_way,
            "scheduled": sorted(
                (each for each in self.scheduled if each.is_active), key=lambda each: each.next_try_at_ms or 0
            )[:SCHEDULED_SHOWN_MAX],
            "failed_schedules": [each for each in self.scheduled if each.failed_day],
            "arrived": arrived,
            "version": self.version,
        }


@router.get("/")
def home(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    return pages.page(request, "bank/home.html", _look(site, account.number).context())


@router.get("/home")
def home_again(request: Request) -> Response:
    """An address that people guess."""
    return see_other(request, "/")


@router.get("/home/live")
def live(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, seen: Annotated[str, Query(max_length=60)] = ""
) -> Response:
    start = seen.partition(".")[0]
    newest_shown = int(start) if start.isascii() and start.isdigit() else 0

    def look() -> Scene:
        view = _look(site, account.number)

        def render() -> str:
            nonlocal newest_shown
            arrived = view.arrived_since(newest_shown, site.scheme_clock.now_ms() - JUST_NOW_MS)
            newest_shown = max(newest_shown, view.newest_posting_id)
            return pages.html(request, "bank/home.html", view.context(arrived), block="live")

        return Scene(view.version, render)

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


def _look(site: Site, account_number: str) -> HomeView:
    page = site.bank.queries.home(account_number, LINES_SHOWN, UNDER_WAY_SHOWN_MAX)
    return HomeView(page.account, page.lines, page.under_way, page.scheduled)
