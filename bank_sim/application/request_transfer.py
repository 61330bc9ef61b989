"""Customers pay: debited, booked and durable here, before anybody else hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bank_sim.application.ports import BackgroundPublisher, UnitOfWork, UnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.account import Account
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.books import Posting
from bank_sim.domain.errors import AccountNotFound, IdempotencyConflict
from bank_sim.domain.flows import owed
from bank_sim.domain.flows.postings import postings
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.flows.transfer.requests import TransferOrder, check_order, is_same_order, request
from bank_sim.domain.limits import KINDS, LimitKind, LimitPolicy, Span, check_payment, span_of
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.deliveries import HUB, Outgoing
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import PixKey
from pix.scheme.messages import Party
from pix.scheme.retransmission import RetransmissionPolicy

ORDERS_MAX: Final = 1_000
"""In one call of `request_transfers`, which is one transaction."""


TakeOrders = Callable[[Sequence[TransferOrder]], list[Transfer | SchemeError]]
"""For each order its transfer, or why it is refused."""


class RequestTransfers:
    """Takes many orders in one transaction; each stands for itself.

    Once they are durable the messages go to the courier, which never makes the customer wait: with the broker down the
    rows are as safe, and the sweeper sends what they owe.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        publisher: BackgroundPublisher,
        scheme_clock: SchemeClock,
        clock: Clock,
        identity: BankIdentity,
        policy: RetransmissionPolicy,
        new_end_to_end_id: Callable[[int], str],
        limits: LimitPolicy,
    ) -> None:
        """`new_end_to_end_id` makes an id for a moment in Unix milliseconds."""
        self._units = units
        self._publisher = publisher
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._identity = identity
        self._policy = policy
        self._new_end_to_end_id = new_end_to_end_id
        self._limits = limits

    def __call__(self, orders: Sequence[TransferOrder]) -> list[Transfer | SchemeError]:
        """For each order its transfer, or why it is refused: the errors that `request_transfer` raises."""
        with self._units() as unit:
            taken = self.within(unit, orders)
            if taken.added:
                unit.commit()
        self.publish(taken)
        return taken.results

    def within(self, unit: UnitOfWork, orders: Sequence[TransferOrder]) -> TakenOrders:
        """The same within the caller's transaction; `publish` is the caller's to call once it is durable."""
        if len(orders) > ORDERS_MAX:
            raise SchemeError("orders", f"At most {ORDERS_MAX} orders are accepted at once.")
        checked = [_checked(order) for order in orders]
        valid = [order for order in checked if isinstance(order, TransferOrder)]
        # The lock on the account also keeps two requests with the same idempotency key one after the other, and makes
        # what was paid in this period exact.
        accounts = unit.accounts.lock({order.account_number for order in valid})
        now_ms = self._scheme_clock.now_ms()
        ledger = _Ledger(
            now_ms=now_ms,
            accounts=accounts,
            key_owners=unit.keys.owners({order.payee_key for order in valid if order.payee_key is not None}),
            known=unit.transfers.find_by_idempotency_keys(
                {(order.account_number, order.idempotency_key) for order in valid}
            ),
            limited=self._limited(unit, accounts, now_ms),
        )
        results = [self._take(order, ledger) if isinstance(order, TransferOrder) else order for order in checked]
        if ledger.added:
            unit.transfers.add(ledger.added)
            unit.postings.add(ledger.postings)
            unit.accounts.save([ledger.accounts[number] for number in sorted(ledger.debited)])
        return TakenOrders(results, ledger.added)

    def publish(self, taken: TakenOrders) -> None:
        """Enqueues what the new transfers owe; never waits and never raises."""
        real_now_ms = self._clock.real_now_ms()
        self._publisher.enqueue(
            [
                Outgoing(HUB, message, transfer.traceparent)
                for transfer in taken.added
                for message in owed(transfer, real_now_ms)
            ]
        )

    def _limited(self, unit: UnitOfWork, accounts: Mapping[str, Account], now_ms: int) -> dict[str, _Limited]:
        """The accounts that have limits at all: the others cost no statement."""
        concerned = [
            account for account in accounts.values() if self._limits.may_limit(account.holder_kind, account.limits)
        ]
        if not concerned:
            return {}
        span = span_of(now_ms)
        numbers = [account.number for account in concerned]
        spent = unit.transfers.spent(numbers, span.start_ms, span.end_ms)
        return {
            account.number: _Limited(
                span,
                {
                    kind: self._limits.limit(account.holder_kind, account.limits, kind, now_ms).amount_centavos
                    for kind in KINDS[span.period]
                },
                spent.get(account.number, 0),
            )
            for account in concerned
        }

    def _take(self, order: TransferOrder, ledger: _Ledger) -> Transfer | SchemeError:
        try:
            return self._take_or_raise(order, ledger)
        except SchemeError as refusal:
            return refusal

    def _take_or_raise(self, order: TransferOrder, ledger: _Ledger) -> Transfer:
        place = (order.account_number, order.idempotency_key)
        if (earlier := ledger.known.get(place)) is not None:
            if not is_same_order(earlier, order):
                raise IdempotencyConflict
            return earlier
        account = ledger.accounts.get(order.account_number)
        if account is None:
            raise AccountNotFound
        now_ms = ledger.now_ms
        limited = ledger.limited.get(account.number)
        if limited is not None:
            # An account that may not pay at all says so first.
            account.check_may_act()
            check_payment(limited.limits, limited.span.period, order.amount_centavos, limited.spent_centavos)
        transfer = request(
            order,
            account,
            None if order.payee_key is None else ledger.key_owners.get(order.payee_key),
            self._new_end_to_end_id(now_ms),
            self._identity.ispb,
            now_ms,
            self._clock.real_now_ms(),
            self._policy,
        )
        (payment,) = postings(None, transfer, now_ms)
        debited, posting = books.book(account, payment)
        ledger.accounts[account.number] = debited
        ledger.debited.add(account.number)
        ledger.known[place] = transfer
        ledger.added.append(transfer)
        ledger.postings.append(posting)
        if limited is not None:
            limited.spent_centavos += order.amount_centavos
        return transfer


@dataclass(frozen=True, slots=True)
class TakenOrders:
    """For each order its transfer, or why it is refused; and the transfers that are new."""

    results: list[Transfer | SchemeError]
    added: Sequence[Transfer]


@dataclass(slots=True)
class _Limited:
    """An account's limits of the present day or night, and what it has paid in it."""

    span: Span
    limits: Mapping[LimitKind, int | None]
    spent_centavos: int


@dataclass(slots=True)
class _Ledger:
    """What is known and what is new while orders are taken."""

    now_ms: int
    accounts: dict[str, Account]
    key_owners: Mapping[PixKey, str]
    known: dict[tuple[str, str], Transfer]
    limited: Mapping[str, _Limited]
    added: list[Transfer] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    debited: set[str] = field(default_factory=set)


class RequestTransfer:
    """Takes one order."""

    def __init__(self, request_transfers: TakeOrders) -> None:
        self._request_transfers = request_transfers

    def __call__(
        self,
        *,
        account_number: str,
        payee_key: PixKey | None,
        amount_centavos: int,
        description: str,
        idempotency_key: str,
        payee_tax_id_masked: str,
        payee_name: str = "",
        payee_bank_name: str = "",
        traceparent: str = "",
        payee: Party | None = None,
        initiation: Initiation = Initiation.DICT,
        txid: str = "",
    ) -> Transfer:
        """The transfer, pending; with an idempotency key used before for the same, that transfer as it stands.

        Works while hub and broker are down. Raises SchemeError(field="amount_centavos" | "description" |
        "idempotency_key" | "key" | "txid" | "payee.name" | …), AccountNotFound, AccountBlocked, AccountClosed,
        InsufficientBalance, LimitExceeded, PayerIsPayee, IdempotencyConflict.
        """
        order = TransferOrder(
            account_number=account_number,
            payee_key=payee_key,
            amount_centavos=amount_centavos,
            description=description,
            idempotency_key=idempotency_key,
            payee_tax_id_masked=payee_tax_id_masked,
            payee_name=payee_name,
            payee_bank_name=payee_bank_name,
            traceparent=traceparent,
            payee=payee,
            initiation=initiation,
            txid=txid,
        )
        (result,) = self._request_transfers([order])
        if isinstance(result, SchemeError):
            raise result
        return result


def _checked(order: TransferOrder) -> TransferOrder | SchemeError:
    try:
        return check_order(order)
    except SchemeError as refusal:
        return refusal
