"""What the messages of every flow are made of, and the row that a message has in the protocol's table."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

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
class MessageSpec:
    """A row of the protocol's table of messages."""

    message: type[Any]
    senders: tuple[Role, ...]
    receivers: tuple[Role, ...]
    iso_20022: str
    """The ISO 20022 message that Pix sends where CodePix sends this one; empty for none."""
    status: str = ""
    """What the message says of its row: `pending`, `confirmed` or `failed`; empty if it says nothing, or each time."""


BOTH_BANKS: Final = (Role.PAYER, Role.PAYEE)
