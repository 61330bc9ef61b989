"""Deviations in what the bank makes of offers and of the hub's decisions."""
# ruff: noqa: ARG002 - a deviation often ignores what it is given

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lab.broken_banks.bank import Bank
from lab.broken_banks.ledger import CLEARING, SETTLEMENT, Account, Row, customer, now_ms
from lab.broken_banks.mutants.mutant import Mutant
from lab.broken_banks.refusals import Unfit
from pix.scheme.ids import parse_end_to_end_id
from pix.scheme.initiation import Initiation
from pix.scheme.messages import BankMessage, TransferOffered
from pix.scheme.messages import Side as Sides
from pix.scheme.postings import Direction
from pix.scheme.retransmission import RetransmissionPolicy

AMOUNT_CENTAVOS_MAX: Final = 10_000_000_00
DESCRIPTION_LENGTH_MAX: Final = 100


class DebitsAtSettlement(Bank):
    def book(self, row: Row) -> None:
        match row.direction, row.status:
            case Direction.OUTGOING, "pending" | "failed":
                pass
            case Direction.OUTGOING, "confirmed":
                self.post(row, "payment", customer(row.account_number), SETTLEMENT)
            case _:
                super().book(row)


class DebitsAgain(Bank):
    def book(self, row: Row) -> None:
        super().book(row)
        if row.direction is Direction.OUTGOING and row.status == "confirmed":
            self.post(row, "fee", customer(row.account_number), CLEARING)


class DebitsDuplicates(Bank):
    def on_duplicate(self, row: Row) -> None:
        super().on_duplicate(row)
        if row.direction is Direction.OUTGOING:
            self.post(row, f"again-{time.monotonic_ns()}", customer(row.account_number), CLEARING)


class DebitsRetransmissions(Bank):
    def retransmit(self) -> None:
        with self.reading() as ledger:
            due = [row for row in ledger.rows_due(100) if row.status == "pending"]
        super().retransmit()
        with self.transaction():
            for row in due:
                self.post(row, f"again-{time.monotonic_ns()}", customer(row.account_number), CLEARING)


class AcknowledgesMore(Bank):
    def processed(self, row: Row) -> BankMessage:
        return replace(super().processed(row), amount_centavos=row.amount_centavos + 1)


class ForgetsReasons(Bank):
    def processed(self, row: Row) -> BankMessage:
        return super().processed(replace(row, reason=""))


class HidesReasons(Bank):
    def decided(self, row: Row, status: str, reason: str) -> None:
        super().decided(row, status, "ED05" if reason else "")


class AcknowledgesOnce(Bank):
    def on_duplicate(self, row: Row) -> None:
        """Has said so already."""


class ChangesRequests(Bank):
    def owed_for(self, row: Row) -> tuple[BankMessage, ...]:
        if row.status == "pending" and not row.original_id:
            return (replace(row.message, requested_at_ms=now_ms()),)
        return super().owed_for(row)


class RepeatsAfterDecision(Bank):
    def decided(self, row: Row, status: str, reason: str) -> None:
        super().decided(row, status, reason)
        self.ledger.save(replace(row, status=status, reason=reason, resend_at_ms=now_ms()))

    def owed_for(self, row: Row) -> tuple[BankMessage, ...]:
        owed = super().owed_for(row)
        if row.original_id or not self.is_over(row):
            return owed
        return (row.message if row.direction is Direction.OUTGOING else self.acceptance(row), *owed)


class NeverBacksOff(Bank):
    def __init__(self, settings: Any, *more: Any) -> None:
        super().__init__(replace(settings, retransmission=RetransmissionPolicy(1_000, 1_000)), *more)


class RejectsAll(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        return "ED05"


class OneRefusal(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        return "RR04" if super().refusal(offer) else ""


class AcceptsMore(Bank):
    def acceptance(self, row: Row) -> BankMessage:
        return replace(super().acceptance(row), amount_centavos=row.amount_centavos + 1)


class NeverCredits(Bank):
    def credit(self, row: Row) -> None:
        """Books nothing."""


class FearsLargeAmounts(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        return "AM09" if offer.amount_centavos > AMOUNT_CENTAVOS_MAX else super().refusal(offer)


class FearsLongTexts(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        return "ED05" if len(offer.description) > DESCRIPTION_LENGTH_MAX else super().refusal(offer)


class TakesKeysOnly(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        return super().refusal(offer) if offer.initiation is Initiation.DICT else "AG12"

    def rejection(self, row: Row) -> BankMessage:
        return super().rejection(replace(row, reason="SL02") if row.reason == "AG12" else row)


class FearsOldIds(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        age = datetime.now(UTC) - parse_end_to_end_id(offer.end_to_end_id).minute
        return "ED05" if age > timedelta(days=1) else super().refusal(offer)


class CreditsRepeatedOffers(Bank):
    def on_offer(self, offer: TransferOffered) -> None:
        row = self.ledger.row(offer.end_to_end_id, Direction.INCOMING)
        super().on_offer(offer)
        if row is not None:
            kind = f"credit-{time.monotonic_ns()}"
            self.post(row, kind, SETTLEMENT, customer(row.account_number))


class AnswersOffersOnce(Bank):
    def on_offer(self, offer: TransferOffered) -> None:
        if self.ledger.row(offer.end_to_end_id, Direction.INCOMING) is None:
            super().on_offer(offer)

    def retransmit(self) -> None:
        """Sends nothing again."""


class ReplacesOffers(Bank):
    def on_offer(self, offer: TransferOffered) -> None:
        row = self.ledger.row(offer.end_to_end_id, Direction.INCOMING)
        if row is None or self.is_over(row):
            super().on_offer(offer)
        else:
            self.owe(*self.owed_for(self.answer(offer)))


class ComparesAmountsOnly(Bank):
    def differs(self, row: Row, message: Any) -> bool:
        return bool(message.amount_centavos != row.amount_centavos)


class WantsOffers(Bank):
    def unoffered(self, message: Any) -> Row:
        raise Unfit("was never offered")


class ReopensFailed(Bank):
    def on_offer(self, offer: TransferOffered) -> None:
        row = self.ledger.row(offer.end_to_end_id, Direction.INCOMING)
        if row is not None and row.status == "failed":
            self.owe(*self.owed_for(self.answer(offer)))
        else:
            super().on_offer(offer)


class MakesUpPayments(Bank):
    def unoffered(self, message: Any) -> Row:
        if message.side is not Sides.PAYER:
            return super().unoffered(message)
        number = message.payer.account_number
        return self.new_row(message.end_to_end_id, Direction.OUTGOING, "pending", message, number)


class InOrderOnly(Bank):
    def on_outcome(self, message: Any) -> None:
        direction = Direction.OUTGOING if message.side is Sides.PAYER else Direction.INCOMING
        row = self.ledger.row(message.end_to_end_id, direction)
        if row is not None and not self.is_over(row):
            for other in self.ledger.rows(returns=False, undecided=True):
                if (other.direction, other.account_number) == (direction, row.account_number):
                    if other.id != row.id:
                        return
                    break
        super().on_outcome(message)


class KnowsOneSideOnly(Bank):
    def on_offer(self, offer: TransferOffered) -> None:
        if self.ledger.row(offer.end_to_end_id, Direction.OUTGOING) is None:
            super().on_offer(offer)

    def unoffered(self, message: Any) -> Row:
        if self.ledger.row(message.end_to_end_id, Direction.OUTGOING) is not None:
            raise Unfit("this bank knows the other side of it")
        return super().unoffered(message)


class ForgetsRejections(Bank):
    def on_outcome(self, message: Any) -> None:
        row = self.ledger.row(message.end_to_end_id, Direction.INCOMING)
        if row is None or row.status != "rejected":
            super().on_outcome(message)


class BooksForOpenOnly(Bank):
    def book(self, row: Row) -> None:
        account = self.ledger.account(row.account_number)
        if account is not None and account.status != "open":
            raise Unfit("the account is blocked")
        super().book(row)


class ClosesAnything(Bank):
    def set_account_status(self, number: str, status: str) -> Account:
        with self.transaction():
            self.ledger.set_status(number, status)
        return self.account(number)


_BANKS: Final = (
    DebitsAtSettlement,
    DebitsAgain,
    DebitsDuplicates,
    DebitsRetransmissions,
    AcknowledgesMore,
    ForgetsReasons,
    HidesReasons,
    AcknowledgesOnce,
    ChangesRequests,
    RepeatsAfterDecision,
    NeverBacksOff,
    RejectsAll,
    OneRefusal,
    AcceptsMore,
    NeverCredits,
    FearsLargeAmounts,
    FearsLongTexts,
    TakesKeysOnly,
    FearsOldIds,
    CreditsRepeatedOffers,
    AnswersOffersOnce,
    ReplacesOffers,
    ComparesAmountsOnly,
    WantsOffers,
    ReopensFailed,
    MakesUpPayments,
    InOrderOnly,
    KnowsOneSideOnly,
    ForgetsRejections,
    BooksForOpenOnly,
    ClosesAnything,
)
DECISIONS: Final[Mapping[str, Mutant]] = {kind.__name__: Mutant(bank=kind) for kind in _BANKS}
