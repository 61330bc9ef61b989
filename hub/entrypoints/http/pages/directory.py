"""The directory of keys: how many each bank has, a search, also as a file, and what has become of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from hub.application.ports import Found, KeyFilter
from hub.domain.directory import KeyEntry
from hub.domain.errors import KeyNotFound
from hub.entrypoints.http.api.network import DirectoryEntryDocument
from hub.entrypoints.http.pages.exports import ROWS_PER_READ, every_row
from hub.entrypoints.http.pages.filters import UNKNOWN_KIND, ReadFields, choice_of, ispb_of, read_fields
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import BankView, bank_views, stranger
from pix.scheme.key_search import key_beginnings
from pix.scheme.keys import KeyKind, PixKey
from pix.web.formats import iso_time
from pix.web.site import PagesOf
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces

router = APIRouter(include_in_schema=False)

PAGE_SIZE: Final = 30
UNPROCESSABLE: Final = 422
FIELDS: Final = ("key", "kind", "bank")
COLUMNS: Final = (
    "kind",
    "key",
    "holder",
    "holder_kind",
    "tax_id_masked",
    "ispb",
    "branch",
    "account",
    "registered_at",
)


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """The fields of the form as they were sent."""

    sent: Mapping[str, str]
    after: str = ""

    def read(self, banks: Mapping[str, BankView]) -> ReadFields[KeyFilter]:
        """What they mean; a field that means nothing has a fault."""

        def apply(narrow: KeyFilter, name: str, text: str) -> KeyFilter:
            match name:
                case "key":
                    return replace(narrow, beginnings=key_beginnings(text))
                case "kind":
                    return replace(narrow, kind=choice_of(KeyKind, text, name, UNKNOWN_KIND))
                case _:
                    return replace(narrow, ispb=ispb_of(text, banks))

        kind_after, _, key_after = self.after.partition(":")
        after = (key_after, kind_after) if key_after else None
        return read_fields(self.sent, FIELDS, KeyFilter(after=after), apply)


def key_query(key: str = "", kind: str = "", bank: str = "", after: str = "") -> KeyQuery:
    return KeyQuery(dict(zip(FIELDS, (key, kind, bank), strict=True)), after)


Asked = Annotated[KeyQuery, Depends(key_query)]


@router.get("/directory")
def show_directory(request: Request, pages: PagesOf, site: SiteOf, asked: Asked) -> Response:
    """Keys in the order of the key, narrowed by the given fields; none is searched while a field is malformed."""
    banks = bank_views(site.hub.queries)
    read = asked.read(banks)
    narrow = read.narrow
    found = Found[KeyEntry, tuple[str, str]]([], None)
    if not read.faults:
        # One more than is shown tells whether there is another page.
        found = site.hub.queries.search_keys(replace(narrow, size=PAGE_SIZE + 1))
    shown = found.rows[:PAGE_SIZE]
    cursor = _position(shown[-1]) if len(found.rows) > PAGE_SIZE else found.cut_at
    counts = site.count_keys()
    context = {
        "entries": [(entry, banks.get(entry.ispb) or stranger(entry.ispb)) for entry in shown],
        "banks": list(banks.values()),
        "kinds": list(KeyKind),
        "counts": [(view, [(each, counts.get((view.ispb, each), 0)) for each in KeyKind]) for view in banks.values()],
        "totals": [sum(counts.get((view.ispb, each), 0) for view in banks.values()) for each in KeyKind]
        if banks
        else [],
        "values": read.values,
        "faults": read.faults,
        "query": read.text,
        "is_first": narrow.after is None,
        "is_cut": found.cut_at is not None,
        "examined_max": narrow.examined_max,
        "next_cursor": "" if cursor is None else f"{cursor[1]}:{cursor[0]}",
        "section": "/directory",
    }
    return pages.page(request, "hub/directory.html", context, status=UNPROCESSABLE if read.faults else 200)


@router.get("/directory.csv")
def as_csv(site: SiteOf, asked: Asked) -> Response:
    rows = (list(_cells(entry)) for entry in _all(site, asked))
    return as_file(csv_pieces(COLUMNS, rows), "directory.csv")


@router.get("/directory.json")
def as_json(site: SiteOf, asked: Asked) -> Response:
    documents = (DirectoryEntryDocument.of(entry).model_dump(mode="json") for entry in _all(site, asked))
    return as_file(json_pieces("keys", documents), "directory.json")


def _position(entry: KeyEntry) -> tuple[str, str]:
    return entry.key.key, entry.key.kind.value


def _all(site: Site, asked: KeyQuery) -> Iterator[KeyEntry]:
    """The keys of the search in the order of the key; none while a field is malformed."""
    read = asked.read(bank_views(site.hub.queries))
    if read.faults:
        return iter(())
    return every_row(
        lambda after: site.hub.queries.search_keys(replace(read.narrow, after=after, size=ROWS_PER_READ)), _position
    )


def _cells(entry: KeyEntry) -> Iterator[str]:
    yield entry.key.kind.value
    yield entry.key.key
    yield entry.holder_name
    yield entry.holder_kind.value
    yield entry.tax_id_masked
    yield entry.ispb
    yield entry.branch
    yield entry.account_number
    yield iso_time(entry.registered_at_ms)


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
