"""`completed` is the hub's word: a bank learns it by asking, when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bank_sim.application.ports import Hub, UnitsOfWork
from bank_sim.domain.errors import BankError
from bank_sim.domain.transfer import Transfer, TransferStatus

TRANSFERS_PER_QUESTION_MAX: Final = 100


class LearnCompletion:
    """Asks the hub about confirmed transfers of which the end is not known, and keeps what it says."""

    def __init__(self, units: UnitsOfWork, hub: Hub) -> None:
        self._units = units
        self._hub = hub

    def __call__(self, transfers: Sequence[Transfer]) -> list[Transfer]:
        """The same transfers, with `completed_at_ms` where the hub knows it; as they were when it does not answer."""
        open_ids = sorted(
            {
                transfer.end_to_end_id
                for transfer in transfers
                if transfer.status is TransferStatus.CONFIRMED and transfer.completed_at_ms is None
            }
        )
        completed: dict[str, int] = {}
        try:
            for start in range(0, len(open_ids), TRANSFERS_PER_QUESTION_MAX):
                completed |= self._hub.find_completed(open_ids[start : start + TRANSFERS_PER_QUESTION_MAX])
        except BankError:
            # Nobody's money depends on it; it will be asked again when somebody looks again.
            pass
        if not completed:
            return list(transfers)
        with self._units() as unit:
            unit.transfers.complete(completed)
            unit.commit()
        return [
            replace(transfer, completed_at_ms=completed[transfer.end_to_end_id])
            if transfer.status is TransferStatus.CONFIRMED and transfer.end_to_end_id in completed
            else transfer
            for transfer in transfers
        ]
