"""Dead letters: the records that could not be applied, to be replayed after a fix or laid aside, one or many."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Depends, Form, Path, Query, Request, Response

from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf
from pix.participant.dead_letters.http import as_query, letter_filter, letter_filter_of_form
from pix.participant.dead_letters.model import (
    EVERY_LETTER,
    DeadLetterClosed,
    DeadLetterFilter,
    DeadLetterState,
    DeadLetterTruncated,
)
from pix.participant.dead_letters.use_cases import LISTED_DEFAULT, REPLAYED_AT_ONCE_MAX
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.places import with_query
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = operator_router()

_LIST_URL: Final = "/backoffice/dead-letters?state=all"


Narrow = Annotated[DeadLetterFilter, Depends(letter_filter)]


@router.get("/dead-letters")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    narrow: Narrow,
    state: Annotated[str, Query(max_length=20)] = "dead",
) -> Response:
    return _page(request, site, pages, state, Faults(), 200, narrow)


@router.get("/dead-letters/replay")
def ask_to_replay(request: Request, site: SiteOf, pages: PagesOf, narrow: Narrow) -> Response:
    dead, whole = site.bank.dead_letters.count_dead(narrow)
    if not whole:
        return see_other(request, with_query("/backoffice/dead-letters", as_query(narrow)))
    context = {
        "office": "letters",
        "narrow": narrow,
        "names": _names(site),
        "query": as_query(narrow),
        "dead": dead,
        "whole": whole,
        "at_once": REPLAYED_AT_ONCE_MAX,
    }
    return pages.page(request, "bank/backoffice/letters_replay.html", context)


@router.post("/dead-letters/replay")
def replay_letters(
    request: Request, site: SiteOf, narrow: Annotated[DeadLetterFilter, Depends(letter_filter_of_form)]
) -> Response:
    report = site.bank.dead_letters.replay_all(narrow)
    say_once(
        request,
        translatable("Replayed: %(replayed)s. Failed again: %(failed)s. Not tried yet: %(left)s."),
        "bad" if report.failed_again else "good",
        replayed=str(report.replayed),
        failed=str(report.failed_again),
        left=str(report.left),
    )
    return see_other(request, with_query("/backoffice/dead-letters", as_query(narrow)))


@router.get("/dead-letters/{dead_letter_id}")
def show_one(
    request: Request, site: SiteOf, pages: PagesOf, dead_letter_id: Annotated[str, Path(max_length=64)]
) -> Response:
    letter = site.bank.dead_letters.find(dead_letter_id)
    return pages.page(request, "bank/backoffice/letter.html", {"office": "letters", "letter": letter})


@router.get("/dead-letters/{dead_letter_id}/discard")
def ask_to_discard(
    request: Request, site: SiteOf, pages: PagesOf, dead_letter_id: Annotated[str, Path(max_length=64)]
) -> Response:
    letter = site.bank.dead_letters.find(dead_letter_id)
    if letter.state is not DeadLetterState.DEAD:
        return see_other(request, _LIST_URL)
    return pages.page(request, "bank/backoffice/letter_discard.html", {"office": "letters", "letter": letter})


@router.post("/dead-letters/{dead_letter_id}")
def act(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    dead_letter_id: Annotated[str, Path(max_length=64)],
    act: Annotated[Literal["replay", "discard"], Form()],
    note: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    try:
        if act == "replay":
            letter = site.bank.dead_letters.replay(dead_letter_id)
            if letter.state is DeadLetterState.DEAD:
                say_once(request, translatable("Replayed, and it failed again for the reason below."), "bad")
            else:
                say_once(request, translatable("Dead letter replayed."))
        else:
            site.bank.dead_letters.discard(dead_letter_id, note=note)
            say_once(request, translatable("Dead letter discarded. You can still read it here."))
    except (DeadLetterClosed, DeadLetterTruncated) as error:
        faults = Faults(form=sentence_of(error, language_of(request)))
        return _page(request, site, pages, "all", faults, 409)
    return see_other(request, _LIST_URL)


def _names(site: Site) -> dict[str, str]:
    return {ispb: f"{each.name} ({each.code})" for ispb, each in site.bank.queries.participants().items()}


def _page(
    request: Request,
    site: Site,
    pages: Pages,
    state: str,
    faults: Faults,
    status: int,
    narrow: DeadLetterFilter = EVERY_LETTER,
) -> Response:
    chosen = DeadLetterState(state) if state in set(DeadLetterState) else None
    dead, whole = site.bank.dead_letters.count_dead(narrow) if chosen is DeadLetterState.DEAD else (0, 0)
    context = {
        "office": "letters",
        "letters": site.bank.dead_letters.list(chosen, LISTED_DEFAULT, narrow),
        "shown_max": LISTED_DEFAULT,
        "narrow": narrow,
        "choices": site.bank.dead_letters.choices(chosen),
        "names": _names(site),
        "query": as_query(narrow),
        "dead": dead,
        "whole": whole,
        "counts": site.bank.dead_letters.count(),
        "states": list(DeadLetterState),
        "state": chosen,
        "faults": faults,
    }
    return pages.page(request, "bank/backoffice/letters.html", context, status=status)
