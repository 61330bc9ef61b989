"""The facts that move money, as pure values: the protocol between the banks and the hub.

Each class is one row of the protocol table (docs/protocol.md). A codec of `pix.wire` turns them into records and
back; nothing here knows how they travel. Amounts are integer centavos, times are Unix milliseconds in UTC. Each message
has a `record_key`, the id of the row that it is about.

The messages of a flow are a module of this package and a line in each table here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final

from pix.scheme.messages import returns, transfers
from pix.scheme.messages.parts import MessageSpec, Outcome, Party, Role, Side, account_of
from pix.scheme.messages.transfers import (
    OutcomeProcessed,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)

__all__ = [
    "FAMILIES",
    "ISO_20022",
    "MESSAGES",
    "MESSAGES_OF_BANKS",
    "MESSAGES_OF_HUB",
    "STATUSES",
    "BankMessage",
    "HubMessage",
    "Message",
    "MessageSpec",
    "Outcome",
    "OutcomeProcessed",
    "Party",
    "Role",
    "Side",
    "TransferAccepted",
    "TransferConfirmed",
    "TransferFailed",
    "TransferOffered",
    "TransferRejected",
    "TransferRequested",
    "account_of",
]

BankMessage = transfers.FromBank | returns.FromBank
"""What a bank may send to the hub."""

HubMessage = transfers.FromHub | returns.FromHub
"""What the hub may send to a bank."""

Message = BankMessage | HubMessage

FAMILIES: Final[tuple[ModuleType, ...]] = (transfers, returns)
"""The messages of each flow; a wire has a module of the same name for each."""

MESSAGES: Final[tuple[MessageSpec, ...]] = tuple(spec for family in FAMILIES for spec in family.MESSAGES)
"""Every message, by flow, in the order of the protocol's steps."""

ISO_20022: Final[Mapping[type[Any], str]] = MappingProxyType(
    {spec.message: spec.iso_20022 for spec in MESSAGES if spec.iso_20022}
)
"""The ISO 20022 message that Pix sends where CodePix sends ours. `OutcomeProcessed` and its like have none."""

STATUSES: Final[Mapping[type[Any], str]] = MappingProxyType({spec.message: spec.status for spec in MESSAGES})
"""What a message says of its row: `pending`, `confirmed` or `failed`; empty if it says nothing, or each time."""

MESSAGES_OF_HUB: Final = frozenset(spec.message for spec in MESSAGES if spec.senders == (Role.HUB,))
"""What the hub may send to a bank."""

MESSAGES_OF_BANKS: Final = frozenset(spec.message for spec in MESSAGES) - MESSAGES_OF_HUB
"""What a bank may send to the hub."""
