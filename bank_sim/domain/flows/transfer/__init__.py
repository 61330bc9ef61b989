"""The transfer: pacs.008, from the customer's order or the hub's offer to `OutcomeProcessed`."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.flows.flow import Flow
from bank_sim.domain.flows.transfer.decisions import (
    MESSAGES,
    account_needed,
    charge_needed,
    decide,
    decide_retransmission,
    keys,
    state,
)
from bank_sim.domain.flows.transfer.model import NAME, Transfer, owed
from bank_sim.domain.flows.transfer.timeline import timeline
from pix.scheme.messages import TransferOffered

FLOW: Final = Flow(
    name=NAME,
    row=Transfer,
    messages=MESSAGES,
    offers=frozenset({TransferOffered}),
    keys=keys,
    state=state,
    account_needed=account_needed,
    decide=decide,
    decide_retransmission=decide_retransmission,
    owed=owed,
    timeline=timeline,
    charge_needed=charge_needed,
)
