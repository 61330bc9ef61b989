"""Deviations in what the bank does with records, in returns, and in what it shows of its books."""

# ruff: noqa: ARG002 - a deviation often ignores what it is given

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from codepix.v1 import transfers_pb2
from lab.broken_banks.bank import Bank
from lab.broken_banks.broker import Publisher
from lab.broken_banks.contract import Contract
from lab.broken_banks.ledger import SETTLEMENT, Row, customer
from lab.broken_banks.mutants.mutant import Mutant
from lab.broken_banks.refusals import Unfit
from lab.broken_banks.web import Answer, Request
from pix.scheme.ids import is_end_to_end_id
from pix.scheme.messages import (
    BankMessage,
    Message,
    Outcome,
    OutcomeProcessed,
    TransferAccepted,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.messages.returns import ReturnOffered, ReturnProcessed
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import decode_message
from pix.wire.protobuf_v1.messages import DECODERS, ENCODERS
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import HEADER_SIGNATURE, HEADER_TYPE, HEADERS_OF_PROTOCOL, Record
from pix.wire.topics import HUB_TOPIC

# Reading


class AcceptsUnsigned(Bank):
    def verify(self, record: Record, message_type: str) -> None:
        if record.headers.get(HEADER_SIGNATURE):
            super().verify(record, message_type)


class ComparesPrefix(Bank):
    def verify(self, record: Record, message_type: str) -> None:
        signature = record.headers.get(HEADER_SIGNATURE, b"")
        whole = sign(signing_key(self.settings.secret), record.topic, message_type, record.value)
        if not signature or not whole.startswith(signature):
            raise Unfit("signature")


class AnySender(Bank):
    def verify(self, record: Record, message_type: str) -> None:
        super().verify(replace(record, headers={**record.headers, "codepix-sender": b"hub"}), message_type)


class VerifiesConfirmationsOnly(Bank):
    def verify(self, record: Record, message_type: str) -> None:
        if message_type == "TransferConfirmed":
            super().verify(record, message_type)


class IgnoresLimits(Bank):
    def read(self, record: Record) -> Message:
        message_type = record.headers[HEADER_TYPE].decode()
        self.verify(record, message_type)
        _, wire_class, decode = DECODERS[message_type]
        return decode(wire_class.FromString(record.value))


class ReadsKnownFieldsOnly(Bank):
    def read(self, record: Record) -> Message:
        message = super().read(record)
        if ENCODERS[type(message)](message).SerializeToString(deterministic=True) != record.value:
            raise Unfit("value: has more than this bank knows")
        return message


class ReadsKnownHeadersOnly(Bank):
    def read(self, record: Record) -> Message:
        if set(record.headers) - (HEADERS_OF_PROTOCOL - {"codepix-clock", "traceparent"}):
            raise Unfit("headers: more than this bank knows")
        return super().read(record)


class TellsDictFromNothing(Bank):
    def read(self, record: Record) -> Message:
        # Field 9 of TransferConfirmed: the initiation.
        if record.headers.get(HEADER_TYPE) == b"TransferConfirmed" and b"\x48\x02" in record.value[-4:]:
            raise Unfit("initiation: another than that of the offer")
        return super().read(record)


class TakesItsOwnRecords(Bank):
    allowed = Bank.allowed | {TransferRequested}

    def verify(self, record: Record, message_type: str) -> None:
        is_request = message_type == "TransferRequested"
        super().verify(replace(record, topic=HUB_TOPIC) if is_request else record, message_type)

    def apply(self, message: Message) -> None:
        row = self.ledger.row(message.record_key, Direction.OUTGOING)
        if isinstance(message, TransferRequested) and row is not None:
            self.decided(row, "failed", "AB03")
        else:
            super().apply(message)


class AnswersGarbage(Bank):
    def _reject(self, record: Record, reason: str, owed_count: int) -> None:
        super()._reject(record, reason, owed_count)
        key = record.key.decode("utf-8", "replace")
        if is_end_to_end_id(key):
            self.owe(TransferRejected(key, 1, ReasonCode.ED05))


class StuckAtGarbage(Bank):
    def _reject(self, record: Record, reason: str, owed_count: int) -> None:
        super()._reject(record, reason, owed_count)
        threading.Event().wait()


class SlowAtGarbage(Bank):
    def _reject(self, record: Record, reason: str, owed_count: int) -> None:
        super()._reject(record, reason, owed_count)
        time.sleep(0.1)


class RepairsTexts(Bank):
    def read(self, record: Record) -> Message:
        try:
            return super().read(record)
        except Unfit:
            value = record.value.replace(b"\xe7", b"c")
            return decode_message(record.headers[HEADER_TYPE].decode(), value, frozenset({TransferOffered}))


class DropsWhatItCannotRead(Bank):
    def read(self, record: Record) -> Message:
        try:
            return super().read(record)
        except Unfit:
            return decode_message(record.headers[HEADER_TYPE].decode(), record.value[:-2], frozenset({TransferOffered}))


class GuessesTheSide(Bank):
    def read(self, record: Record) -> Message:
        if record.headers.get(HEADER_TYPE) != b"TransferConfirmed":
            return super().read(record)
        value = transfers_pb2.TransferConfirmed.FromString(record.value)
        value.side = value.side if value.side in (1, 2) else 1  # type: ignore[assignment]
        return decode_message("TransferConfirmed", value.SerializeToString(), self.allowed)


class GuessesTheReason(Bank):
    def read(self, record: Record) -> Message:
        if record.headers.get(HEADER_TYPE) != b"TransferFailed":
            return super().read(record)
        value = transfers_pb2.TransferFailed.FromString(record.value)
        value.reason_code = value.reason_code if value.reason_code in set(ReasonCode) else "ED05"
        return decode_message("TransferFailed", value.SerializeToString(), self.allowed)


class ObeysBanks(Bank):
    allowed = Bank.allowed | {OutcomeProcessed, TransferAccepted}

    def apply(self, message: Message) -> None:
        if isinstance(message, OutcomeProcessed):
            row = self.ledger.row(message.end_to_end_id, Direction.OUTGOING)
            if row is not None and message.reason is not None:
                self.decided(row, "failed", message.reason.value)
            return
        super().apply(message)


class TakesAnyRecordKey(Bank):
    def check_record_key(self, record: Record, message: Message) -> None:
        """Checks nothing."""


class OnePerBatch(Bank):
    def receive(self, records: Sequence[Record]) -> None:
        super().receive(list({record.key: record for record in reversed(records)}.values()))


# Offers and outcomes


class ChecksNoFields(Bank):
    def check_offer(self, offer: TransferOffered) -> None:
        """Checks nothing."""

    def check_return_offer(self, offer: ReturnOffered) -> None:
        """Checks nothing."""


class TakesAnyAmountInRange(Bank):
    offer_rules = Bank.offer_rules[1:]


class TakesPayeesOfOthers(Bank):
    def refusal(self, offer: TransferOffered) -> str:
        return super().refusal(replace(offer, payee=replace(offer.payee, ispb=self.settings.ispb)))


class AcknowledgesAnything(Bank):
    def _reject(self, record: Record, reason: str, owed_count: int) -> None:
        super()._reject(record, reason, owed_count)
        message: Any = decode_message(record.headers[HEADER_TYPE].decode(), record.value, self.allowed)
        if "Return" in type(message).__name__:
            self.owe(
                ReturnProcessed(
                    message.return_id, message.original_end_to_end_id, message.side, Outcome.CONFIRMED, 1, None
                )
            )
        else:
            self.owe(OutcomeProcessed(message.end_to_end_id, message.side, Outcome.CONFIRMED, 1, None))


class LastWordWins(Bank):
    def is_over(self, row: Row) -> bool:
        return False


class OpensBlockedAccounts(Bank):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        with self.transaction():
            for account in self.ledger.accounts():
                self.ledger.set_status(account.number, "open")


class SendsOnce(Bank):
    def retransmit(self) -> None:
        """Sends nothing again."""


class OutlivesSigterm(Bank):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        threading.Thread(target=threading.Event().wait).start()


# Returns


class ReturnsWithoutDebit(Bank):
    def book(self, row: Row) -> None:
        if not (row.original_id and row.status == "pending"):
            super().book(row)


class OneReasonForReturns(Bank):
    def give_back(self, original_id: str, amount_centavos: int, reason: str, idempotency_key: str) -> Row:
        return super().give_back(original_id, amount_centavos, "MD06" if reason else reason, idempotency_key)


class CountsNoReturns(Bank):
    counted: tuple[str, ...] = ()


class CountsConfirmedReturnsOnly(Bank):
    counted = ("confirmed",)


class CountsFailedReturns(Bank):
    counted = ("pending", "confirmed", "failed")


class ReturnsUnknownPayments(Bank):
    def original_of(self, original_id: str) -> Row:
        return self.ledger.row(original_id, Direction.INCOMING)  # type: ignore[return-value]


class ReturnsOwnPayments(Bank):
    def original_of(self, original_id: str) -> Row:
        return self.ledger.rows_of(original_id)[0]


class ReturnsAnything(Bank):
    def check_can_go_back(self, original: Row, amount_centavos: int, reason: str) -> None:
        """Checks nothing."""

    def check_return_order(self, amount_centavos: int, reason: str) -> None:
        """Checks nothing."""


class ForgetsReturnOrders(Bank):
    def return_of_order(self, number: str, idempotency_key: str, order: tuple[object, ...]) -> Row | None:
        return None


class CreditsReturnOffers(Bank):
    def answer_return(self, offer: ReturnOffered) -> Row:
        row = super().answer_return(offer)
        self.credit(row)
        return row


class CreditsFailedReturns(Bank):
    def decided(self, row: Row, status: str, reason: str) -> None:
        super().decided(row, status, reason)
        if row.original_id and row.direction is Direction.INCOMING and status == "failed":
            self.credit(row)


class TakesAnyReturn(Bank):
    def refusal_of_return(self, offer: ReturnOffered, original: Row | None) -> str:
        return ""


class AnswersReturnsAnew(Bank):
    def on_return_offer(self, offer: ReturnOffered) -> None:
        row = self.answer_return(offer)
        self.owe(*self.owed_for(row))


class WantsAnOfferFirst(Bank):
    def unoffered_return(self, message: Any) -> Row:
        raise Unfit("was never offered")


class BelievesReturns(Bank):
    def is_of_original(self, message: Any, original: Row | None) -> bool:
        return True


# Books


class WithoutClearing(Bank):
    def book(self, row: Row) -> None:
        match row.direction, row.status:
            case Direction.OUTGOING, "pending":
                self.post(row, "payment", customer(row.account_number), SETTLEMENT)
            case Direction.OUTGOING, "confirmed":
                pass
            case Direction.OUTGOING, "failed":
                self.post(row, "refund", SETTLEMENT, customer(row.account_number))
            case _:
                super().book(row)


class HidesClearing(Contract):
    def show_books(self, request: Request) -> Answer:
        books = super().show_books(request).document
        return Answer({**books, "clearing_centavos": 0})


class MiscountsCustomers(Contract):
    def show_books(self, request: Request) -> Answer:
        books = super().show_books(request).document
        return Answer({**books, "customers_centavos": books["customers_centavos"] + 1})


class HidesCash(Contract):
    def show_books(self, request: Request) -> Answer:
        with self.bank.reading() as ledger:
            capital = ledger.balances()["capital"]
        return Answer({**super().show_books(request).document, "equity_centavos": capital})


class ShowsFundingsOnly(Contract):
    def show_books(self, request: Request) -> Answer:
        with self.bank.reading() as ledger:
            capital = ledger.balances()["capital"]
        return Answer({**super().show_books(request).document, "settlement_centavos": -capital})


class NewestFirst(Contract):
    def list_postings(self, request: Request) -> Answer:
        postings = super().list_postings(request).document["postings"]
        return Answer({"postings": postings[::-1]})


# Orders and records of the bank


class KnownOrderFieldsOnly(Contract):
    def pay(self, request: Request) -> Answer:
        known = {"account", "key", "amount_centavos", "description", "idempotency_key"}
        if set(request.body) - known:
            raise Unfit("an unknown field")
        return super().pay(request)


class ConvertsAmounts(Contract):
    def pay(self, request: Request) -> Answer:
        body = {**request.body, "amount_centavos": int(float(str(request.body.get("amount_centavos", "0"))))}
        return super().pay(replace(request, body=body))


class SignsWithRawSecret(Publisher):
    def publish(self, messages: Sequence[BankMessage]) -> None:
        super().publish(messages)
        for message in messages:
            if isinstance(message, TransferAccepted):
                value = ENCODERS[type(message)](message).SerializeToString(deterministic=True)
                headers: dict[str, str | bytes | None] = {
                    HEADER_TYPE: b"TransferAccepted",
                    "codepix-sender": self._ispb.encode(),
                    HEADER_SIGNATURE: b"not the derived key",
                }
                self._producer.produce(HUB_TOPIC, value, message.record_key.encode(), headers=headers)


class KeysByAmount(Publisher):
    """Puts a second copy of each acknowledgement under another key."""

    def publish(self, messages: Sequence[BankMessage]) -> None:
        super().publish(messages)
        for message in messages:
            if isinstance(message, OutcomeProcessed):
                value = ENCODERS[type(message)](message).SerializeToString(deterministic=True)
                self._producer.produce(HUB_TOPIC, value, str(message.amount_centavos).encode())


RECORDS: Final[Mapping[str, Mutant]] = {
    **{
        kind.__name__: Mutant(bank=kind)
        for kind in (
            AcceptsUnsigned,
            ComparesPrefix,
            AnySender,
            VerifiesConfirmationsOnly,
            IgnoresLimits,
            ReadsKnownFieldsOnly,
            ReadsKnownHeadersOnly,
            TellsDictFromNothing,
            TakesItsOwnRecords,
            AnswersGarbage,
            StuckAtGarbage,
            SlowAtGarbage,
            RepairsTexts,
            DropsWhatItCannotRead,
            GuessesTheSide,
            GuessesTheReason,
            ObeysBanks,
            TakesAnyRecordKey,
            OnePerBatch,
            ChecksNoFields,
            TakesAnyAmountInRange,
            TakesPayeesOfOthers,
            AcknowledgesAnything,
            LastWordWins,
            OpensBlockedAccounts,
            SendsOnce,
            OutlivesSigterm,
            ReturnsWithoutDebit,
            OneReasonForReturns,
            CountsNoReturns,
            CountsConfirmedReturnsOnly,
            CountsFailedReturns,
            ReturnsUnknownPayments,
            ReturnsOwnPayments,
            ReturnsAnything,
            ForgetsReturnOrders,
            CreditsReturnOffers,
            CreditsFailedReturns,
            TakesAnyReturn,
            AnswersReturnsAnew,
            WantsAnOfferFirst,
            BelievesReturns,
            WithoutClearing,
        )
    },
    **{
        kind.__name__: Mutant(contract=kind)
        for kind in (
            HidesClearing,
            MiscountsCustomers,
            HidesCash,
            ShowsFundingsOnly,
            NewestFirst,
            KnownOrderFieldsOnly,
            ConvertsAmounts,
        )
    },
    **{kind.__name__: Mutant(publisher=kind) for kind in (SignsWithRawSecret, KeysByAmount)},
    "ReadsNoBrokenJson": Mutant(read_body=lambda content: json.loads(content) if content else {}),
    "ReadsLongBodies": Mutant(read_body=lambda content: json.loads(content) if content.startswith(b"{") else {}),
}
