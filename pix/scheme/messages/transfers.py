"""The transfer's messages: pacs.008 and its answers."""

from __future__ import annotations

from typing import Final

from pix.scheme.initiation import Initiation
from pix.scheme.keys import PixKey
from pix.scheme.messages.parts import BOTH_BANKS, MessageSpec, Outcome, Party, Role, Side
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class _OfTransfer:
    __slots__ = ()

    end_to_end_id: str

    @property
    def record_key(self) -> str:
        """The key of its records."""
        return self.end_to_end_id


@value_object
class TransferRequested(_OfTransfer):
    """Step 1, payer's bank to hub. The customer is debited and the money is in the bank's clearing account."""

    end_to_end_id: str
    amount_centavos: int
    payer: Party
    payee_key: PixKey | None
    """None when the payer typed the payee's account (MANU)."""
    payee_tax_id_masked: str
    """What the payer was shown before confirming; empty when nothing was shown."""
    description: str
    requested_at_ms: int
    payee: Party | None = None
    """As the payer typed it (MANU); None for a key."""
    initiation: Initiation = Initiation.DICT
    txid: str = ""
    """The payee's own number for the payment, from a QR code; empty for none."""


@value_object
class TransferOffered(_OfTransfer):
    """Step 2, hub to payee's bank. The payee is known and the payer's bank's settlement money is reserved."""

    end_to_end_id: str
    amount_centavos: int
    payer: Party
    payee: Party
    payee_key: PixKey | None
    description: str
    offered_at_ms: int
    initiation: Initiation = Initiation.DICT
    txid: str = ""


@value_object
class TransferAccepted(_OfTransfer):
    """Step 3, payee's bank to hub: the promise to credit."""

    end_to_end_id: str
    amount_centavos: int


@value_object
class TransferRejected(_OfTransfer):
    """Step 3, payee's bank to hub: the refusal."""

    end_to_end_id: str
    amount_centavos: int
    reason: ReasonCode


@value_object
class TransferConfirmed(_OfTransfer):
    """Step 4, hub to each bank. The settlement accounts have moved; final."""

    end_to_end_id: str
    side: Side
    amount_centavos: int
    payer: Party
    payee: Party
    payee_key: PixKey | None
    description: str
    confirmed_at_ms: int
    initiation: Initiation = Initiation.DICT
    txid: str = ""


@value_object
class TransferFailed(_OfTransfer):
    """Step 4, hub to each bank. Nothing has moved; final for the transfer *with this content*.

    A bank compares the content with its own row before it acts: a refusal of the same id with another content (`DUPL`)
    says nothing about the transfer that the bank knows.
    """

    end_to_end_id: str
    side: Side
    reason: ReasonCode
    amount_centavos: int
    payer: Party
    payee: Party | None
    """None when the key was never resolved."""
    payee_key: PixKey | None
    description: str
    failed_at_ms: int
    initiation: Initiation = Initiation.DICT
    txid: str = ""


@value_object
class OutcomeProcessed(_OfTransfer):
    """Step 5, each bank to hub: payee credited, or payer's clearing settled, or payer refunded."""

    end_to_end_id: str
    side: Side
    outcome: Outcome
    amount_centavos: int
    reason: ReasonCode | None
    """The reason of the failure that was processed; None for a confirmation."""


FromBank = TransferRequested | TransferAccepted | TransferRejected | OutcomeProcessed
"""What a bank may send to the hub."""

FromHub = TransferOffered | TransferConfirmed | TransferFailed
"""What the hub may send to a bank."""

MESSAGES: Final = (
    MessageSpec(TransferRequested, (Role.PAYER,), (Role.HUB,), "pacs.008"),
    MessageSpec(TransferOffered, (Role.HUB,), (Role.PAYEE,), "pacs.008", "pending"),
    MessageSpec(TransferAccepted, (Role.PAYEE,), (Role.HUB,), "pacs.002, status ACSP", "pending"),
    MessageSpec(TransferRejected, (Role.PAYEE,), (Role.HUB,), "pacs.002, status RJCT", "pending"),
    MessageSpec(
        TransferConfirmed,
        (Role.HUB,),
        BOTH_BANKS,
        "pacs.002, status ACSC to the payer's bank and ACCC to the payee's",
        "confirmed",
    ),
    MessageSpec(TransferFailed, (Role.HUB,), BOTH_BANKS, "pacs.002, status RJCT", "failed"),
    MessageSpec(OutcomeProcessed, BOTH_BANKS, (Role.HUB,), ""),
)
"""In the order of the protocol's steps."""
