"""Why something fails: the reason codes of the real scheme, with the sentences of each flow.

The reasons of a flow are a module of this package, which names its `FLOW`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from pix.scheme.reasons import transfers
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

_MODULES: Final = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__) if each.name != "codes"]

REASONS_OF_FLOWS: Final[Mapping[str, Mapping[ReasonCode, Reason]]] = {each.FLOW: each.REASONS for each in _MODULES}
"""By the name of the flow: what its codes mean there."""

REASONS: Final = by_code(
    reason
    for flow, reasons in sorted(REASONS_OF_FLOWS.items(), key=lambda entry: entry[0] == transfers.FLOW)
    for reason in reasons.values()
)
"""Every code, with what it means in a transfer, if a transfer has it."""


def reason_of(code: ReasonCode, flow: str) -> Reason:
    """What a code means in a flow."""
    return REASONS_OF_FLOWS[flow].get(code, REASONS[code])
