"""The protocol as the code has it: states, their diagram and table of transitions, rules, messages and reason codes."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from hub.domain.flows import FLOWS
from hub.entrypoints.http.pages.state_diagram import LINE_HEIGHT, NODE_HEIGHT, NODE_WIDTH, draw_states
from pix.scheme.messages import MESSAGES, Role
from pix.scheme.reasons import REASONS_OF_FLOWS
from pix.web.languages import reason_sentence
from pix.web.site import PagesOf
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)

_DIAGRAMS: Final = {flow.name: draw_states(flow.transitions) for flow in FLOWS}


@router.get("/protocol")
def show_protocol(request: Request, pages: PagesOf) -> Response:
    language = language_of(request)
    context = {
        "flows": FLOWS,
        "diagrams": _DIAGRAMS,
        "node_width": NODE_WIDTH,
        "node_height": NODE_HEIGHT,
        "line_height": LINE_HEIGHT,
        "moves": {
            flow.name: [
                (before, trigger, after, None if trigger == "refusal" else flow.rule_of(trigger, None))
                for (before, trigger), after in flow.transitions.items()
            ]
            for flow in FLOWS
        },
        "reasons_of_rules": {
            **{rule: reason for flow in FLOWS for rule, reason in flow.later_rules.items()},
            **{each.rule: each.reason for flow in FLOWS for each in flow.request_rules},
        },
        "messages": [(spec.message.__name__, _who(spec.senders), _who(spec.receivers)) for spec in MESSAGES],
        "reasons": {
            flow.name: [
                (code, reason_sentence(code.value, language, flow.name), reason.given_by)
                for code, reason in sorted(REASONS_OF_FLOWS[flow.name].items())
            ]
            for flow in FLOWS
        },
        "section": "/protocol",
    }
    return pages.page(request, "hub/protocol.html", context)


def _who(roles: tuple[Role, ...]) -> str:
    return roles[0].value if len(roles) == 1 else "both"
