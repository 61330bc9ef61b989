"""The bank's books follow its account of record at the hub."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from bank_sim.application.ports import Hub, RowExists, SettlementFunding, UnitsOfWork
from bank_sim.domain import books


class MirrorSettlement:
    """Books each funding of the settlement account once."""

    def __init__(self, units: UnitsOfWork, hub: Hub) -> None:
        self._units = units
        self._hub = hub

    def __call__(self) -> None:
        """Raises HubUnavailable, DatabaseUnavailable."""
        fundings = self._hub.settlement_account().fundings
        # Another replica that books them at the same moment has done the work.
        with suppress(RowExists):
            self._book(fundings)

    def _book(self, fundings: Sequence[SettlementFunding]) -> None:
        with self._units() as unit:
            known = unit.postings.known_operations({funding.funding_id for funding in fundings})
            new = [funding for funding in fundings if funding.funding_id not in known]
            if not new:
                return
            unit.postings.add(
                [
                    books.settlement_funding(funding.funding_id, funding.amount_centavos, funding.funded_at_ms)
                    for funding in new
                ]
            )
            unit.commit()
