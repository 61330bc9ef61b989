"""The transfer: pacs.008, from the request to the second bank's `OutcomeProcessed`."""

from __future__ import annotations

from typing import Final

from hub.domain.flows.flow import Flow
from hub.domain.flows.transfer.decisions import (
    MESSAGES,
    decide,
    decide_retransmission,
    decide_timeout,
    keys,
    pix_key,
    state,
)
from hub.domain.flows.transfer.model import NAME, TRANSITIONS, Transfer, TransferStatus, owed
from hub.domain.flows.transfer.rules import LATER_RULES, REQUEST_RULES, Rule, rule_of
from hub.domain.flows.transfer.timeline import step_name, timeline
from pix.scheme.messages import Side

FLOW: Final = Flow(
    name=NAME,
    row=Transfer,
    messages=MESSAGES,
    keys=keys,
    pix_key=pix_key,
    state=state,
    decide=decide,
    decide_timeout=decide_timeout,
    decide_retransmission=decide_retransmission,
    owed=owed,
    timeline=timeline,
    step_name=step_name,
    offered_to=Side.PAYEE,
    statuses=TransferStatus,
    transitions=TRANSITIONS,
    rule_of=rule_of,
    rules=Rule,
    request_rules=REQUEST_RULES,
    later_rules=LATER_RULES,
)
