"""What a change of a return's state does to settlement money: the payee's bank's goes to the payer's bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.domain.flows.returns.model import Return, ReturnStatus
from hub.domain.settlement import Movement, MovementKind

MOVEMENTS: Final[Mapping[tuple[ReturnStatus | None, ReturnStatus], MovementKind]] = {
    (None, ReturnStatus.PENDING): MovementKind.RESERVE,
    (ReturnStatus.PENDING, ReturnStatus.CONFIRMED): MovementKind.SETTLE,
    (ReturnStatus.PENDING, ReturnStatus.FAILED): MovementKind.RELEASE,
}
"""By the status before (None for a new return) and after; any other change moves no money."""


def movements(before: Return | None, after: Return) -> tuple[Movement, ...]:
    """The movements that a change of state demands."""
    kind = MOVEMENTS.get((None if before is None else before.status, after.status))
    if kind is None or after.payer is None:
        return ()
    return (Movement(kind, after.requester_ispb, after.payer.ispb, after.amount_centavos),)
