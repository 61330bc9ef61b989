"""The banks: how each of them is, its settlement money, who has paid whom, and what the operator may do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from hub.application.bank_states import BankStanding
from hub.application.network_overview import NetworkNow
from hub.application.ports import TransferFilter
from hub.application.ports.trail import TrailFilter
from hub.domain.alerts import alerts_of
from hub.domain.errors import BankNotFound
from hub.entrypoints.http.api.documents import BankDocument
from hub.entrypoints.http.pages.course import editions_by_ispb
from hub.entrypoints.http.pages.live_list import stream_list
from hub.entrypoints.http.pages.network_map import seen_seconds
from hub.entrypoints.http.pages.site import Site, SiteOf, author_of
from hub.entrypoints.http.pages.snapshot import Snapshot
from hub.entrypoints.http.pages.views import BankView, bank_view, bank_views, transfer_lines
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind
from pix.scheme.money import parse_brl
from pix.web.formats import brl, brl_plain, iso_time
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, no_forgery, version_of
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])

LATEST_TRANSFERS: Final = 10
FUNDINGS_SHOWN: Final = 20
TRAIL_SHOWN: Final = 10
UNPROCESSABLE: Final = 422
TEXT_BYTES_MAX: Final = 200
HEAT_STEPS: Final = 5
"""Shades of the table of payments between banks; hub.css has their colours."""
COLUMNS: Final = (
    "code",
    "ispb",
    "name",
    "state",
    "balance",
    "reserved",
    "available",
    "net_position",
    "awaiting_answer",
    "lag",
    "last_seen_at",
    "version",
)

_FUNDED: Final = translatable("%(amount)s added to the settlement account. The bank's books follow in a few seconds.")
_WITHDRAWN: Final = translatable(
    "%(amount)s withdrawn from the settlement account. The bank's books follow in a few seconds."
)
_SUSPENDED: Final = translatable(
    "Bank suspended. Its new and pending transfers fail (DS27). Confirmed ones still complete."
)
_RESUMED: Final = translatable("Bank resumed.")


@dataclass(frozen=True, slots=True)
class Row:
    view: BankView
    standing: BankStanding
    waiting: int
    seen_seconds: int | None
    """How long ago it was heard of last, once that is worth saying."""
    net_centavos: int
    """What it has gained from the other banks, or lost to them."""


@dataclass(frozen=True, slots=True)
class Position:
    """What one bank has paid another, and what stands between them when that is set off against the way back."""

    payer: BankView
    payee: BankView
    gross_centavos: int
    net_centavos: int
    """Positive when the payer's bank has paid more than it got."""
    heat: int
    """How much of the largest amount between two banks it is, in steps of a fifth: 0 for nothing to 5."""


@router.get("/banks")
def list_banks(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    return pages.page(request, "hub/banks.html", _rows(site.overview.take(), site))


@router.get("/banks/live")
def stream_banks(request: Request, pages: PagesOf, site: SiteOf, seen: str = "") -> Response:
    return stream_list(request, pages, site, "hub/banks.html", seen, lambda snapshot: _rows(snapshot, site))


@router.get("/banks.csv")
def as_csv(site: SiteOf) -> Response:
    rows = (list(_cells(row)) for row in _rows(site.overview.take(), site)["rows"])
    return as_file(csv_pieces(COLUMNS, rows), "banks.csv")


@router.get("/banks.json")
def as_json(site: SiteOf) -> Response:
    documents = (_document(row) for row in _rows(site.overview.take(), site)["rows"])
    return as_file(json_pieces("banks", documents), "banks.json")


def _cells(row: Row) -> Iterator[str]:
    view, liveness = row.view, row.standing.liveness
    yield view.code
    yield view.ispb
    yield view.name
    yield row.standing.state.value
    for centavos in (view.balance_centavos, view.reserved_centavos, view.available_centavos, row.net_centavos):
        yield brl_plain(centavos)
    yield str(row.waiting)
    yield "" if liveness.lag is None else str(liveness.lag)
    yield "" if liveness.last_seen_at_ms is None else iso_time(liveness.last_seen_at_ms)
    yield ", ".join(liveness.versions) or view.version


def _document(row: Row) -> dict[str, Any]:
    """As in the REST API, with the sums that the page shows."""
    return BankDocument.of(row.standing).model_dump(mode="json") | {
        "balance_centavos": row.view.balance_centavos,
        "reserved_centavos": row.view.reserved_centavos,
        "net_centavos": row.net_centavos,
        "waiting": row.waiting,
    }


def _rows(snapshot: Snapshot, site: Site) -> dict[str, Any]:
    network, course = snapshot.network, editions_by_ispb(site)
    views = [bank_view(standing.bank, standing.account) for standing in network.banks]
    rows = [
        Row(
            view,
            standing,
            network.waiting.get(view.ispb, 0),
            seen_seconds(standing, network.at_ms),
            _net_of(network, view.ispb),
        )
        for view, standing in zip(views, network.banks, strict=True)
    ]
    matrix = _matrix(network, views)
    return {
        "rows": rows,
        "matrix": matrix,
        "course": course,
        "alerts_now": snapshot.alerts,
        "version": version_of((rows, matrix, course)),
        "section": "/banks",
    }


def _net_of(network: NetworkNow, ispb: str) -> int:
    came = sum(centavos for (payer, payee), centavos in network.settled.items() if payee == ispb != payer)
    went = sum(centavos for (payer, payee), centavos in network.settled.items() if payer == ispb != payee)
    return came - went


def _matrix(network: NetworkNow, views: Sequence[BankView]) -> list[tuple[BankView, list[Position]]]:
    def settled(payer: BankView, payee: BankView) -> int:
        return network.settled.get((payer.ispb, payee.ispb), 0)

    largest = max((centavos for (payer, payee), centavos in network.settled.items() if payer != payee), default=0)

    def position(payer: BankView, payee: BankView) -> Position:
        gross, back = settled(payer, payee), settled(payee, payer)
        heat = 0 if payer.ispb == payee.ispb or not largest else -(-gross * HEAT_STEPS // largest)
        return Position(payer, payee, gross, gross - back, heat)

    return [(payer, [position(payer, payee) for payee in views]) for payer in views]


@router.get("/banks/{code}")
def show_bank(request: Request, pages: PagesOf, site: SiteOf, code: str) -> Response:
    return pages.page(request, "hub/bank.html", _context(site, code))


@router.post("/banks/{code}/fundings")
def fund_bank(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    code: str,
    amount: Annotated[str, Form(max_length=TEXT_BYTES_MAX)] = "",
    direction: Annotated[str, Form(max_length=TEXT_BYTES_MAX)] = "in",
    funding_id: Annotated[str, Form(max_length=TEXT_BYTES_MAX)] = "",
    confirmed: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Puts settlement money in, or takes it out after a question. The form brings the id, so that it counts once."""
    try:
        amount_centavos = parse_brl(amount) * (-1 if direction == "out" else 1)
        if direction == "out" and not confirmed:
            # A page with an address, so that it can be shown again in another language.
            query = urlencode({"amount": amount.strip(), "funding_id": funding_id})
            return see_other(request, f"/banks/{code}/withdraw?{query}")
        site.hub.fund_bank(code=code, amount_centavos=amount_centavos, funding_id=funding_id, by=author_of(request))
    except BankNotFound:
        raise
    except SchemeError as error:
        context = _context(site, code, amount=amount, direction=direction, fault=error.rule)
        return pages.page(request, "hub/bank.html", context, status=UNPROCESSABLE)
    say_once(request, _WITHDRAWN if direction == "out" else _FUNDED, amount=brl(abs(amount_centavos)))
    return see_other(request, f"/banks/{code}")


@router.get("/banks/{code}/withdraw")
def ask_to_withdraw(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    code: str,
    amount: Annotated[str, Query(max_length=TEXT_BYTES_MAX)] = "",
    funding_id: Annotated[str, Query(max_length=TEXT_BYTES_MAX)] = "",
) -> Response:
    context = _context(site, code, amount=amount)
    try:
        amount_centavos = parse_brl(amount)
    except SchemeError as error:
        return pages.page(request, "hub/bank.html", context | {"fault": error.rule}, status=UNPROCESSABLE)
    question = {"amount_centavos": amount_centavos, "funding_id": funding_id or str(uuid4())}
    return pages.page(request, "hub/bank_withdraw.html", context | question)


@router.get("/banks/{code}/suspend")
def ask_to_suspend(request: Request, pages: PagesOf, site: SiteOf, code: str) -> Response:
    return pages.page(request, "hub/bank_suspend.html", _context(site, code))


@router.post("/banks/{code}/suspend")
def suspend_bank(request: Request, site: SiteOf, code: str) -> Response:
    site.hub.suspend_bank(code, author_of(request))
    say_once(request, _SUSPENDED)
    return see_other(request, f"/banks/{code}")


@router.post("/banks/{code}/resume")
def resume_bank(request: Request, site: SiteOf, code: str) -> Response:
    site.hub.resume_bank(code, author_of(request))
    say_once(request, _RESUMED)
    return see_other(request, f"/banks/{code}")


def _context(site: Site, code: str, *, amount: str = "", direction: str = "in", fault: str = "") -> dict[str, Any]:
    queries = site.hub.queries
    network = site.hub.network_overview()
    standing = next((each for each in network.banks if each.bank.code == code), None)
    if standing is None:
        raise BankNotFound("code", "no bank has this code")
    view = bank_view(standing.bank, standing.account)
    _, fundings = queries.settlement_account(view.ispb)
    keys = queries.count_keys()
    latest = queries.list_transfers(TransferFilter(ispb=view.ispb, size=LATEST_TRANSFERS))
    return {
        "bank": view,
        "course": editions_by_ispb(site),
        "standing": standing,
        "waiting": network.waiting.get(view.ispb, 0),
        "alerts_now": alerts_of([standing], queries.largest_fundings(), 0, {}),
        "trail": queries.list_trail(TrailFilter(code=code, size=TRAIL_SHOWN)),
        "fundings": fundings[::-1][:FUNDINGS_SHOWN],
        "fundings_count": len(fundings),
        "funded_centavos": sum(funding.amount_centavos for funding in fundings),
        "keys": [(kind, keys.get((view.ispb, kind), 0)) for kind in KeyKind],
        "lines": transfer_lines(latest, bank_views(queries)),
        "funding_id": str(uuid4()),
        "amount": amount,
        "direction": direction,
        "fault": fault,
        "section": "/banks",
    }
