"""The hub's returns in memory; see `hub.application.ports.returns.ReturnRepository`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from hub.adapters.memory.rows import MemoryRows
from hub.application.ports import Found
from hub.application.ports.returns import ReturnFilter
from hub.domain.flows.returns.model import RETURNED_PREFIX, Return, Returned, ReturnStatus


class MemoryReturns(MemoryRows[Return]):
    """What only returns are asked for."""

    def lock(self, ids: Collection[str], *, surely: Collection[str] = ()) -> dict[str, Any]:
        found = super().lock([each for each in ids if not each.startswith(RETURNED_PREFIX)], surely=surely)
        for original_id in (each.removeprefix(RETURNED_PREFIX) for each in ids if each.startswith(RETURNED_PREFIX)):
            returned = Returned(
                original_id,
                sum(
                    row.amount_centavos
                    for row in self._rows.values()
                    if row.original_end_to_end_id == original_id and row.status is not ReturnStatus.FAILED
                ),
            )
            found[returned.row_id] = returned
        return found

    def search(self, narrow: ReturnFilter) -> Found[Return, tuple[int, str]]:
        def place(row: Return) -> tuple[int, str]:
            return row.received_at_ms, row.return_id

        def is_examined(row: Return) -> bool:
            return (
                (narrow.before is None or place(row) < narrow.before)
                and (narrow.received_from_ms is None or row.received_at_ms >= narrow.received_from_ms)
                and (narrow.received_before_ms is None or row.received_at_ms < narrow.received_before_ms)
            )

        def shows(row: Return) -> bool:
            sides = {party.ispb for party in (row.payer, row.payee) if party is not None}
            return (
                (not narrow.ispb or narrow.ispb in sides)
                and (narrow.status is None or row.status is narrow.status)
                and (narrow.reason is None or row.reason is narrow.reason)
                and (narrow.return_reason is None or row.return_reason is narrow.return_reason)
                and (narrow.amount_centavos is None or row.amount_centavos == narrow.amount_centavos)
                and (not narrow.original_end_to_end_id or row.original_end_to_end_id == narrow.original_end_to_end_id)
                and (not narrow.open_only or row.resend_at_ms is not None)
                and narrow.id_part in row.return_id
            )

        examined = sorted(filter(is_examined, self._rows.values()), key=place, reverse=True)
        if narrow.is_search:
            examined = examined[: narrow.examined_max]
        shown = [row for row in examined if shows(row)]
        is_cut = narrow.is_search and len(shown) < narrow.size and len(examined) == narrow.examined_max
        return Found(shown[: narrow.size], place(examined[-1]) if is_cut else None)


IN_MEMORY: Final = MemoryReturns
