"""Dead letters: what could not be applied, why, and what to do with it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response

from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import bank_views, letter_view
from pix.participant.dead_letters.model import DeadLetter, DeadLetterClosed, DeadLetterState, DeadLetterTruncated
from pix.scheme.errors import SchemeError
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, no_forgery

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])

LETTERS_SHOWN: Final = 100
NOTE_BYTES_MAX: Final = 2_000
UNPROCESSABLE: Final = 422

_SETTLED: Final = translatable("Another operator has already replayed or discarded this dead letter.")


@router.get("/dead-letters")
def list_letters(request: Request, pages: PagesOf, site: SiteOf, state: str = "dead") -> Response:
    """The letters in a state, last seen first; all of them for any other word."""
    narrow = DeadLetterState(state) if state in set(DeadLetterState) else None
    counts = site.hub.dead_letters.count()
    context = {
        "letters": site.hub.dead_letters.list(narrow, LETTERS_SHOWN),
        "counts": {each.value: counts.get(each, 0) for each in DeadLetterState},
        "state": "all" if narrow is None else narrow.value,
        "shown_max": LETTERS_SHOWN,
        "banks": bank_views(site.hub.queries),
        "section": "/dead-letters",
    }
    return pages.page(request, "hub/dead_letters.html", context)


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
        letter = site.hub.dead_letters.replay(digest)
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
        site.hub.dead_letters.discard(digest, note)
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
