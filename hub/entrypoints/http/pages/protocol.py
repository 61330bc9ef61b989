"""The protocol as the code has it: states, the table of transitions, rules, messages and reason codes."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from hub.domain.flows.transfer.model import TRANSITIONS, TransferStatus, Trigger
from hub.domain.flows.transfer.timeline import RULES_OF_REQUESTS, Rule, rule_of
from hub.entrypoints.http.pages.site import PagesOf
from hub.entrypoints.http.pages.views import reason_sentence
from pix.scheme.reasons import HUB_REASONS, PAYEE_BANK_REASONS, ReasonCode
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)

MESSAGES: Final = (
    ("TransferRequested", "payer", "hub"),
    ("TransferOffered", "hub", "payee"),
    ("TransferAccepted", "payee", "hub"),
    ("TransferRejected", "payee", "hub"),
    ("TransferConfirmed", "hub", "both"),
    ("TransferFailed", "hub", "both"),
    ("OutcomeProcessed", "both", "hub"),
)


@router.get("/protocol")
def show_protocol(request: Request, pages: PagesOf) -> Response:
    """The page to which every state of a transfer's page leads."""
    language = language_of(request)
    moves = [
        (before, trigger, after, None if trigger is Trigger.REFUSAL else rule_of(trigger, None))
        for (before, trigger), after in TRANSITIONS.items()
    ]
    context = {
        "statuses": list(TransferStatus),
        "moves": moves,
        "rules": list(Rule),
        "reasons_of_rules": {rule: reason for reason, rule in RULES_OF_REQUESTS.items()},
        "messages": MESSAGES,
        "reasons": [
            (code, reason_sentence(code.value, language), code in HUB_REASONS, code in PAYEE_BANK_REASONS)
            for code in sorted(ReasonCode)
        ],
        "section": "/protocol",
    }
    return pages.page(request, "hub/protocol.html", context)
