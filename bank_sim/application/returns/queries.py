"""What may be asked of the bank's returns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.queries import check_size, cursor_of, place_of, read_cursor
from bank_sim.application.returns.rows import returns_in, returns_of
from bank_sim.application.searching import Wanted
from bank_sim.application.searching import search as search_rows
from bank_sim.application.views import PAGE_SIZE_DEFAULT, RowFilter
from bank_sim.domain.errors import TransferNotFound
from bank_sim.domain.flows.returns.model import Return, ReturnStatus
from bank_sim.domain.flows.returns.requests import ReturnNotFound, left_to_return
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.postings import Direction


@dataclass(frozen=True, slots=True)
class ReturnPage:
    """Returns in the order asked for. `next_cursor` is the `after` of the next page; empty on the last."""

    returns: tuple[Return, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class ReturnsOfTransfer:
    """The returns of one side of a transfer, oldest first."""

    original: Transfer
    returns: tuple[Return, ...]

    @property
    def returned_centavos(self) -> int:
        """What has gone back for good, or has come back."""
        return sum(row.amount_centavos for row in self.returns if row.status is ReturnStatus.CONFIRMED)

    @property
    def left_centavos(self) -> int:
        """What its payee may still give back; 0 for the payer, and before the money has arrived."""
        original = self.original
        if original.direction is Direction.OUTGOING or original.status is not TransferStatus.CONFIRMED:
            return 0
        return left_to_return(original, self.returns)


class ReturnQueries:
    """Reads, each in a separate transaction."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def find(self, return_id: str, direction: Direction) -> Return:
        """One side of a return. Raises ReturnNotFound."""
        with self._units() as unit:
            row = returns_in(unit).find(return_id, direction)
        if row is None:
            raise ReturnNotFound
        return row

    def find_of_order(self, account_number: str, idempotency_key: str) -> Return | None:
        """The return that an account's order with this idempotency key has made; None as long as it is not made."""
        place = (account_number, idempotency_key)
        with self._units() as unit:
            return returns_in(unit).find_by_idempotency_keys([place]).get(place)

    def of_transfer(self, end_to_end_id: str, direction: Direction) -> ReturnsOfTransfer:
        """The returns of one side of a transfer. Raises TransferNotFound."""
        with self._units() as unit:
            original = unit.transfers.find(end_to_end_id, direction)
            if original is None:
                raise TransferNotFound
            return ReturnsOfTransfer(original, tuple(returns_of(unit, end_to_end_id, direction)))

    def list(
        self,
        *,
        direction: Direction | None = None,
        status: ReturnStatus | None = None,
        account_number: str = "",
        original_end_to_end_id: str = "",
        undecided: bool = False,
        search: str = "",
        after: str = "",
        size: int = PAGE_SIZE_DEFAULT,
        newest_first: bool = True,
    ) -> ReturnPage:
        """As narrowed, by the time of the request. Raises SchemeError(field="after" | "size")."""
        check_size(size)
        narrow = RowFilter(
            direction=direction,
            status=status,
            account_number=account_number,
            about=original_end_to_end_id,
            undecided=undecided,
            search=search,
            after=read_cursor(after),
            newest_first=newest_first,
            size=size + 1,
        )
        with self._units() as unit:
            if search.strip():
                return _search(unit, narrow, size)
            rows = returns_in(unit).list(narrow)
        page = rows[:size]
        return ReturnPage(tuple(page), cursor_of(place_of(page[-1])) if len(rows) > size else "")


def _search(unit: UnitOfWork, narrow: RowFilter, size: int) -> ReturnPage:
    wanted = Wanted.of(narrow.search)

    def is_wanted(row: Return) -> bool:
        ids = f"{row.return_id} {row.original_end_to_end_id}"
        return wanted.is_in((row.payer.name, row.payee.name, row.description), ids, row.amount_centavos)

    rows, place, _ = search_rows(
        lambda after, most: returns_in(unit).list(replace(narrow, after=after, size=most)),
        place_of,
        is_wanted,
        narrow.after,
        size,
    )
    return ReturnPage(tuple(rows), "" if place is None else cursor_of(place))
