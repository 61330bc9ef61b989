"""Returns: the bank that was paid gives money back, and the bank of the original payer takes it."""

from __future__ import annotations

from datetime import UTC, datetime

from lab.broken_banks.defects import Defect
from lab.broken_banks.ledger import Row, now_ms
from lab.broken_banks.refusals import Refused, Unfit
from lab.broken_banks.transfers import Transfers
from pix.scheme.errors import SchemeError
from pix.scheme.ids import is_return_id, make_return_id, random_suffix
from pix.scheme.messages import Outcome, Side, account_of
from pix.scheme.messages.returns import (
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnProcessed,
    ReturnRejected,
    ReturnRequested,
)
from pix.scheme.money import check_amount
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import RETURN_REASONS
from pix.scheme.return_checks import check_return_offer, check_return_outcome

Outcomes = ReturnConfirmed | ReturnFailed
FromHub = ReturnOffered | ReturnConfirmed | ReturnFailed


class Returns(Transfers):
    counted: tuple[str, ...] = ("pending", "confirmed")
    """The returns that count in the sum; one that failed frees its part."""

    # The bank that was paid.

    def give_back(self, original_id: str, amount_centavos: int, reason: str, idempotency_key: str) -> Row:
        """Debits the customer; the same idempotency key again gives the same return. Raises Refused, SchemeError."""
        self.check_return_order(amount_centavos, reason)
        idempotency_key = self.check_idempotency_key(idempotency_key)
        order = (original_id, amount_centavos, reason)
        with self.transaction():
            original = self.original_of(original_id)
            if earlier := self.return_of_order(original.account_number, idempotency_key, order):
                return earlier
            self.check_can_go_back(original, amount_centavos, reason)
            return_id = make_return_id(self.settings.ispb, datetime.now(UTC), random_suffix())
            request = ReturnRequested(return_id, original_id, amount_centavos, ReasonCode(reason), "", now_ms())
            row = self.new_row(
                return_id,
                Direction.OUTGOING,
                "pending",
                request,
                original.account_number,
                original_id=original_id,
                idempotency_key=idempotency_key,
            )
            self.book(row)
            self.owe(*self.owed_for(row))
            return row

    def check_return_order(self, amount_centavos: int, reason: str) -> None:
        """Raises SchemeError."""
        check_amount(amount_centavos)
        if reason not in RETURN_REASONS:
            raise SchemeError("reason", f"A return has one of these reasons: {', '.join(sorted(RETURN_REASONS))}.")

    def original_of(self, original_id: str) -> Row:
        """The received transfer with this id. Raises Refused; a return is not returned."""
        original = self.ledger.row(original_id, Direction.INCOMING)
        if original is None or original.original_id:
            raise Refused("NOT_FOUND", "Transfer not found", "This bank has received no such transfer.")
        return original

    def return_of_order(self, number: str, idempotency_key: str, order: tuple[object, ...]) -> Row | None:
        """The return that this idempotency key has made before. Raises Refused when it was of another order."""
        row = self.ledger.row_of_order(number, idempotency_key, returns=True)
        if row is not None and order != (row.original_id, row.amount_centavos, row.message.reason):
            raise Refused("ALREADY_EXISTS", "Idempotency key used before", "It was used for another order.")
        return row

    def check_can_go_back(self, original: Row, amount_centavos: int, reason: str) -> None:
        """Raises Refused. What was returned, and what is on its way back, counts; what failed does not."""
        if original.status != "confirmed":
            raise Refused("FAILED_PRECONDITION", "Not received", "Only a payment that has arrived can be returned.")
        account = self.ledger.account(original.account_number)
        if account is None:
            raise Refused("NOT_FOUND", "Account not found", "The account of the payment does not exist.")
        returns = self.ledger.rows_of_original(original.id, Direction.OUTGOING)
        returned = sum(row.amount_centavos for row in returns if row.status in self.counted)
        if amount_centavos > original.amount_centavos - returned:
            raise Refused("FAILED_PRECONDITION", "Amount too high", "The amount is more than is left to return.")
        # With BE08 and FR01 the bank orders the return, also of a blocked account.
        if reason == ReasonCode.MD06:
            self.check_may_pay(account)
        if account.balance_centavos < amount_centavos:
            raise Refused("FAILED_PRECONDITION", "Insufficient balance", "The balance is less than the amount.")

    # The bank of the original payer.

    def on_return_offer(self, offer: ReturnOffered) -> None:
        row = self.ledger.row(offer.return_id, Direction.INCOMING)
        if row is None:
            try:
                self.check_return_offer(offer)
            except SchemeError as error:
                raise Unfit(f"ReturnOffered: {error}", self.return_rejection_without_row(offer)) from None
            row = self.answer_return(offer)
        elif self.return_differs(row, offer):
            return
        self.owe(*self.owed_for(row))

    def check_return_offer(self, offer: ReturnOffered) -> None:
        """Raises SchemeError for a field that breaks its bound."""
        check_return_offer(offer)

    def answer_return(self, offer: ReturnOffered) -> Row:
        original = self.ledger.row(offer.original_end_to_end_id, Direction.OUTGOING)
        reason = self.refusal_of_return(offer, original)
        return self.new_row(
            offer.return_id,
            Direction.INCOMING,
            "rejected" if reason else "accepted",
            offer,
            original.account_number if original else offer.payer.account_number,
            reason=reason,
            original_id=offer.original_end_to_end_id,
        )

    def refusal_of_return(self, offer: ReturnOffered, original: Row | None) -> str:
        """The reason code of the first rule that the offer breaks; empty when it keeps them all."""
        account = None if original is None else self.ledger.account(original.account_number)
        if account is None or not self.is_of_original(offer, original):
            return "ED05"
        return {"blocked": "AC06", "closed": "AC07"}.get(account.status, "")

    def is_of_original(self, message: FromHub, original: Row | None) -> bool:
        """Whether a return names the parties of the transfer that this bank has made, and no more than its amount."""
        if (
            original is None
            or original.status == "failed"
            or not 0 < message.amount_centavos <= original.amount_centavos
        ):
            return False
        return message.payer is not None and account_of(message.payer) == account_of(original.message.payer)

    def return_rejection_without_row(self, offer: ReturnOffered) -> tuple[ReturnRejected, ...]:
        if not is_return_id(offer.return_id):
            return ()
        original_id = offer.original_end_to_end_id
        return (ReturnRejected(offer.return_id, original_id, offer.amount_centavos, ReasonCode.ED05),)

    # Both.

    def on_return_outcome(self, message: Outcomes) -> None:
        status = "confirmed" if isinstance(message, ReturnConfirmed) else "failed"
        reason = "" if isinstance(message, ReturnConfirmed) else message.reason.value
        # The money of a return goes from the original payee to the original payer.
        direction = Direction.OUTGOING if message.side is Side.PAYEE else Direction.INCOMING
        row = self.ledger.row(message.return_id, direction)
        if row is None:
            row = self.unoffered_return(message)
        elif self.return_differs(row, message):
            return
        elif row.status == status:
            self.on_duplicate(row)
            return
        elif self.is_over(row):
            return
        if direction is Direction.INCOMING and status == "confirmed":
            original = self.ledger.row(message.original_end_to_end_id, Direction.OUTGOING)
            if not self.is_of_original(message, original):
                raise Unfit("ReturnConfirmed: this bank never made the original transfer")
        self.decided(row, status, reason)

    def unoffered_return(self, message: Outcomes) -> Row:
        """The row of a return whose outcome comes before any offer. Raises Unfit when there can be none."""
        name = type(message).__name__
        if message.side is Side.PAYEE:
            raise Unfit(f"{name}: this bank never made this return")
        try:
            check_return_outcome(message)
            if message.payer is None or message.payee is None:
                raise SchemeError("payer", "An outcome names the parties.")
        except SchemeError as error:
            raise Unfit(f"{name}: {error}", self.return_processed_without_row(message)) from None
        original = self.ledger.row(message.original_end_to_end_id, Direction.OUTGOING)
        number = original.account_number if original else message.payer.account_number
        return self.new_row(
            message.return_id,
            Direction.INCOMING,
            "accepted",
            message,
            number,
            original_id=message.original_end_to_end_id,
        )

    def return_processed_without_row(self, message: Outcomes) -> tuple[ReturnProcessed, ...]:
        if isinstance(message, ReturnConfirmed) or not is_return_id(message.return_id):
            return ()
        return (
            ReturnProcessed(
                message.return_id,
                message.original_end_to_end_id,
                message.side,
                Outcome.FAILED,
                message.amount_centavos,
                message.reason,
            ),
        )

    def return_differs(self, row: Row, message: FromHub) -> bool:
        """Whether a message has another content than the return that the bank knows: then it changes nothing."""
        first = row.message
        if message.amount_centavos != row.amount_centavos and not self.has(Defect.TAKES_ANY_AMOUNT):
            return True
        reason = message.reason if isinstance(message, ReturnOffered) else message.return_reason
        known_reason = first.return_reason if isinstance(first, Outcomes) else first.reason
        told = (message.original_end_to_end_id, reason, message.description)
        if told != (row.original_id, known_reason, first.description):
            return True
        # A request of this bank names no parties.
        for party, known in (
            (message.payer, getattr(first, "payer", None)),
            (message.payee, getattr(first, "payee", None)),
        ):
            if party is not None and known is not None and account_of(party) != account_of(known):
                return True
        return False
