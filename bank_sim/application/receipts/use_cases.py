"""Received Pix, each with its returns, as the API shows them, and orders to return them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.receipts.ports import ReceiptFilter
from bank_sim.application.returns.request_return import RequestReturn
from bank_sim.application.returns.rows import returns_in
from bank_sim.application.webhooks.parts import parts_of
from bank_sim.domain.charges.amounts import AmountOfDay
from bank_sim.domain.errors import BankError, TransferNotFound
from bank_sim.domain.flows.returns.model import Return
from bank_sim.domain.flows.returns.requests import ReturnNotFound
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.runtime.clock import SchemeClock
from pix.scheme.ids import is_end_to_end_id, is_return_id
from pix.scheme.postings import Direction
from pix.scheme.return_window import RETURN_DAYS_MAX, is_within_return_window


class ReturnTooLate(BankError):
    """The window for returns has passed (DT05). The hub has the last word on it; this spares the customer the debit."""

    def __init__(self) -> None:
        super().__init__(
            "original_end_to_end_id", f"A payment can be returned until {RETURN_DAYS_MAX} days after it arrived."
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A Pix that came in, and what went back of it, oldest first."""

    transfer: Transfer
    returns: tuple[Return, ...] = ()
    parts: AmountOfDay | None = None
    """What the amount was made of, where it paid a charge with a due date."""


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """Receipts, oldest first, and how many the filter has in all."""

    receipts: tuple[Receipt, ...]
    total: int


class Receipts:
    """What may be done with received Pix, and asked of them. Everything is narrowed to an account."""

    def __init__(self, units: UnitsOfWork, request_return: RequestReturn, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._request_return = request_return
        self._scheme_clock = scheme_clock

    def find(self, account_number: str, end_to_end_id: str) -> Receipt:
        """Raises TransferNotFound, also for another account's."""
        with self._units() as unit:
            return _receipts(unit, [_find(unit, account_number, end_to_end_id)])[0]

    def list(self, narrow: ReceiptFilter, skip: int, size: int) -> ReceiptPage:
        """Oldest credit first."""
        with self._units() as unit:
            total = unit.receipts.count(narrow)
            transfers: Sequence[Transfer] = unit.receipts.list(narrow, skip, size) if skip < total else ()
            return ReceiptPage(tuple(_receipts(unit, transfers)), total)

    def find_return(self, account_number: str, end_to_end_id: str, order_key: str, return_id: str = "") -> Return:
        """The return of a Pix that an order with this idempotency key has made, or one that was ordered elsewhere.

        Raises ReturnNotFound, also for another account's.
        """
        place = (account_number, order_key)
        with self._units() as unit:
            row = returns_in(unit).find_by_idempotency_keys([place]).get(place)
            if row is None and is_return_id(return_id):
                row = returns_in(unit).find(return_id, Direction.OUTGOING)
        if row is None or (row.account_number, row.original_end_to_end_id) != (account_number, end_to_end_id):
            raise ReturnNotFound
        return row

    def give_back(
        self, *, account_number: str, end_to_end_id: str, amount_centavos: int, description: str, order_key: str
    ) -> Return:
        """An order to return a Pix, whole or in part; the same again gives the return as it stands.

        Raises ReturnTooLate, and what `RequestReturn` raises.
        """
        place = (account_number, order_key)
        with self._units() as unit:
            transfer = _find(unit, account_number, end_to_end_id)
            is_new = not returns_in(unit).find_by_idempotency_keys([place])
        credited_at_ms = transfer.decided_at_ms or transfer.requested_at_ms
        if is_new and not is_within_return_window(credited_at_ms, self._scheme_clock.now_ms()):
            raise ReturnTooLate
        return self._request_return(
            account_number=account_number,
            original_end_to_end_id=end_to_end_id,
            amount_centavos=amount_centavos,
            description=description,
            idempotency_key=order_key,
        )


def _receipts(unit: UnitOfWork, transfers: Sequence[Transfer]) -> list[Receipt]:
    returns: dict[str, list[Return]] = {}
    for row in returns_in(unit).find_about([transfer.end_to_end_id for transfer in transfers], Direction.OUTGOING):
        returns.setdefault(row.about, []).append(row)
    parts = parts_of(unit, transfers)
    return [
        Receipt(transfer, tuple(returns.get(transfer.end_to_end_id, ())), parts.get(transfer.end_to_end_id))
        for transfer in transfers
    ]


def _find(unit: UnitOfWork, account_number: str, end_to_end_id: str) -> Transfer:
    # A text that cannot be an id is not looked up: the database may refuse it.
    transfer = unit.transfers.find(end_to_end_id, Direction.INCOMING) if is_end_to_end_id(end_to_end_id) else None
    if transfer is None or transfer.account_number != account_number:
        raise TransferNotFound
    if transfer.status is not TransferStatus.CONFIRMED:
        raise TransferNotFound
    return transfer
