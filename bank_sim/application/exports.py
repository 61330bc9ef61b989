"""Every row and posting for programs that examine them all, such as the audit; and what is under way."""

from __future__ import annotations

from dataclasses import dataclass

from bank_sim.application.ports import UnitsOfWork
from pix.scheme.exports import EXPORT_PAGE_SIZE, ExportKey, ExportPage


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What moves or has just moved, at a cost that does not grow with the history."""

    undecided: dict[str, int]
    """Rows that await the hub's decision, by the name of the flow."""
    last_posting_id: int
    funded_centavos: int
    """What this bank has booked of the fundings of its settlement account."""


class Exports:
    """Pages in the order of the ids, each read in a separate transaction. `after` is None for the first page."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def rows(self, flow: str, after: ExportKey | None) -> ExportPage:
        with self._units() as unit:
            return unit.rows[flow].export(after, EXPORT_PAGE_SIZE)

    def operations(self, after: ExportKey | None) -> ExportPage:
        """Postings of deposits, withdrawals and fundings."""
        with self._units() as unit:
            return unit.postings.export_operations(after, EXPORT_PAGE_SIZE)

    def postings_of_rows(self, after: ExportKey | None) -> ExportPage:
        """Postings of transfers and returns."""
        with self._units() as unit:
            return unit.postings.export_of_rows(after, EXPORT_PAGE_SIZE)

    def under_way(self) -> UnderWay:
        with self._units() as unit:
            return UnderWay(
                {flow: rows.count_undecided() for flow, rows in unit.rows.items()},
                unit.postings.last_id(),
                unit.postings.funded_centavos(),
            )
