"""The postings that a bank's row demands in each of its states. The bank books by this table; the audit checks it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pix.scheme.messages import Side


class Direction(StrEnum):
    """Whether a row moves money out of an account of this bank or into one. A bank may have both of one transfer."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"

    @property
    def side(self) -> Side:
        """The same in the words of the protocol."""
        return Side.PAYER if self is Direction.OUTGOING else Side.PAYEE


class PostingKind(StrEnum):
    """Why money moves within a bank's books."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    PAYMENT = "payment"
    SETTLEMENT_OUT = "settlement_out"
    REFUND = "refund"
    CREDIT = "credit"
    SETTLEMENT_FUNDING = "settlement_funding"


POSTINGS_DUE: Final[Mapping[tuple[str, str], tuple[PostingKind, ...]]] = MappingProxyType(
    {
        ("outgoing", "pending"): (PostingKind.PAYMENT,),
        ("outgoing", "confirmed"): (PostingKind.PAYMENT, PostingKind.SETTLEMENT_OUT),
        ("outgoing", "failed"): (PostingKind.PAYMENT, PostingKind.REFUND),
        ("incoming", "accepted"): (),
        ("incoming", "rejected"): (),
        ("incoming", "confirmed"): (PostingKind.CREDIT,),
        ("incoming", "failed"): (),
    }
)
"""By (direction, status) of a bank's transfer: all of its postings, each of them once, in the order of booking."""
