"""When a transfer was offered and completed only the hub knows: a bank learns it by asking, when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bank_sim.application.ports import Hub, UnitsOfWork
from bank_sim.domain.errors import BankError
from bank_sim.domain.flows.transfer.model import Progress, Transfer, TransferStatus, changed
from pix.scheme.postings import Direction

TRANSFERS_PER_QUESTION_MAX: Final = 100


class MirrorProgress:
    """Asks the hub about transfers of which it may know more than we do, and keeps what it says."""

    def __init__(self, units: UnitsOfWork, hub: Hub) -> None:
        self._units = units
        self._hub = hub

    def __call__(self, transfers: Sequence[Transfer]) -> list[Transfer]:
        """The same transfers, with the hub's times where it knows them; as they were when it does not answer."""
        open_ids = sorted({transfer.end_to_end_id for transfer in transfers if _may_have_moved_on(transfer)})
        learned: dict[str, Progress] = {}
        try:
            for start in range(0, len(open_ids), TRANSFERS_PER_QUESTION_MAX):
                learned |= self._hub.find_progress(open_ids[start : start + TRANSFERS_PER_QUESTION_MAX])
        except BankError:
            # No money depends on it; the next view asks again.
            pass
        news = {
            transfer.end_to_end_id: learned[transfer.end_to_end_id]
            for transfer in transfers
            if transfer.end_to_end_id in learned and transfer.progress != learned[transfer.end_to_end_id]
        }
        if not news:
            return list(transfers)
        ids = [(end_to_end_id, direction) for end_to_end_id in news for direction in Direction]
        with self._units() as unit:
            sides = unit.transfers.lock(ids).values()
            unit.transfers.save([_with(side, news[side.end_to_end_id]) for side in sides])
            unit.commit()
        return [
            _with(transfer, news[transfer.end_to_end_id]) if transfer.end_to_end_id in news else transfer
            for transfer in transfers
        ]


def _may_have_moved_on(transfer: Transfer) -> bool:
    if transfer.status is TransferStatus.CONFIRMED:
        return transfer.completed_at_ms is None
    is_waiting = transfer.status is TransferStatus.PENDING and transfer.direction is Direction.OUTGOING
    return is_waiting and transfer.offered_at_ms is None


def _with(transfer: Transfer, progress: Progress) -> Transfer:
    """What a row keeps of it, where it knows nothing: one that is not confirmed here is not completed here either."""
    completed_at_ms = progress.completed_at_ms if transfer.status is TransferStatus.CONFIRMED else None
    return changed(
        transfer,
        offered_at_ms=transfer.offered_at_ms or progress.offered_at_ms,
        completed_at_ms=transfer.completed_at_ms or completed_at_ms,
    )
