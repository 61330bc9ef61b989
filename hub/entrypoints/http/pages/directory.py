"""The directory of keys: how many each bank has, a search, and what has become of one."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from hub.application.ports import KeyFilter
from hub.domain.errors import KeyNotFound
from hub.entrypoints.http.pages.site import SiteOf
from hub.entrypoints.http.pages.views import bank_views, stranger
from pix.scheme.key_search import key_beginnings
from pix.scheme.keys import KeyKind, PixKey
from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
KEY_LENGTH_MAX: Final = 80


@router.get("/directory")
def show_directory(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    key: str = "",
    kind: str = "",
    bank: str = "",
    after: str = "",
) -> Response:
    banks = bank_views(site.hub.queries)
    chosen = next((view for view in banks.values() if bank and view.code == bank), None)
    text = key.strip()[:KEY_LENGTH_MAX]
    kind_after, _, key_after = after.partition(":")
    narrow = KeyFilter(
        beginnings=key_beginnings(text),
        kind=KeyKind(kind) if kind in set(KeyKind) else None,
        ispb="" if chosen is None else chosen.ispb,
        after=(key_after, kind_after) if key_after else None,
        size=PAGE_SIZE + 1,
    )
    found = site.hub.queries.search_keys(narrow)
    shown = found.rows[:PAGE_SIZE]
    cursor = (shown[-1].key.key, shown[-1].key.kind.value) if len(found.rows) > PAGE_SIZE else found.cut_at
    values = {"key": text, "kind": "" if narrow.kind is None else narrow.kind.value, "bank": bank if chosen else ""}
    counts = site.count_keys()
    context = {
        "entries": [(entry, banks.get(entry.ispb) or stranger(entry.ispb)) for entry in shown],
        "banks": list(banks.values()),
        "kinds": list(KeyKind),
        "counts": [(view, [(each, counts.get((view.ispb, each), 0)) for each in KeyKind]) for view in banks.values()],
        "values": values,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "is_first": narrow.after is None,
        "is_cut": found.cut_at is not None,
        "examined_max": narrow.examined_max,
        "next_cursor": "" if cursor is None else f"{cursor[1]}:{cursor[0]}",
        "section": "/directory",
    }
    return pages.page(request, "hub/directory.html", context)


@router.get("/directory/{kind}/{key:path}")
def show_key(request: Request, pages: PagesOf, site: SiteOf, kind: str, key: str) -> Response:
    if kind not in set(KeyKind):
        raise KeyNotFound("kind", "this kind of key does not exist")
    pix_key = PixKey(KeyKind(kind), key)
    entry, history = site.hub.queries.follow_key(pix_key)
    if entry is None and not history:
        raise KeyNotFound("key", "this key was never registered")
    banks = bank_views(site.hub.queries)
    context = {
        "key": pix_key,
        "entry": entry,
        "bank": None if entry is None else banks.get(entry.ispb) or stranger(entry.ispb),
        "events": [(event, banks.get(event.ispb) or stranger(event.ispb)) for event in history],
        "section": "/directory",
    }
    return pages.page(request, "hub/key.html", context)
