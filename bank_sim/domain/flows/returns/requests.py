"""The payee's side: an order to give money of a payment back, and the row that it becomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bank_sim.domain.errors import BankError
from bank_sim.domain.flows.flow import BANK
from bank_sim.domain.flows.returns.model import COUNTED, Return, Trigger, next_status
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from pix.scheme.errors import SchemeError
from pix.scheme.flows import Step
from pix.scheme.messages import Side
from pix.scheme.money import check_amount
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import RETURN_REASONS
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.texts import check_description, check_line

RETURNS_OF_TRANSFER_MAX: Final = 100
"""A payment is returned in this many parts at most, those that failed included."""


class ReturnNotFound(BankError):
    """The bank has no such side of a return."""

    def __init__(self) -> None:
        super().__init__("return_id", "This bank has no return with this ID.")


class NotReturnable(BankError):
    """Only money that has arrived can go back."""

    def __init__(self) -> None:
        super().__init__("original_end_to_end_id", "Only a payment that has arrived in the account can be returned.")


class AmountOverRest(BankError):
    """All returns of a payment together are at most the payment (AM09)."""

    def __init__(self) -> None:
        super().__init__("amount_centavos", "The amount is more than what is left to return.")


class TooManyReturns(BankError):
    """A payment has been returned in as many parts as one may."""

    def __init__(self) -> None:
        super().__init__(
            "original_end_to_end_id", f"A payment can be returned in at most {RETURNS_OF_TRANSFER_MAX} parts."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOrder:
    """An order to give money back. MD06 is the customer's; with BE08 and FR01 the bank orders it."""

    account_number: str
    original_end_to_end_id: str
    amount_centavos: int
    reason: ReasonCode
    description: str
    idempotency_key: str
    traceparent: str = ""

    @property
    def is_of_bank(self) -> bool:
        """Whether the bank orders it: then a blocked account is debited too."""
        return self.reason is not ReasonCode.MD06


def check_order(order: ReturnOrder) -> ReturnOrder:
    """Return the order with its texts in stored form.

    Raises SchemeError(field="amount_centavos" | "reason" | "description" | "idempotency_key").
    """
    check_amount(order.amount_centavos)
    if order.reason not in RETURN_REASONS:
        raise SchemeError("reason", f"A return has one of these reasons: {', '.join(sorted(RETURN_REASONS))}.")
    return ReturnOrder(
        account_number=order.account_number,
        original_end_to_end_id=order.original_end_to_end_id,
        amount_centavos=order.amount_centavos,
        reason=order.reason,
        description=check_description(order.description),
        idempotency_key=check_line(order.idempotency_key, "idempotency_key", 1, IDEMPOTENCY_KEY_LENGTH_MAX),
        traceparent=order.traceparent,
    )


def is_same_order(row: Return, order: ReturnOrder) -> bool:
    """Whether a checked order has the content of the return that its idempotency key has made before."""
    return (
        row.account_number == order.account_number
        and row.original_end_to_end_id == order.original_end_to_end_id
        and row.amount_centavos == order.amount_centavos
        and row.return_reason is order.reason
        and row.description == order.description
    )


def left_to_return(original: Transfer, returns: Iterable[Return]) -> int:
    """What is left of an incoming transfer: without what was returned, and what is on its way back."""
    counted = sum(row.amount_centavos for row in returns if row.status in COUNTED)
    return original.amount_centavos - counted


def request(
    order: ReturnOrder,
    original: Transfer,
    returns: Iterable[Return],
    return_id: str,
    now_ms: int,
    real_now_ms: int,
    policy: RetransmissionPolicy,
) -> Return:
    """The row that a checked order becomes; `returns` are the outgoing ones of the original, which is locked.

    `postings` has the debit. Raises NotReturnable, AmountOverRest.
    """
    if original.direction is not Direction.INCOMING or original.status is not TransferStatus.CONFIRMED:
        raise NotReturnable
    assert original.payee is not None, "an incoming transfer names its payee"
    if order.amount_centavos > left_to_return(original, returns):
        raise AmountOverRest
    status = next_status(Direction.OUTGOING, None, Trigger.REQUEST)
    return Return(
        return_id=return_id,
        direction=Direction.OUTGOING,
        status=status,
        original_end_to_end_id=original.end_to_end_id,
        amount_centavos=order.amount_centavos,
        account_number=original.account_number,
        return_reason=order.reason,
        payer=original.payer,
        payee=original.payee,
        description=order.description,
        requested_at_ms=now_ms,
        resend_at_ms=real_now_ms + policy.delay_ms(return_id, 0),
        idempotency_key=order.idempotency_key,
        traceparent=order.traceparent,
        history=(Step(now_ms, BANK, Trigger.REQUEST, Side.PAYEE, status),),
    )
