"""The return: pacs.004, from the request to the second bank's `ReturnProcessed`."""

from __future__ import annotations

from typing import Final

from hub.domain.flows.flow import Flow
from hub.domain.flows.returns.decisions import (
    MESSAGES,
    decide,
    decide_retransmission,
    decide_timeout,
    keys,
    pix_key,
    state,
)
from hub.domain.flows.returns.model import NAME, TRANSITIONS, Return, ReturnStatus, owed
from hub.domain.flows.returns.rules import LATER_RULES, REQUEST_RULES, Rule, rule_of
from hub.domain.flows.returns.timeline import step_name, timeline
from pix.scheme.messages import Side

FLOW: Final = Flow(
    name=NAME,
    row=Return,
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
    offered_to=Side.PAYER,
    statuses=ReturnStatus,
    transitions=TRANSITIONS,
    rule_of=rule_of,
    rules=Rule,
    request_rules=REQUEST_RULES,
    later_rules=LATER_RULES,
)
