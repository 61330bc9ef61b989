"""What the hub's use cases need of the returns, beside what they need of every flow's rows."""

from __future__ import annotations

from typing import Protocol, cast

from hub.application.ports import Found, RowRepository, UnitOfWork
from hub.domain.flows.returns.model import NAME, Return, ReturnStatus
from pix.scheme.ids import END_TO_END_ID_LENGTH
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


@value_object
class ReturnFilter:
    """What a list of returns shows; empty fields do not narrow it. As `TransferFilter`."""

    ispb: str = ""
    """Either side."""
    status: ReturnStatus | None = None
    before: tuple[int, str] | None = None
    """Only those older than this (received_at_ms, return_id): the last of the previous page."""
    open_only: bool = False
    """Only those of which something is still owed."""
    original_end_to_end_id: str = ""
    """Only those of this transfer."""
    id_part: str = ""
    """Only those with this in their return id; case matters, as it does in the id."""
    amount_centavos: int | None = None
    reason: ReasonCode | None = None
    """Why it failed."""
    return_reason: ReasonCode | None = None
    """Why the money goes back."""
    received_from_ms: int | None = None
    """Only those that the hub received at this time or later."""
    received_before_ms: int | None = None
    """Only those that the hub received before this time."""
    size: int = 50
    examined_max: int = 50_000
    """No more of the newest returns are looked at, so that a search costs the same in a long history."""

    @property
    def whole_id(self) -> str:
        """The id, if a whole one is given: then there is nothing to search."""
        return self.id_part if len(self.id_part) == END_TO_END_ID_LENGTH else ""

    @property
    def part_of_id(self) -> str:
        """The part of an id, if no whole one is given."""
        return "" if self.whole_id else self.id_part

    @property
    def is_search(self) -> bool:
        """Whether it may have to look at many returns to find a few."""
        is_narrow = self.ispb or self.status or self.id_part or self.reason or self.return_reason
        is_quick = self.open_only or self.whole_id or self.original_end_to_end_id
        return not is_quick and (bool(is_narrow) or self.amount_centavos is not None)


class ReturnRepository(RowRepository[Return], Protocol):
    """The returns. `lock` also gives the readings `Returned`, by their ids; the originals are locked before."""

    def search(self, narrow: ReturnFilter) -> Found[Return, tuple[int, str]]:
        """Newest first. It is cut at a (received_at_ms, return_id)."""


def returns_of(unit: UnitOfWork) -> ReturnRepository:
    """The returns of a transaction."""
    return cast(ReturnRepository, unit.rows[NAME])
