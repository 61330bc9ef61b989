"""The protocol as the code has it: states, the table of transitions, rules, messages and reason codes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.domain.flows import FLOWS
from hub.entrypoints.http.pages.views import reason_sentence
from pix.scheme.messages import MESSAGES, Role
from pix.scheme.reasons import HUB_REASONS, PAYEE_BANK_REASONS, ReasonCode
from pix.web.site import PagesOf
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)


@router.get("/protocol")
def show_protocol(request: Request, pages: PagesOf) -> Response:
    language = language_of(request)
    context = {
        "statuses": [status for flow in FLOWS for status in flow.statuses],
        "moves": [
            (before, trigger, after, None if trigger == "refusal" else flow.rule_of(trigger, None))
            for flow in FLOWS
            for (before, trigger), after in flow.transitions.items()
        ],
        "rules": [rule for flow in FLOWS for rule in flow.rules],
        "reasons_of_rules": {
            **{rule: reason for flow in FLOWS for rule, reason in flow.later_rules.items()},
            **{each.rule: each.reason for flow in FLOWS for each in flow.request_rules},
        },
        "messages": [(spec.message.__name__, _who(spec.senders), _who(spec.receivers)) for spec in MESSAGES],
        "reasons": [
            (code, reason_sentence(code.value, language), code in HUB_REASONS, code in PAYEE_BANK_REASONS)
            for code in sorted(ReasonCode)
        ],
        "section": "/protocol",
    }
    return pages.page(request, "hub/protocol.html", context)


def _who(roles: tuple[Role, ...]) -> str:
    return roles[0].value if len(roles) == 1 else "both"
