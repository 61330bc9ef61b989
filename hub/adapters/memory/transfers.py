"""The hub's transfers in memory; see `hub.application.ports.TransferRepository`."""

from __future__ import annotations

import math
from typing import Final

from hub.adapters.memory.rows import MemoryRows
from hub.application.ports import Activity, Found, Latency, TransferFilter
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.searching import fold


class MemoryTransfers(MemoryRows[Transfer]):
    """What only transfers are asked for."""

    def search(self, narrow: TransferFilter) -> Found[Transfer, tuple[int, str]]:
        def place(transfer: Transfer) -> tuple[int, str]:
            return transfer.received_at_ms, transfer.end_to_end_id

        def is_in_time(transfer: Transfer) -> bool:
            return (
                (narrow.before is None or place(transfer) < narrow.before)
                and (narrow.received_from_ms is None or transfer.received_at_ms >= narrow.received_from_ms)
                and (narrow.received_before_ms is None or transfer.received_at_ms < narrow.received_before_ms)
            )

        def shows(transfer: Transfer) -> bool:
            key = "" if transfer.payee_key is None else transfer.payee_key.key
            sides = {transfer.payer.ispb, transfer.payee.ispb if transfer.payee else ""}
            names = (transfer.payer.name, transfer.payee.name if transfer.payee else "")
            return (
                (not narrow.ispb or narrow.ispb in sides)
                and (narrow.status is None or transfer.status is narrow.status)
                and (narrow.reason is None or transfer.reason is narrow.reason)
                and (not narrow.key or key == narrow.key)
                and (not narrow.key_beginnings or key.startswith(narrow.key_beginnings))
                and (not narrow.txid or transfer.txid == narrow.txid)
                and (not narrow.name_part or any(narrow.name_part in fold(name) for name in names))
                and (narrow.amount_centavos is None or transfer.amount_centavos == narrow.amount_centavos)
                and (not narrow.open_only or transfer.resend_at_ms is not None)
                and narrow.id_part in transfer.end_to_end_id
            )

        examined = sorted(filter(is_in_time, self._rows.values()), key=place, reverse=True)
        if narrow.is_search:
            examined = examined[: narrow.examined_max]
        shown = [transfer for transfer in examined if shows(transfer)]
        is_cut = narrow.is_search and len(shown) < narrow.size and len(examined) == narrow.examined_max
        return Found(shown[: narrow.size], place(examined[-1]) if is_cut else None)

    def latencies(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Latency]:
        return [
            Latency(each.from_ms, each.completed, each.p50_ms, each.p99_ms)
            for each in self.activity(from_ms, until_ms, step_ms, size)
            if each.p50_ms is not None and each.p99_ms is not None
        ]

    def activity(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Activity]:
        found = []
        for start_ms in range(from_ms, until_ms, step_ms):
            received = [
                transfer
                for transfer in self._rows.values()
                if start_ms <= transfer.received_at_ms < min(start_ms + step_ms, until_ms)
            ]
            newest = sorted(received, key=lambda transfer: transfer.received_at_ms, reverse=True)[:size]
            if not newest:
                continue
            took = sorted(
                transfer.closed_at_ms - transfer.received_at_ms
                for transfer in newest
                if transfer.status is TransferStatus.COMPLETED and transfer.closed_at_ms is not None
            )
            p50, p99 = (took[math.ceil(share * len(took)) - 1] if took else None for share in (0.5, 0.99))
            failed = sum(transfer.status is TransferStatus.FAILED for transfer in newest)
            oldest_ms = newest[-1].received_at_ms
            found.append(Activity(start_ms, len(newest), oldest_ms, len(took), failed, p50, p99))
        return found

    def oldest_offers(self, size: int) -> dict[str, int]:
        pending = [each for each in self._rows.values() if each.status is TransferStatus.PENDING]
        oldest: dict[str, int] = {}
        for transfer in sorted(pending, key=lambda each: each.resend_at_ms or 0)[:size]:
            if transfer.payee is not None:
                known = oldest.get(transfer.payee.ispb, transfer.waiting_since_ms)
                oldest[transfer.payee.ispb] = min(known, transfer.waiting_since_ms)
        return oldest


IN_MEMORY: Final = MemoryTransfers
