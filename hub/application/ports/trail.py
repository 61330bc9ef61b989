"""What the hub's use cases need of the operators' audit trail."""

from __future__ import annotations

from typing import Final, Protocol

from hub.domain.trail import Act, TrailEntry
from pix.scheme.values import value_object

ENTRIES_KEPT_MAX: Final = 100_000
"""The newest; a store forgets older ones."""


@value_object
class TrailFilter:
    """What a list of the trail shows; empty fields do not narrow it."""

    code: str = ""
    act: Act | None = None
    before: int | None = None
    """Only entries with a lower number: the last of the previous page."""
    size: int = 50


class TrailRepository(Protocol):
    """The trail; an entry is written in the transaction of its act."""

    def add(self, entry: TrailEntry) -> None:
        """Appends an entry; its number is the store's to give."""

    def list(self, narrow: TrailFilter) -> list[TrailEntry]:
        """Newest first."""
