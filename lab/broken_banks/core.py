"""What every part of the bank uses: the transaction, the postings, and what the bank owes the hub."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from lab.broken_banks.defects import Defect
from lab.broken_banks.hub import Hub
from lab.broken_banks.ledger import CLEARING, SETTLEMENT, Ledger, Row, customer, now_ms
from lab.broken_banks.settings import Settings
from pix.scheme.messages import BankMessage, Outcome, OutcomeProcessed, TransferAccepted, TransferRejected
from pix.scheme.messages.returns import ReturnAccepted, ReturnProcessed, ReturnRejected
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode

GROUP_COMMIT_SECONDS: Final = 0.5
"""How long a bank that publishes first collects work before it commits."""
ROUNDED_TO_CENTAVOS: Final = 5
ROWS_PER_SWEEP_MAX: Final = 200


class Core:
    def __init__(
        self,
        settings: Settings,
        hub: Hub,
        publish: Callable[[Sequence[BankMessage]], None],
        flush: Callable[[], None],
        defects: frozenset[Defect] = frozenset(),
    ) -> None:
        """`publish` only enqueues; `flush` waits for the acknowledgements, and raises when they do not come."""
        self.settings = settings
        self.hub = hub
        self.publish = publish
        self.flush = flush
        self.defects = defects
        self.ledger = Ledger(settings.folder, defects)
        self.answered_since_start: set[str] = set()
        """Only for the mistakes MEMORY_OUTBOX and CHANGES_ITS_MIND: a right bank keeps nothing in memory."""
        self._lock = threading.RLock()
        self._owed: list[BankMessage] = []
        self._group_began: float | None = None

    def has(self, defect: Defect) -> bool:
        return defect in self.defects

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        with self._lock:
            yield self.ledger

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within is durable, or nothing is; what the bank owes for it is published afterwards."""
        if self.has(Defect.PUBLISHES_FIRST):
            # PUBLISHES_FIRST: the messages are out at once; the books follow with the next commit of the group.
            with self._lock, self._group():
                self._owed = []
                yield
                owed = self._owed
            self.publish(owed)
            return
        with self._lock:
            self._owed = []
            self.ledger.begin()
            try:
                yield
                owed = self._owed
                self.ledger.commit()
            except BaseException:
                self.ledger.rollback()
                raise
        if owed:
            self.publish(owed)

    @contextmanager
    def _group(self) -> Iterator[None]:
        """A part of a transaction that is committed later."""
        if self._group_began is None:
            self.ledger.begin()
            self._group_began = time.monotonic()
        self.ledger.savepoint("part")
        try:
            yield
        except BaseException:
            self.ledger.undo("part")
            raise
        self.ledger.release("part")

    def commit_group(self) -> None:
        """Only for the mistake PUBLISHES_FIRST: commits what has been collected for long enough."""
        with self._lock:
            if self._group_began is not None and time.monotonic() - self._group_began >= GROUP_COMMIT_SECONDS:
                self.ledger.commit()
                self._group_began = None

    def owe(self, *messages: BankMessage) -> None:
        """To be published when the transaction is committed."""
        self._owed += messages

    def forget_owed(self, count: int) -> None:
        """Of a record that is undone: leaves the first `count`."""
        del self._owed[count:]

    @property
    def owed_count(self) -> int:
        return len(self._owed)

    def owed_for(self, row: Row) -> tuple[BankMessage, ...]:
        """The messages that the bank owes for a row: they follow from its status alone, however often they are sent."""
        match row.status:
            case "pending":
                return (row.message,)
            case "accepted":
                return (self.acceptance(row),)
            case "rejected":
                return (self.rejection(row),)
            case _:
                # NEVER_COMPLETES: the books are right, and the hub waits for the word of it for ever.
                return () if self.has(Defect.NEVER_COMPLETES) else (self.processed(row),)

    def acceptance(self, row: Row) -> BankMessage:
        if row.original_id:
            return ReturnAccepted(row.id, row.original_id, row.amount_centavos)
        return TransferAccepted(row.id, row.amount_centavos)

    def rejection(self, row: Row) -> BankMessage:
        if row.original_id:
            return ReturnRejected(row.id, row.original_id, row.amount_centavos, ReasonCode(row.reason))
        return TransferRejected(row.id, row.amount_centavos, ReasonCode(row.reason))

    def processed(self, row: Row) -> BankMessage:
        outcome = Outcome.CONFIRMED if row.status == "confirmed" else Outcome.FAILED
        reason = ReasonCode(row.reason) if row.reason else None
        if row.original_id:
            # Sides are those of the original: the money of a return goes from the payee to the payer.
            side = row.direction.side.other
            return ReturnProcessed(row.id, row.original_id, side, outcome, row.amount_centavos, reason)
        return OutcomeProcessed(row.id, row.direction.side, outcome, row.amount_centavos, reason)

    def decided(self, row: Row, status: str, reason: str) -> None:
        """Books the hub's decision on a row, in one transaction with its new status, and acknowledges it."""
        row = replace(row, status=status, reason=reason, decided_at_ms=now_ms(), resend_at_ms=None)
        self.book(row)
        self.ledger.save(row)
        self.owe(*self.owed_for(row))

    def book(self, row: Row) -> None:
        """The posting that a row demands in its status."""
        match row.direction, row.status:
            case Direction.OUTGOING, "pending":
                self.post(row, "payment", customer(row.account_number), CLEARING)
            case Direction.OUTGOING, "confirmed":
                self.post(row, "settlement_out", CLEARING, SETTLEMENT)
            case Direction.OUTGOING, "failed":
                # KEEPS_THE_MONEY: the money stays in clearing, where no customer finds it.
                if not self.has(Defect.KEEPS_THE_MONEY):
                    self.post(row, "refund", CLEARING, customer(row.account_number))
            case Direction.INCOMING, "confirmed":
                # CREDITS_OFFERS has done so at the offer.
                if not (self.has(Defect.CREDITS_OFFERS) and self.ledger.has_posting(row.id, row.direction.value)):
                    self.credit(row)

    def credit(self, row: Row) -> None:
        self.post(row, "credit", SETTLEMENT, customer(row.account_number))

    def post(self, row: Row, kind: str, debit: str, credit: str) -> None:
        amount_centavos = row.amount_centavos
        if kind == "credit" and self.has(Defect.ROUNDS_COINS):
            # ROUNDS_COINS: 3 centavos become 5, and 2 become nothing.
            amount_centavos = (amount_centavos + 2) // ROUNDED_TO_CENTAVOS * ROUNDED_TO_CENTAVOS
        if amount_centavos:
            self.ledger.post(row.id, row.direction.value, kind, debit, credit, amount_centavos)

    def new_row(
        self,
        row_id: str,
        direction: Direction,
        status: str,
        message: Any,
        account_number: str,
        *,
        reason: str = "",
        original_id: str = "",
        idempotency_key: str | None = None,
    ) -> Row:
        """Saves the row of a message that the bank makes or gets for the first time; it is due until it is decided."""
        self.answered_since_start.add(row_id)
        row = Row(
            id=row_id,
            direction=direction,
            status=status,
            reason=reason,
            amount_centavos=message.amount_centavos,
            account_number=account_number,
            original_id=original_id,
            message=message,
            idempotency_key=idempotency_key,
            made_at_ms=now_ms(),
            decided_at_ms=None,
            resend_at_ms=now_ms() + self.settings.retransmission.delay_ms(row_id, 0),
            resend_count=0,
        )
        self.ledger.save(row)
        return row

    def retransmit(self) -> None:
        """Publishes once more what is due; the next time is durable before."""
        with self.transaction():
            for row in self.ledger.rows_due(ROWS_PER_SWEEP_MAX):
                count = row.resend_count + 1
                at_ms = now_ms() + self.settings.retransmission.delay_ms(row.id, count)
                self.ledger.save(replace(row, resend_count=count, resend_at_ms=at_ms))
                # MEMORY_OUTBOX: what was sent before the last start is in no list any more.
                if self.has(Defect.MEMORY_OUTBOX) and row.id not in self.answered_since_start:
                    continue
                self.owe(*self.owed_for(row))
