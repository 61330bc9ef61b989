"""Messages that could not be processed: their list, replay and discard."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hub.entrypoints.http.api.documents import DeadLetterDocument, DeadLetterHeadDocument
from hub.entrypoints.http.api.routing import SiteOf, api_router, author_of
from pix.participant.dead_letters.http import ReplayFilter, ReplayReportDocument, letter_filter
from pix.participant.dead_letters.model import DeadLetterFilter, DeadLetterState

router = api_router("dead letters")


class Discard(BaseModel):
    """The reason for discarding a dead letter."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/dead-letters")
def list_dead_letters(
    site: SiteOf,
    narrow: Annotated[DeadLetterFilter, Depends(letter_filter)],
    state: DeadLetterState | None = None,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[DeadLetterHeadDocument]:
    """Messages that could not be processed, last seen first, without their bytes."""
    return [DeadLetterHeadDocument.of(letter) for letter in site.hub.dead_letters.list(state, size, narrow)]


@router.post("/dead-letters/replay")
def replay_dead_letters(request: Request, site: SiteOf, narrow: ReplayFilter) -> ReplayReportDocument:
    """Replays the dead letters of a filter, seen longest ago first, at most 200 of them."""
    return ReplayReportDocument.of(site.hub.dead_letters.replay_all(narrow.narrow(), author_of(request)))


@router.get("/dead-letters/{digest}")
def find_dead_letter(site: SiteOf, digest: str) -> DeadLetterDocument:
    """One dead letter, with at most 64 KiB of its value."""
    return DeadLetterDocument.of(site.hub.dead_letters.find(digest))


@router.post("/dead-letters/{digest}/replay")
def replay_dead_letter(request: Request, site: SiteOf, digest: str) -> DeadLetterDocument:
    """Replays the dead letter: processes its record again. Rejected when only part of it is stored."""
    return DeadLetterDocument.of(site.hub.dead_letters.replay(digest, author_of(request)))


@router.post("/dead-letters/{digest}/discard")
def discard_dead_letter(request: Request, site: SiteOf, digest: str, discard: Discard) -> DeadLetterDocument:
    """Discards a dead letter with a reason."""
    return DeadLetterDocument.of(site.hub.dead_letters.discard(digest, discard.note, author_of(request)))
