"""Dead letters: what could not be applied, why, and what to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response

from hub.entrypoints.http.api.documents import DeadLetterHeadDocument
from hub.entrypoints.http.pages.live_list import stream_list
from hub.entrypoints.http.pages.site import Site, SiteOf, author_of
from hub.entrypoints.http.pages.views import bank_views, letter_view
from pix.participant.dead_letters.model import (
    DeadLetter,
    DeadLetterClosed,
    DeadLetterHead,
    DeadLetterState,
    DeadLetterTruncated,
)
from pix.scheme.errors import SchemeError
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, no_forgery, version_of
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])

LETTERS_SHOWN: Final = 100
LETTERS_EXPORTED_MAX: Final = 5_000
COLUMNS: Final = tuple(DeadLetterHeadDocument.model_fields)
NOTE_BYTES_MAX: Final = 2_000
UNPROCESSABLE: Final = 422

_SETTLED: Final = translatable("Another operator has already replayed or discarded this dead letter.")


@router.get("/dead-letters")
def list_letters(request: Request, pages: PagesOf, site: SiteOf, state: str = "dead") -> Response:
    """The letters in a state, last seen first; all of them for any other word."""
    context = _rows(site, state) | {"alerts_now": site.overview.snapshot().alerts}
    return pages.page(request, "hub/dead_letters.html", context)


@router.get("/dead-letters/live")
def stream_letters(request: Request, pages: PagesOf, site: SiteOf, state: str = "dead", seen: str = "") -> Response:
    return stream_list(request, pages, site, "hub/dead_letters.html", seen, lambda _: _rows(site, state))


@router.get("/dead-letters.csv")
def as_csv(site: SiteOf, state: str = "dead") -> Response:
    rows = ([str(cell) for cell in _document(letter).values()] for letter in _all(site, state))
    return as_file(csv_pieces(COLUMNS, rows), "dead-letters.csv")


@router.get("/dead-letters.json")
def as_json(site: SiteOf, state: str = "dead") -> Response:
    return as_file(json_pieces("dead_letters", map(_document, _all(site, state))), "dead-letters.json")


def _state(state: str) -> DeadLetterState | None:
    return DeadLetterState(state) if state in set(DeadLetterState) else None


def _rows(site: Site, state: str) -> dict[str, Any]:
    narrow = _state(state)
    counts = site.hub.dead_letters.count()
    letters = site.hub.dead_letters.list(narrow, LETTERS_SHOWN)
    return {
        "letters": letters,
        "counts": {each.value: counts.get(each, 0) for each in DeadLetterState},
        "state": "all" if narrow is None else narrow.value,
        "shown_max": LETTERS_SHOWN,
        "banks": bank_views(site.hub.queries),
        "version": version_of((letters, counts)),
        "section": "/dead-letters",
    }


def _all(site: Site, state: str) -> Sequence[DeadLetterHead]:
    return site.hub.dead_letters.list(_state(state), LETTERS_EXPORTED_MAX)


def _document(letter: DeadLetterHead) -> dict[str, Any]:
    """A letter without its bytes, which the REST API has."""
    return DeadLetterHeadDocument.of(letter).model_dump(mode="json")


@router.get("/dead-letters/{digest}")
def show_letter(request: Request, pages: PagesOf, site: SiteOf, digest: str) -> Response:
    letter = site.hub.dead_letters.find(digest)
    return pages.page(request, "hub/dead_letter.html", _context(site, letter))


@router.get("/dead-letters/{digest}/discard")
def ask_to_discard(request: Request, pages: PagesOf, site: SiteOf, digest: str) -> Response:
    letter = site.hub.dead_letters.find(digest)
    if letter.state is not DeadLetterState.DEAD:
        return see_other(request, f"/dead-letters/{letter.digest}")
    return pages.page(request, "hub/letter_discard.html", _context(site, letter))


@router.post("/dead-letters/{digest}/replay")
def replay_letter(request: Request, site: SiteOf, digest: str) -> Response:
    try:
        letter = site.hub.dead_letters.replay(digest, author_of(request))
    except DeadLetterClosed:
        letter = site.hub.dead_letters.find(digest)
        say_once(request, _SETTLED, "wait")
        return see_other(request, f"/dead-letters/{letter.digest}")
    except DeadLetterTruncated:
        say_once(request, translatable("Not replayed: only part of this record is stored."), "bad")
        return see_other(request, f"/dead-letters/{digest}")
    if letter.state is DeadLetterState.DEAD:
        say_once(request, translatable("Replayed, and it failed again for the reason below."), "bad")
    else:
        say_once(request, translatable("Dead letter replayed."))
    return see_other(request, f"/dead-letters/{letter.digest}")


@router.post("/dead-letters/{digest}/discard")
def discard_letter(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    digest: str,
    note: Annotated[str, Form(max_length=NOTE_BYTES_MAX)] = "",
) -> Response:
    letter = site.hub.dead_letters.find(digest)
    try:
        site.hub.dead_letters.discard(digest, note, author_of(request))
    except DeadLetterClosed:
        say_once(request, _SETTLED, "wait")
        return see_other(request, f"/dead-letters/{letter.digest}")
    except SchemeError as error:
        context = _context(site, letter, note=note, fault=error.rule)
        return pages.page(request, "hub/letter_discard.html", context, status=UNPROCESSABLE)
    say_once(request, translatable("Dead letter discarded. You can still read it here."))
    return see_other(request, f"/dead-letters/{letter.digest}")


def _context(site: Site, letter: DeadLetter, *, note: str = "", fault: str = "") -> dict[str, Any]:
    return {
        "view": letter_view(letter, bank_views(site.hub.queries)),
        "letter": letter,
        "note": note,
        "fault": fault,
        "section": "/dead-letters",
    }
