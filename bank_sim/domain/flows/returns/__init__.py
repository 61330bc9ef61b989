"""The return: pacs.004, from the order to give a payment back or the hub's offer to `ReturnProcessed`."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.flows.flow import Flow
from bank_sim.domain.flows.returns.decisions import (
    MESSAGES,
    account_needed,
    decide,
    decide_retransmission,
    keys,
    state,
)
from bank_sim.domain.flows.returns.model import NAME, Return, owed
from bank_sim.domain.flows.returns.timeline import timeline
from pix.scheme.messages.returns import ReturnOffered

FLOW: Final = Flow(
    name=NAME,
    row=Return,
    messages=MESSAGES,
    offers=frozenset({ReturnOffered}),
    keys=keys,
    state=state,
    account_needed=account_needed,
    decide=decide,
    decide_retransmission=decide_retransmission,
    owed=owed,
    timeline=timeline,
)
