"""What the use cases of received Pix need from the unit of work.

What `bank_sim.application.ports` says of its repositories holds here too.
"""

from __future__ import annotations

from typing import Protocol

from bank_sim.domain.flows.transfer.model import Transfer
from pix.scheme.values import value_object


@value_object
class ReceiptFilter:
    """Which received Pix of an account a list has. Times are those of the credit, both included."""

    account_number: str
    from_ms: int
    to_ms: int
    txid: str = ""
    has_txid: bool | None = None
    has_return: bool | None = None
    payer_tax_id_masked: str = ""
    """A bank knows the payer's tax id masked alone."""


class ReceiptRepository(Protocol):
    """Transfers that were credited."""

    def count(self, narrow: ReceiptFilter) -> int:
        """How many a filter has."""

    def list(self, narrow: ReceiptFilter, skip: int, size: int) -> list[Transfer]:
        """Oldest credit first."""
