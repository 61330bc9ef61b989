"""Received Pix in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from bank_sim.application.receipts.ports import ReceiptFilter
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.returns.model import NAME as RETURN
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.runtime.memory_table import MemoryTable
from pix.scheme.postings import Direction


class RowStore(Protocol):
    """The part of a bank's store with the rows of flows."""

    rows: Mapping[str, MemoryTable[RowId, Any]]


class MemoryReceipts:
    """See `bank_sim.application.receipts.ports.ReceiptRepository`."""

    def __init__(self, store: RowStore) -> None:
        self._store = store

    def count(self, narrow: ReceiptFilter) -> int:
        return sum(1 for _ in self._found(narrow))

    def _found(self, narrow: ReceiptFilter) -> Iterator[Transfer]:
        returns = self._store.rows[RETURN].values()
        returned = {each.original_end_to_end_id for each in returns if each.direction is Direction.OUTGOING}
        for row in self._store.rows[TRANSFER].values():
            if (
                row.direction is Direction.INCOMING
                and row.status is TransferStatus.CONFIRMED
                and row.account_number == narrow.account_number
                and narrow.from_ms <= (row.decided_at_ms or 0) <= narrow.to_ms
                and narrow.txid in ("", row.txid)
                and narrow.has_txid in (None, bool(row.txid))
                and narrow.payer_tax_id_masked in ("", row.payer.tax_id_masked)
                and narrow.has_return in (None, row.end_to_end_id in returned)
            ):
                yield row

    def list(self, narrow: ReceiptFilter, skip: int, size: int) -> list[Transfer]:
        found = sorted(self._found(narrow), key=lambda row: (row.decided_at_ms or 0, row.end_to_end_id))
        return found[skip : skip + size]
