"""Why something fails: the reason codes of the real scheme, with the sentences of each flow.

The reasons of a flow are a module of this package and a line in `REASONS_OF_FLOWS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pix.scheme.reasons import returns, transfers
from pix.scheme.reasons.codes import Giver, Reason, ReasonCode, by_code
from pix.scheme.reasons.transfers import (
    HUB_REASONS,
    PAYEE_BANK_REASONS,
    REASONS_WITHOUT_ROW,
    check_payee_bank_reason,
)

__all__ = [
    "HUB_REASONS",
    "PAYEE_BANK_REASONS",
    "REASONS",
    "REASONS_OF_FLOWS",
    "REASONS_WITHOUT_ROW",
    "Giver",
    "Reason",
    "ReasonCode",
    "check_payee_bank_reason",
    "reason_of",
]

REASONS_OF_FLOWS: Final[Mapping[str, Mapping[ReasonCode, Reason]]] = {
    "transfer": transfers.REASONS,
    "return": returns.REASONS,
}
"""By the name of the flow: what its codes mean there."""

REASONS: Final = by_code(
    reason for reasons in reversed(tuple(REASONS_OF_FLOWS.values())) for reason in reasons.values()
)
"""Every code, with what it means in the first flow that has it."""


def reason_of(code: ReasonCode, flow: str) -> Reason:
    """What a code means in a flow."""
    return REASONS_OF_FLOWS[flow].get(code, REASONS[code])
