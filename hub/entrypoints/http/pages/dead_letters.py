"""Dead letters: what could not be applied, why, and what to do with one of them or with all of a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response

from hub.entrypoints.http.api.documents import DeadLetterHeadDocument
from hub.entrypoints.http.pages.live_list import stream_list
from hub.entrypoints.http.pages.site import Site, SiteOf, author_of
from hub.entrypoints.http.pages.views import bank_views, letter_view
from pix.participant.dead_letters.http import as_query, letter_filter, letter_filter_of_form
from pix.participant.dead_letters.model import (
    DeadLetter,
    DeadLetterClosed,
    DeadLetterFilter,
    DeadLetterHead,
    DeadLetterState,
    DeadLetterTruncated,
)
from pix.participant.dead_letters.use_cases import REPLAYED_AT_ONCE_MAX
from pix.scheme.errors import SchemeError
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.places import with_query
from pix.web.site import PagesOf, no_forgery, version_of
from pix.web.spreadsheets import as_file, csv_pieces, json_pieces

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])

LETTERS_SHOWN: Final = 100
LETTERS_EXPORTED_MAX: Final = 5_000
COLUMNS: Final = tuple(DeadLetterHeadDocument.model_fields)
NOTE_BYTES_MAX: Final = 2_000
UNPROCESSABLE: Final = 422

_SETTLED: Final = translatable("Another operator has already replayed or discarded this dead letter.")


Narrow = Annotated[DeadLetterFilter, Depends(letter_filter)]


@router.get("/dead-letters")
def list_letters(request: Request, pages: PagesOf, site: SiteOf, narrow: Narrow, state: str = "dead") -> Response:
    """The letters of a filter in a state, last seen first; in every state for any other word."""
    rows = _rows(site, state, narrow)
    form = {
        "alerts_now": site.overview.snapshot().alerts,
        "narrow": narrow,
        "choices": site.hub.dead_letters.choices(_state(state)),
        "names": _names(site),
    }
    return pages.page(request, "hub/dead_letters.html", rows | form)


@router.get("/dead-letters/live")
def stream_letters(
    request: Request, pages: PagesOf, site: SiteOf, narrow: Narrow, state: str = "dead", seen: str = ""
) -> Response:
    return stream_list(request, pages, site, "hub/dead_letters.html", seen, lambda _: _rows(site, state, narrow))


@router.get("/dead-letters.csv")
def as_csv(site: SiteOf, narrow: Narrow, state: str = "dead") -> Response:
    rows = ([str(cell) for cell in _document(letter).values()] for letter in _all(site, state, narrow))
    return as_file(csv_pieces(COLUMNS, rows), "dead-letters.csv")


@router.get("/dead-letters.json")
def as_json(site: SiteOf, narrow: Narrow, state: str = "dead") -> Response:
    return as_file(json_pieces("dead_letters", map(_document, _all(site, state, narrow))), "dead-letters.json")


@router.get("/dead-letters/replay")
def ask_to_replay(request: Request, pages: PagesOf, site: SiteOf, narrow: Narrow) -> Response:
    dead, whole = site.hub.dead_letters.count_dead(narrow)
    if not whole:
        return see_other(request, with_query("/dead-letters", as_query(narrow)))
    context = {
        "narrow": narrow,
        "names": _names(site),
        "query": as_query(narrow),
        "dead": dead,
        "whole": whole,
        "at_once": REPLAYED_AT_ONCE_MAX,
        "section": "/dead-letters",
    }
    return pages.page(request, "hub/letters_replay.html", context)


@router.post("/dead-letters/replay")
def replay_letters(
    request: Request, site: SiteOf, narrow: Annotated[DeadLetterFilter, Depends(letter_filter_of_form)]
) -> Response:
    report = site.hub.dead_letters.replay_all(narrow, author_of(request))
    say_once(
        request,
        translatable("Replayed: %(replayed)s. Failed again: %(failed)s. Not tried yet: %(left)s."),
        "bad" if report.failed_again else "good",
        replayed=str(report.replayed),
        failed=str(report.failed_again),
        left=str(report.left),
    )
    return see_other(request, with_query("/dead-letters", as_query(narrow)))


def _state(state: str) -> DeadLetterState | None:
    return DeadLetterState(state) if state in set(DeadLetterState) else None


def _names(site: Site) -> dict[str, str]:
    return {ispb: f"{bank.name} ({bank.code})" for ispb, bank in bank_views(site.hub.queries).items()}


def _rows(site: Site, state: str, narrow: DeadLetterFilter) -> dict[str, Any]:
    chosen = _state(state)
    counts = site.hub.dead_letters.count()
    letters = site.hub.dead_letters.list(chosen, LETTERS_SHOWN, narrow)
    dead, whole = site.hub.dead_letters.count_dead(narrow) if chosen is DeadLetterState.DEAD else (0, 0)
    return {
        "letters": letters,
        "counts": {each.value: counts.get(each, 0) for each in DeadLetterState},
        "state": "all" if chosen is None else chosen.value,
        "query": as_query(narrow),
        "dead": dead,
        "whole": whole,
        "shown_max": LETTERS_SHOWN,
        "banks": bank_views(site.hub.queries),
        "version": version_of((letters, counts, dead, whole)),
        "section": "/dead-letters",
    }


def _all(site: Site, state: str, narrow: DeadLetterFilter) -> Sequence[DeadLetterHead]:
    return site.hub.dead_letters.list(_state(state), LETTERS_EXPORTED_MAX, narrow)


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
