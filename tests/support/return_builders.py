"""Bia of Banco Ipê, whom Ana of Banco Aurora has paid, gives money back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hub.domain.flows.returns.decisions import State
from hub.domain.flows.returns.model import Return, Returned, ReturnStatus
from hub.domain.flows.transfer.model import Transfer
from pix.scheme.ids import make_return_id
from pix.scheme.messages import Outcome, Side
from pix.scheme.messages.returns import ReturnAccepted, ReturnProcessed, ReturnRejected, ReturnRequested
from pix.scheme.reasons import ReasonCode
from tests.support.hub_builders import ANA, BIA, IPE, NOW_MS, completed, e2e

PART = 345
"""Centavos that go back, of `AMOUNT`."""


def return_id(number: int = 1, ispb: str = IPE) -> str:
    """A return id of the bank; each number another."""
    return make_return_id(ispb, datetime.fromtimestamp(NOW_MS / 1000, UTC), f"{number:011d}")


def return_requested(**changes: object) -> ReturnRequested:
    """Bia's bank asks to give a part of Ana's transfer back."""
    plain = ReturnRequested(return_id(), e2e(), PART, ReasonCode.MD06, "troco", NOW_MS - 40)
    return replace(plain, **changes)  # type: ignore[arg-type]


def return_accepted(**changes: object) -> ReturnAccepted:
    """Ana's bank promises to credit."""
    return replace(ReturnAccepted(return_id(), e2e(), PART), **changes)  # type: ignore[arg-type]


def return_rejected(reason: ReasonCode = ReasonCode.AC07, **changes: object) -> ReturnRejected:
    """Ana's bank refuses."""
    return replace(ReturnRejected(return_id(), e2e(), PART, reason), **changes)  # type: ignore[arg-type]


def return_processed(
    side: Side, outcome: Outcome = Outcome.CONFIRMED, reason: ReasonCode | None = None, **changes: object
) -> ReturnProcessed:
    """The bank on a side has processed the outcome."""
    return replace(ReturnProcessed(return_id(), e2e(), side, outcome, PART, reason), **changes)  # type: ignore[arg-type]


def pending_return(**changes: object) -> Return:
    """Bia's return as it stands when it was just offered."""
    plain = Return(
        return_id=return_id(),
        original_end_to_end_id=e2e(),
        status=ReturnStatus.PENDING,
        reason=None,
        amount_centavos=PART,
        return_reason=ReasonCode.MD06,
        payer=ANA,
        payee=BIA,
        description="troco",
        requested_at_ms=NOW_MS - 40,
        received_at_ms=NOW_MS,
        offered_at_ms=NOW_MS,
        resend_at_ms=NOW_MS + 1_000,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def confirmed_return(**changes: object) -> Return:
    """The same after Ana's bank accepted it."""
    return replace(pending_return(), **{"status": ReturnStatus.CONFIRMED, "decided_at_ms": NOW_MS + 10, **changes})  # type: ignore[arg-type]


def completed_return(**changes: object) -> Return:
    """The same after both banks have processed that."""
    plain = replace(
        confirmed_return(),
        status=ReturnStatus.COMPLETED,
        payer_processed_at_ms=NOW_MS + 20,
        payee_processed_at_ms=NOW_MS + 21,
        closed_at_ms=NOW_MS + 21,
        resend_at_ms=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def failed_return(reason: ReasonCode = ReasonCode.AC07, **changes: object) -> Return:
    """The same after Ana's bank refused it."""
    plain = replace(pending_return(), status=ReturnStatus.FAILED, reason=reason, decided_at_ms=NOW_MS + 10)
    return replace(plain, **changes)  # type: ignore[arg-type]


def state_of(row: Return | None = None, original: Transfer | None = None, returned_centavos: int = 0) -> State:
    """What a message is decided on; the original is completed."""
    return State(row, original or completed(), Returned(e2e(), returned_centavos))
