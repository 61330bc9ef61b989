"""What may be asked about returns, in a transaction of `Queries.read`."""

from __future__ import annotations

from typing import Final

from hub.application.ports import Found, UnitOfWork
from hub.application.ports.returns import ReturnFilter, returns_of
from hub.domain.errors import HubError
from hub.domain.flows.returns.model import HistoryStep, Return

RETURNS_SHOWN_MAX: Final = 200
"""Of one transfer, the newest."""


class ReturnNotFound(HubError):
    """The hub knows no such return."""


def find_return(unit: UnitOfWork, return_id: str) -> tuple[Return, list[HistoryStep]]:
    """Raises ReturnNotFound."""
    found = returns_of(unit).find(return_id)
    if found is None:
        raise ReturnNotFound("return_id", "the hub knows no return with this id")
    return found


def search_returns(unit: UnitOfWork, narrow: ReturnFilter) -> Found[Return, tuple[int, str]]:
    """Newest first."""
    return returns_of(unit).search(narrow)


def returns_of_transfer(unit: UnitOfWork, end_to_end_id: str) -> list[Return]:
    """Oldest first, at most `RETURNS_SHOWN_MAX`."""
    narrow = ReturnFilter(original_end_to_end_id=end_to_end_id, size=RETURNS_SHOWN_MAX)
    return returns_of(unit).search(narrow).rows[::-1]
