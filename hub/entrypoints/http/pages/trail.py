"""The operators' audit trail: who did what to the network, and when; live, and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.application.ports.trail import TrailFilter
from hub.domain.trail import Act, TrailEntry
from hub.entrypoints.http.api.operating import TrailDocument
from hub.entrypoints.http.pages.live_list import stream_list
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import bank_views
from pix.web.site import PagesOf, version_of
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 50
ENTRIES_PER_READ: Final = 500
COLUMNS: Final = tuple(TrailDocument.model_fields)


def trail_filter(
    bank: Annotated[str, Query(max_length=8)] = "",
    act: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[str, Query(max_length=18)] = "",
) -> TrailFilter:
    """What is no act or number narrows nothing."""
    number = int(before) if before.isascii() and before.isdigit() else None
    return TrailFilter(bank, Act(act) if act in set(Act) else None, number, PAGE_SIZE + 1)


Narrow = Annotated[TrailFilter, Depends(trail_filter)]


@router.get("/trail")
def show_trail(request: Request, pages: PagesOf, site: SiteOf, narrow: Narrow) -> Response:
    form = {"banks": list(bank_views(site.hub.queries).values()), "acts": list(Act)}
    return pages.page(request, "hub/trail.html", form | _rows(site, narrow))


@router.get("/trail/live")
def stream_trail(request: Request, pages: PagesOf, site: SiteOf, narrow: Narrow, seen: str = "") -> Response:
    return stream_list(request, pages, site, "hub/trail.html", seen, lambda _: _rows(site, narrow))


@router.get("/trail.csv")
def as_csv(site: SiteOf, narrow: Narrow) -> Response:
    rows = ([str(cell) for cell in document.values()] for document in _all(site, narrow))
    return as_file(csv_pieces(COLUMNS, rows), "trail.csv")


@router.get("/trail.json")
def as_json(site: SiteOf, narrow: Narrow) -> Response:
    return as_file(json_pieces("trail", _all(site, narrow)), "trail.json")


def _rows(site: Site, narrow: TrailFilter) -> dict[str, Any]:
    found = site.hub.queries.list_trail(narrow)
    shown = found[:PAGE_SIZE]
    values = {"bank": narrow.code, "act": "" if narrow.act is None else narrow.act.value}
    views = {view.code: view for view in bank_views(site.hub.queries).values()}
    return {
        "entries": [(entry, views.get(entry.code)) for entry in shown],
        "values": values,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "is_first": narrow.before is None,
        "next_before": shown[-1].number if len(found) > PAGE_SIZE else "",
        "version": version_of(tuple(shown)),
        "section": "/",
        "tab": "/trail",
    }


def _all(site: Site, narrow: TrailFilter) -> Iterator[Mapping[str, Any]]:
    before: int | None = None
    while True:
        found: list[TrailEntry] = site.hub.queries.list_trail(
            TrailFilter(narrow.code, narrow.act, before, ENTRIES_PER_READ)
        )
        yield from (TrailDocument.of(entry).model_dump(mode="json") for entry in found)
        if len(found) < ENTRIES_PER_READ:
            return
        before = found[-1].number
