"""Dead letters: the records that could not be applied, to be replayed after a fix or laid aside."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Form, Path, Query, Request, Response

from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf
from pix.participant.dead_letters.model import DeadLetterClosed, DeadLetterState, DeadLetterTruncated
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

router = operator_router()

_LIST_URL: Final = "/backoffice/dead-letters?state=all"


@router.get("/dead-letters")
def show(
    request: Request, site: SiteOf, pages: PagesOf, state: Annotated[str, Query(max_length=20)] = "dead"
) -> Response:
    return _page(request, site, pages, state, Faults(), 200)


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


def _page(request: Request, site: Site, pages: Pages, state: str, faults: Faults, status: int) -> Response:
    chosen = DeadLetterState(state) if state in set(DeadLetterState) else None
    context = {
        "office": "letters",
        "letters": site.bank.dead_letters.list(chosen),
        "counts": site.bank.dead_letters.count(),
        "states": list(DeadLetterState),
        "state": chosen,
        "faults": faults,
    }
    return pages.page(request, "bank/backoffice/letters.html", context, status=status)
