"""The repository of each flow's rows: a new flow is a line here."""

from __future__ import annotations

from collections.abc import Mapping

from bank_sim.application.ports import TransferRepository, UnitOfWork
from bank_sim.domain.flows.transfer import FLOW as TRANSFER


def repositories(unit: UnitOfWork) -> Mapping[str, TransferRepository]:
    """By the name of the flow, in the order of locking."""
    return {TRANSFER.name: unit.transfers}
