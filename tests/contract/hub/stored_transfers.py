"""Transfers that are put into a store, for the tests of what it makes of them."""

from __future__ import annotations

from dataclasses import replace

from hub.application.ports import RowChange, UnitsOfWork
from hub.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus, Trigger
from pix.scheme.flows import Step
from tests.support.hub_builders import AURORA, NOW_MS, e2e, transfer

STEP = Step(NOW_MS, AURORA, Trigger.REQUEST, None, TransferStatus.PENDING)
WAIT_MS_MAX = 60_000


def add(units: UnitsOfWork, *transfers: Transfer, steps: tuple[HistoryStep, ...] = (STEP,)) -> None:
    with units() as unit:
        unit.transfers.save([RowChange(each, steps, is_new=True) for each in transfers])
        unit.commit()


def numbered(number: int, **changes: object) -> Transfer:
    return replace(transfer(), end_to_end_id=e2e(number), received_at_ms=NOW_MS + number, **changes)  # type: ignore[arg-type]
