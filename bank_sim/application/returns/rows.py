"""The rows of returns in a transaction."""

from __future__ import annotations

from typing import cast

from bank_sim.application.ports import RowRepository, UnitOfWork
from bank_sim.application.views import RowFilter
from bank_sim.domain.flows.returns.model import NAME, Return
from bank_sim.domain.flows.returns.requests import RETURNS_OF_TRANSFER_MAX
from pix.scheme.postings import Direction


def returns_in(unit: UnitOfWork) -> RowRepository[Return]:
    """Their repository."""
    return cast(RowRepository[Return], unit.rows[NAME])


def returns_of(unit: UnitOfWork, end_to_end_id: str, direction: Direction) -> list[Return]:
    """The returns of a side of a transfer, oldest first: money that came in goes out, and the other way round."""
    back = Direction.OUTGOING if direction is Direction.INCOMING else Direction.INCOMING
    narrow = RowFilter(about=end_to_end_id, direction=back, newest_first=False, size=RETURNS_OF_TRANSFER_MAX)
    return returns_in(unit).list(narrow)
