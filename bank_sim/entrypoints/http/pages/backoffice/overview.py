"""The first page of the back office: money, transfers by state, health."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from bank_sim.application.ports import SettlementAccount
from bank_sim.domain.errors import BankError
from bank_sim.domain.flows.transfer.model import TransferStatus
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import Site, SiteOf
from pix.participant.dead_letters.model import DeadLetterState
from pix.scheme.postings import Direction
from pix.web.events import Scene, stream_scenes
from pix.web.site import PagesOf

router = operator_router()


@router.get("")
def show(request: Request, site: SiteOf, pages: PagesOf) -> Response:
    return pages.page(request, "bank/backoffice/overview.html", _look(site))


@router.get("/live")
def live(request: Request, site: SiteOf, pages: PagesOf) -> Response:
    def look() -> Scene:
        context = _look(site)
        version = repr(
            (context["books"], context["counts"], context["parts_health"], context["dead_letters"], context["at_hub"])
        )
        return Scene(version, lambda: pages.html(request, "bank/backoffice/overview.html", context, block="live"))

    return stream_scenes(request, look, poll_seconds=1.0)


def settlement_at_hub(site: Site) -> SettlementAccount | None:
    """The account of record, or None while the hub does not answer."""
    try:
        return site.bank.queries.settlement_at_hub()
    except BankError:
        return None


def _look(site: Site) -> dict[str, Any]:
    queries = site.bank.queries
    counts = queries.count_transfers()
    return {
        "office": "overview",
        "books": queries.sums_of_books(),
        "counts": [
            (direction, status, counts.get((direction, status), 0))
            for direction in Direction
            for status in TransferStatus
            if counts.get((direction, status), 0)
        ],
        "parts_health": dict(site.bank.health.report()),
        "dead_letters": site.bank.dead_letters.count().get(DeadLetterState.DEAD, 0),
        "at_hub": settlement_at_hub(site),
        "behaviour": queries.behaviour(),
    }
