"""The facts that move money, as pure values: the protocol between the banks and the hub.

Each class is one row of the protocol table (docs/protocol.md). A codec of `pix.wire` turns them into records and
back; nothing here knows how they travel. Amounts are integer centavos, times are Unix milliseconds in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pix.scheme.initiation import Initiation
from pix.scheme.keys import PixKey
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class Side(StrEnum):
    """Which side of a transfer a bank plays. One bank may play both."""

    PAYER = "payer"
    PAYEE = "payee"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.PAYEE if self is Side.PAYER else Side.PAYER


class Role(StrEnum):
    """A sender or receiver in a transfer."""

    PAYER = "payer"
    HUB = "hub"
    PAYEE = "payee"


class Outcome(StrEnum):
    """The hub's decision on a transfer; it is final."""

    CONFIRMED = "confirmed"
    FAILED = "failed"


@value_object
class Party:
    """One party of a transfer, as its counterparty may see it: the tax id is masked."""

    ispb: str
    branch: str
    account_number: str
    name: str
    tax_id_masked: str


def account_of(party: Party) -> tuple[str, str, str]:
    """ISPB, branch and number: what identifies an account."""
    return party.ispb, party.branch, party.account_number


@value_object
class TransferRequested:
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
class TransferOffered:
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
class TransferAccepted:
    """Step 3, payee's bank to hub: the promise to credit."""

    end_to_end_id: str
    amount_centavos: int


@value_object
class TransferRejected:
    """Step 3, payee's bank to hub: the refusal."""

    end_to_end_id: str
    amount_centavos: int
    reason: ReasonCode


@value_object
class TransferConfirmed:
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
class TransferFailed:
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
class OutcomeProcessed:
    """Step 5, each bank to hub: payee credited, or payer's clearing settled, or payer refunded."""

    end_to_end_id: str
    side: Side
    outcome: Outcome
    amount_centavos: int
    reason: ReasonCode | None
    """The reason of the failure that was processed; None for a confirmation."""


BankMessage = TransferRequested | TransferAccepted | TransferRejected | OutcomeProcessed
"""What a bank may send to the hub."""

HubMessage = TransferOffered | TransferConfirmed | TransferFailed
"""What the hub may send to a bank."""

Message = BankMessage | HubMessage


@value_object
class MessageSpec:
    """A row of the protocol's table of messages."""

    message: type[Message]
    senders: tuple[Role, ...]
    receivers: tuple[Role, ...]
    iso_20022: str
    """The ISO 20022 message that Pix sends where CodePix sends this one; empty for none."""


_BOTH_BANKS: Final = (Role.PAYER, Role.PAYEE)

MESSAGES: Final = (
    MessageSpec(TransferRequested, (Role.PAYER,), (Role.HUB,), "pacs.008"),
    MessageSpec(TransferOffered, (Role.HUB,), (Role.PAYEE,), "pacs.008"),
    MessageSpec(TransferAccepted, (Role.PAYEE,), (Role.HUB,), "pacs.002, status ACSP"),
    MessageSpec(TransferRejected, (Role.PAYEE,), (Role.HUB,), "pacs.002, status RJCT"),
    MessageSpec(
        TransferConfirmed,
        (Role.HUB,),
        _BOTH_BANKS,
        "pacs.002, status ACSC to the payer's bank and ACCC to the payee's",
    ),
    MessageSpec(TransferFailed, (Role.HUB,), _BOTH_BANKS, "pacs.002, status RJCT"),
    MessageSpec(OutcomeProcessed, _BOTH_BANKS, (Role.HUB,), ""),
)
"""Every message, in the order of the protocol's steps."""

ISO_20022: Final[Mapping[type[Message], str]] = MappingProxyType(
    {spec.message: spec.iso_20022 for spec in MESSAGES if spec.iso_20022}
)
"""The ISO 20022 message that Pix sends where CodePix sends ours. `OutcomeProcessed` has no counterpart in Pix."""

MESSAGES_OF_HUB: Final = frozenset(spec.message for spec in MESSAGES if spec.senders == (Role.HUB,))
"""What the hub may send to a bank."""

MESSAGES_OF_BANKS: Final = frozenset(spec.message for spec in MESSAGES) - MESSAGES_OF_HUB
"""What a bank may send to the hub."""
