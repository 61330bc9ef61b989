"""Transfers: a customer's order, the hub's offer, and the hub's decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from lab.broken_banks.core import Core
from lab.broken_banks.defects import Defect
from lab.broken_banks.ledger import BRANCH, Account, Row, now_ms
from lab.broken_banks.refusals import Refused, Unfit
from pix.scheme.checks import check_offer, check_outcome
from pix.scheme.errors import SchemeError
from pix.scheme.ids import is_account_number, is_end_to_end_id, make_end_to_end_id, random_suffix
from pix.scheme.initiation import Initiation, is_same_initiation
from pix.scheme.keys import PixKey, parse_stored_key
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
    account_of,
)
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, check_amount
from pix.scheme.people import mask_tax_id
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.texts import check_description, check_line

IDEMPOTENCY_KEY_LENGTH_MAX: Final = 100
SALARY: Final = "SLRY"

Outcomes = TransferConfirmed | TransferFailed


class Transfers(Core):
    # The payer's side.

    def pay(self, number: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> Row:
        """Debits the customer; the same idempotency key again gives the same transfer. Raises Refused, SchemeError."""
        payee_key = parse_stored_key(key)
        order = (check_amount(amount_centavos), payee_key, check_description(description))
        idempotency_key = self.check_idempotency_key(idempotency_key)
        with self.reading():
            if earlier := self.transfer_of_order(number, idempotency_key, order):
                return earlier
        payee = self.hub.find_key(payee_key)
        with self.transaction():
            # Once more: a copy of the order may have come while the hub was asked.
            if earlier := self.transfer_of_order(number, idempotency_key, order):
                return earlier
            account = self.payer_of(number, amount_centavos)
            if self.is_own_key(payee_key, number):
                raise Refused("FAILED_PRECONDITION", "Payer is payee", "The key belongs to the account that pays.")
            request = TransferRequested(
                end_to_end_id=self.new_end_to_end_id(),
                amount_centavos=amount_centavos,
                payer=self.party_of(account),
                payee_key=payee_key,
                payee_tax_id_masked=payee.tax_id_masked,
                description=order[2],
                requested_at_ms=now_ms(),
            )
            row = self.new_row(
                request.end_to_end_id, Direction.OUTGOING, "pending", request, number, idempotency_key=idempotency_key
            )
            self.book(row)
            self.owe(*self.owed_for(row))
            return row

    def check_idempotency_key(self, text: str) -> str:
        """Raises SchemeError."""
        return check_line(text, "idempotency_key", 1, IDEMPOTENCY_KEY_LENGTH_MAX)

    def new_end_to_end_id(self) -> str:
        return make_end_to_end_id(self.settings.ispb, datetime.now(UTC), random_suffix())

    def party_of(self, account: Account) -> Party:
        """A customer as the other bank sees him: the tax id is masked."""
        return account.as_party(self.settings.ispb)

    def is_own_key(self, key: PixKey, number: str) -> bool:
        return self.ledger.owner_of_key(key.key) == number

    def transfer_of_order(self, number: str, idempotency_key: str, order: tuple[object, ...]) -> Row | None:
        """The transfer that this idempotency key has made before. Raises Refused when it was of another order."""
        if self.has(Defect.PAYS_TWICE):
            # PAYS_TWICE: a customer who presses the button again, because no answer came, pays again.
            return None
        row = self.ledger.row_of_order(number, idempotency_key)
        if row is not None and order != (row.amount_centavos, row.message.payee_key, row.message.description):
            raise Refused("ALREADY_EXISTS", "Idempotency key used before", "It was used for another order.")
        return row

    def payer_of(self, number: str, amount_centavos: int) -> Account:
        """Raises Refused for an account that cannot be debited by so much."""
        account = self.ledger.account(number)
        if account is None:
            raise Refused("NOT_FOUND", "Account not found", "This bank has no account with this number.")
        self.check_may_pay(account)
        # NO_FUNDS_CHECK: "the app shows the balance, so no customer pays more".
        if account.balance_centavos < amount_centavos and not self.has(Defect.NO_FUNDS_CHECK):
            raise Refused("FAILED_PRECONDITION", "Insufficient balance", "The balance is less than the amount.")
        return account

    def check_may_pay(self, account: Account) -> None:
        if account.status != "open":
            raise Refused("FAILED_PRECONDITION", "Account not open", f"The account is {account.status}.")

    # The payee's side.

    def on_offer(self, offer: TransferOffered) -> None:
        row = self.ledger.row(offer.end_to_end_id, Direction.INCOMING)
        if row is None:
            try:
                self.check_offer(offer)
            except SchemeError as error:
                raise Unfit(f"TransferOffered: {error}", self.rejection_without_row(offer)) from None
            row = self.answer(offer)
        elif self.differs(row, offer):
            return
        elif self.has(Defect.CHANGES_ITS_MIND) and not self.is_over(row) and row.id not in self.answered_since_start:
            # CHANGES_ITS_MIND: the hub may have decided by the first answer already.
            row = self.answer(offer)
        self.owe(*self.owed_for(row))

    def check_offer(self, offer: TransferOffered) -> None:
        """Raises SchemeError for a field that breaks its bound."""
        check_offer(offer)

    def answer(self, offer: TransferOffered) -> Row:
        """Judges an offer once; the answer is durable before it is sent, and a repeated offer gets the same."""
        reason = self.refusal(offer)
        status = "rejected" if reason else "accepted"
        number = offer.payee.account_number
        row = self.new_row(offer.end_to_end_id, Direction.INCOMING, status, offer, number, reason=reason)
        if self.has(Defect.CREDITS_OFFERS) and not reason:
            # CREDITS_OFFERS: an offer is not yet money, and the hub may still fail the transfer.
            self.credit(row)
        return row

    def refusal(self, offer: TransferOffered) -> str:
        """The reason code of the first rule that the offer breaks; empty when it keeps them all."""
        number = offer.payee.account_number
        is_here = offer.payee.ispb == self.settings.ispb and offer.payee.branch == BRANCH
        account = self.ledger.account(number) if is_here and is_account_number(number) else None
        for code, is_kept in self.offer_rules:
            if not is_kept(offer, account):
                return code
        return ""

    offer_rules: tuple[tuple[str, Callable[[TransferOffered, Account | None], bool]], ...] = (
        ("AM09", lambda offer, _: 0 < offer.amount_centavos <= AMOUNT_CENTAVOS_MAX),
        ("AC03", lambda _, account: account is not None),
        ("BE01", lambda offer, account: account is None or _is_holder(offer, account)),
        ("AC06", lambda _, account: account is None or account.status != "blocked"),
        ("AC07", lambda _, account: account is None or account.status != "closed"),
        ("AC14", lambda _, account: account is None or account.type != SALARY),
        # This bank writes no dynamic codes, so that it knows none of their charges.
        ("BE17", lambda offer, _: offer.initiation is not Initiation.QRDN),
    )
    """In the order in which they are checked."""

    def rejection_without_row(self, offer: TransferOffered) -> tuple[TransferRejected, ...]:
        """An offer that cannot be stored is rejected all the same, so that it does not stay open."""
        if not is_end_to_end_id(offer.end_to_end_id):
            return ()
        return (TransferRejected(offer.end_to_end_id, offer.amount_centavos, ReasonCode.ED05),)

    # Both sides.

    def on_outcome(self, message: Outcomes) -> None:
        """The hub's decision is final; it may come twice, before the offer, or long after."""
        status = "confirmed" if isinstance(message, TransferConfirmed) else "failed"
        reason = "" if isinstance(message, TransferConfirmed) else message.reason.value
        direction = Direction.OUTGOING if message.side is Side.PAYER else Direction.INCOMING
        row = self.ledger.row(message.end_to_end_id, direction)
        if row is None:
            row = self.unoffered(message)
        elif self.differs(row, message):
            return
        elif row.status == status:
            self.on_duplicate(row)
            return
        elif self.is_over(row):
            return
        if self.has(Defect.TAKES_ANY_AMOUNT):
            # TAKES_ANY_AMOUNT: the message is signed, so it must be right.
            row = replace(row, amount_centavos=message.amount_centavos)
        if (
            direction is Direction.INCOMING
            and status == "confirmed"
            and self.ledger.account(row.account_number) is None
        ):
            raise Unfit("TransferConfirmed: the customer's account does not exist")
        self.decided(row, status, reason)

    def is_over(self, row: Row) -> bool:
        """Whether the hub has decided: a later decision changes nothing."""
        return row.status in ("confirmed", "failed")

    def on_duplicate(self, row: Row) -> None:
        """A copy of an outcome books nothing, and is acknowledged again: the first acknowledgement may be lost."""
        if self.has(Defect.CREDITS_TWICE) and (row.direction, row.status) == (Direction.INCOMING, "confirmed"):
            # CREDITS_TWICE: Kafka delivers at least once, and the hub retransmits.
            self.credit(row)
        if self.has(Defect.REFUNDS_TWICE) and (row.direction, row.status) == (Direction.OUTGOING, "failed"):
            # REFUNDS_TWICE: the same, for the payer.
            self.book(row)
        self.owe(*self.owed_for(row))

    def unoffered(self, message: Outcomes) -> Row:
        """The row of a transfer whose outcome comes before any offer. Raises Unfit when there can be none."""
        name = type(message).__name__
        if message.side is Side.PAYER:
            raise Unfit(f"{name}: this bank never made this transfer")
        if message.payee is None or message.payee.ispb != self.settings.ispb:
            raise Unfit(f"{name}: the payee is no customer of this bank")
        if not 0 < message.amount_centavos <= AMOUNT_CENTAVOS_MAX:
            raise Unfit(f"{name}: the amount cannot be transferred")
        try:
            check_outcome(message)
        except SchemeError as error:
            raise Unfit(f"{name}: {error}", self.processed_without_row(message)) from None
        number = message.payee.account_number
        return self.new_row(message.end_to_end_id, Direction.INCOMING, "accepted", message, number)

    def processed_without_row(self, message: Outcomes) -> tuple[OutcomeProcessed, ...]:
        """A failure that cannot be stored has moved nothing, so it is done with. A confirmation is for people."""
        if isinstance(message, TransferConfirmed) or not is_end_to_end_id(message.end_to_end_id):
            return ()
        processed = OutcomeProcessed(
            message.end_to_end_id, message.side, Outcome.FAILED, message.amount_centavos, message.reason
        )
        return (processed,)

    def differs(self, row: Row, message: TransferOffered | Outcomes) -> bool:
        """Whether a message has another content than the transfer that the bank knows: then it changes nothing."""
        first = row.message
        if message.amount_centavos != row.amount_centavos and not self.has(Defect.TAKES_ANY_AMOUNT):
            return True
        if (message.payee_key, message.description) != (first.payee_key, first.description):
            return True
        if not is_same_initiation(first.initiation, first.txid, message.initiation, message.txid):
            return True
        if account_of(message.payer) != account_of(first.payer):
            return True
        if first.payee is None or message.payee is None:
            return False
        return account_of(message.payee) != account_of(first.payee)


def _is_holder(offer: TransferOffered, account: Account) -> bool:
    if offer.initiation is not Initiation.MANU:
        return True
    return offer.payee.tax_id_masked == mask_tax_id(account.owner_document)
