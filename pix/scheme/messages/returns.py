"""The return's messages: pacs.004 and its answers. The payee's bank of a transfer gives money of it back.

Sides and parties are those of the original transfer in every message: its payer receives the money that its payee's
bank returns.
"""

from __future__ import annotations

from typing import Final

from pix.scheme.messages.parts import BOTH_BANKS, MessageSpec, Outcome, Party, Role, Side
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class _OfReturn:
    __slots__ = ()

    return_id: str

    @property
    def record_key(self) -> str:
        """The key of its records."""
        return self.return_id


@value_object
class ReturnRequested(_OfReturn):
    """Step 1, payee's bank to hub. Its customer is debited and the money is in the bank's clearing account."""

    return_id: str
    original_end_to_end_id: str
    amount_centavos: int
    reason: ReasonCode
    """Why the money goes back: MD06, BE08 or FR01."""
    description: str
    requested_at_ms: int


@value_object
class ReturnOffered(_OfReturn):
    """Step 2, hub to payer's bank. The rules are kept and the payee's bank's settlement money is reserved."""

    return_id: str
    original_end_to_end_id: str
    amount_centavos: int
    reason: ReasonCode
    """Why the money goes back."""
    description: str
    payer: Party
    payee: Party
    offered_at_ms: int


@value_object
class ReturnAccepted(_OfReturn):
    """Step 3, payer's bank to hub: the promise to credit."""

    return_id: str
    original_end_to_end_id: str
    amount_centavos: int


@value_object
class ReturnRejected(_OfReturn):
    """Step 3, payer's bank to hub: the refusal."""

    return_id: str
    original_end_to_end_id: str
    amount_centavos: int
    reason: ReasonCode


@value_object
class ReturnConfirmed(_OfReturn):
    """Step 4, hub to each bank. The settlement accounts have moved; final."""

    return_id: str
    original_end_to_end_id: str
    side: Side
    amount_centavos: int
    return_reason: ReasonCode
    """Why the money goes back."""
    payer: Party
    payee: Party
    description: str
    confirmed_at_ms: int


@value_object
class ReturnFailed(_OfReturn):
    """Step 4, hub to each bank. Nothing has moved; final for the return *with this content*.

    A bank compares the content with its own row before it acts, as with `TransferFailed`.
    """

    return_id: str
    original_end_to_end_id: str
    side: Side
    reason: ReasonCode
    """Why it failed."""
    amount_centavos: int
    return_reason: ReasonCode
    """Why the money was to go back."""
    payer: Party | None
    """None when the original is unknown, or not one that the sender may return; the payee, too."""
    payee: Party | None
    description: str
    failed_at_ms: int


@value_object
class ReturnProcessed(_OfReturn):
    """Step 5, each bank to hub: payer credited, or payee's clearing settled, or payee given the money back."""

    return_id: str
    original_end_to_end_id: str
    side: Side
    outcome: Outcome
    amount_centavos: int
    reason: ReasonCode | None
    """The reason of the failure that was processed; None for a confirmation."""


FromBank = ReturnRequested | ReturnAccepted | ReturnRejected | ReturnProcessed
"""What a bank may send to the hub."""

FromHub = ReturnOffered | ReturnConfirmed | ReturnFailed
"""What the hub may send to a bank."""

MESSAGES: Final = (
    MessageSpec(ReturnRequested, (Role.PAYEE,), (Role.HUB,), "pacs.004"),
    MessageSpec(ReturnOffered, (Role.HUB,), (Role.PAYER,), "pacs.004", "pending"),
    MessageSpec(ReturnAccepted, (Role.PAYER,), (Role.HUB,), "pacs.002, status ACSP", "pending"),
    MessageSpec(ReturnRejected, (Role.PAYER,), (Role.HUB,), "pacs.002, status RJCT", "pending"),
    MessageSpec(
        ReturnConfirmed,
        (Role.HUB,),
        BOTH_BANKS,
        "pacs.002, status ACSC to the payee's bank and ACCC to the payer's",
        "confirmed",
    ),
    MessageSpec(ReturnFailed, (Role.HUB,), BOTH_BANKS, "pacs.002, status RJCT", "failed"),
    MessageSpec(ReturnProcessed, BOTH_BANKS, (Role.HUB,), ""),
)
"""In the order of the protocol's steps."""
