"""What a change of a transfer's state does to settlement money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.domain.settlement import Movement, MovementKind

MOVEMENTS: Final[Mapping[tuple[TransferStatus | None, TransferStatus], MovementKind]] = {
    (None, TransferStatus.PENDING): MovementKind.RESERVE,
    (TransferStatus.PENDING, TransferStatus.CONFIRMED): MovementKind.SETTLE,
    (TransferStatus.PENDING, TransferStatus.FAILED): MovementKind.RELEASE,
}
"""By the status before (None for a new transfer) and after; any other change moves no money."""


def movements(before: Transfer | None, after: Transfer) -> tuple[Movement, ...]:
    """The movements that a change of state demands."""
    kind = MOVEMENTS.get((None if before is None else before.status, after.status))
    if kind is None:
        return ()
    payee_ispb = "" if after.payee is None else after.payee.ispb
    return (Movement(kind, after.payer.ispb, payee_ispb, after.amount_centavos),)
