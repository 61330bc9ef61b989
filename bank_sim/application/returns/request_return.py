"""Takes orders to return payments: debits and books each durably before its request leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bank_sim.application.ports import BackgroundPublisher, UnitOfWork, UnitsOfWork
from bank_sim.application.returns.rows import returns_in, returns_of
from bank_sim.domain import books
from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.books import Posting
from bank_sim.domain.errors import AccountNotFound, IdempotencyConflict, TransferNotFound
from bank_sim.domain.flows import owed
from bank_sim.domain.flows.postings import postings
from bank_sim.domain.flows.returns.model import Return
from bank_sim.domain.flows.returns.requests import (
    RETURNS_OF_TRANSFER_MAX,
    ReturnOrder,
    TooManyReturns,
    check_order,
    is_same_order,
    request,
)
from pix.runtime.clock import Clock, SchemeClock
from pix.runtime.trace_context import current_traceparent
from pix.scheme.deliveries import HUB, Outgoing
from pix.scheme.ids import is_end_to_end_id
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy


class RequestReturn:
    """Takes an order to give money back, whole or in part. Works while hub and broker are down."""

    def __init__(
        self,
        units: UnitsOfWork,
        publisher: BackgroundPublisher,
        scheme_clock: SchemeClock,
        clock: Clock,
        policy: RetransmissionPolicy,
        new_return_id: Callable[[int], str],
    ) -> None:
        """`new_return_id` makes an id for a moment in Unix milliseconds."""
        self._units = units
        self._publisher = publisher
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._policy = policy
        self._new_return_id = new_return_id

    def __call__(
        self,
        *,
        account_number: str,
        original_end_to_end_id: str,
        amount_centavos: int,
        description: str,
        idempotency_key: str,
        reason: ReasonCode = ReasonCode.MD06,
    ) -> Return:
        """The return, pending; with an idempotency key used before for the same, that return as it stands.

        MD06 is the customer's; with BE08 or FR01 the bank debits a blocked account as well. Raises
        SchemeError(field="amount_centavos" | "reason" | "description" | "idempotency_key"), AccountNotFound,
        TransferNotFound, NotReturnable, AmountOverRest, TooManyReturns, AccountBlocked, AccountClosed,
        InsufficientBalance, IdempotencyConflict.
        """
        order = check_order(
            ReturnOrder(
                account_number=account_number,
                original_end_to_end_id=original_end_to_end_id,
                amount_centavos=amount_centavos,
                reason=reason,
                description=description,
                idempotency_key=idempotency_key,
                traceparent=current_traceparent(),
            )
        )
        if not is_end_to_end_id(order.original_end_to_end_id):
            # A text that cannot be an id is not looked up: the database may refuse it.
            raise TransferNotFound
        with self._units() as unit:
            row, is_new = self._take(unit, order)
            if is_new:
                unit.commit()
        if is_new:
            messages = owed(row, self._clock.real_now_ms())
            self._publisher.enqueue([Outgoing(HUB, message, row.traceparent) for message in messages])
        return row

    def _take(self, unit: UnitOfWork, order: ReturnOrder) -> tuple[Return, bool]:
        """The return, and whether it is new. The lock on the original keeps the sum, that on the account the key."""
        place = (order.original_end_to_end_id, Direction.INCOMING)
        original = unit.transfers.lock([place]).get(place)
        account = unit.accounts.lock([order.account_number]).get(order.account_number)
        if account is None:
            raise AccountNotFound
        key = (order.account_number, order.idempotency_key)
        if (earlier := returns_in(unit).find_by_idempotency_keys([key]).get(key)) is not None:
            if not is_same_order(earlier, order):
                raise IdempotencyConflict
            return earlier, False
        if original is None or original.account_number != account.number:
            raise TransferNotFound
        earlier_returns = returns_of(unit, original.end_to_end_id, Direction.INCOMING)
        if len(earlier_returns) >= RETURNS_OF_TRANSFER_MAX:
            raise TooManyReturns
        now_ms = self._scheme_clock.now_ms()
        return_id = self._new_return_id(now_ms)
        row = request(order, original, earlier_returns, return_id, now_ms, self._clock.real_now_ms(), self._policy)
        (debit,) = postings(None, row, now_ms)
        debited, posting = _book(account, debit, is_of_bank=order.is_of_bank)
        returns_in(unit).add([row])
        unit.postings.add([posting])
        unit.accounts.save([debited])
        return row, True


def _book(account: Account, debit: Posting, *, is_of_bank: bool) -> tuple[Account, Posting]:
    """The account after its debit. A block keeps the customer from paying, not the bank from giving money back."""
    if not (is_of_bank and account.status is AccountStatus.BLOCKED):
        return books.book(account, debit)
    debited, posting = books.book(account.unblocked(), debit)
    return replace(debited, status=account.status), posting
