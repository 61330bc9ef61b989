"""Home: the balance, contacts, what arrived while one was away, months, and joy when money arrives while one looks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form, Query, Request, Response

from bank_sim.application.customer_app.news import News
from bank_sim.application.demo_people import stories_of
from bank_sim.application.views import StatementLine
from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.schedules.model import Schedule
from bank_sim.entrypoints.http.month_chart import draw_months
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Site, SiteOf
from pix.scheme.keys import KeyKind
from pix.scheme.postings import PostingKind
from pix.web.events import Scene, stream_scenes
from pix.web.formats import first_name
from pix.web.htmx import see_other
from pix.web.preferences import hints_are_hidden
from pix.web.site import PagesOf

LINES_SHOWN: Final = 8
UNDER_WAY_SHOWN_MAX: Final = 10
SCHEDULED_SHOWN_MAX: Final = 3
ARRIVALS_SHOWN_MAX: Final = 3
CONTACTS_SHOWN_MAX: Final = 8
NO_NEWS: Final = News(0, ())
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

    def context(self, site: Site, arrived: Sequence[StatementLine] = ()) -> dict[str, Any]:
        """What the page shows. What changes with postings alone is read here, since a look is taken often."""
        app = site.bank.customer_app
        months = app.sum_months(self.account.number)
        return {
            "contacts": app.contacts.list(self.account.number, CONTACTS_SHOWN_MAX),
            "months": draw_months(months),
            "months_are_cut": months.is_cut,
            "news": NO_NEWS if arrived else app.news(self.account.number),
            "account": self.account,
            "section": "/",
            "lines": self.lines,
            "under_way": self.under_way,
            "scheduled": sorted(
                (each for each in self.scheduled if each.is_active), key=lambda each: each.next_try_at_ms or 0
            )[:SCHEDULED_SHOWN_MAX],
            "failed_schedules": [each for each in self.scheduled if each.failed_day],
            "arrived": arrived,
            "hints": False,
            "version": self.version,
        }


@router.get("/")
def home(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    context = _look(site, account.number).context(site)
    if site.settings.demo_mode and not hints_are_hidden(request):
        context["hints"] = True
        context["example_payee"] = _example_payee(site)
    return pages.page(request, "bank/home.html", context)


@router.post("/news/read")
def mark_read(
    request: Request, site: SiteOf, account: Customer, posting_id: Annotated[int, Form(ge=0, le=2**53)] = 0
) -> Response:
    """The customer has read what arrived, up to this posting."""
    site.bank.customer_app.news.mark(account_number=account.number, posting_id=posting_id)
    return see_other(request, "/")


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
            note_seen(site, account.number, arrived)
            return pages.html(request, "bank/home.html", view.context(site, arrived), block="live")

        return Scene(view.version, render)

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


def note_seen(site: Site, account_number: str, arrived: Sequence[StatementLine]) -> None:
    """What arrives while one looks is no news at the next visit, unless older news wait to be read."""
    if arrived and site.bank.customer_app.news(account_number).count <= len(arrived):
        site.bank.customer_app.news.mark(account_number=account_number, posting_id=arrived[0].posting_id)


def _example_payee(site: Site) -> tuple[str, str, str]:
    """Name, bank and key of a demo person of another bank, whom a first payment may go to; empty texts for none."""
    for participant in site.bank.queries.participants().values():
        if participant.active and participant.code != site.bank.identity.code:
            for story in stories_of(participant.code):
                keys = [key for kind, key in story.keys if kind is KeyKind.EMAIL]
                if keys and story.status is AccountStatus.ACTIVE:
                    return first_name(story.name), participant.name, keys[0]
    return "", "", ""


def _look(site: Site, account_number: str) -> HomeView:
    page = site.bank.queries.home(account_number, LINES_SHOWN, UNDER_WAY_SHOWN_MAX)
    return HomeView(page.account, page.lines, page.under_way, page.scheduled)
