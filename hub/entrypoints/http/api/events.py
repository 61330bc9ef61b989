"""The stream of messages as they pass, for programs: `/api/v1/events`."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from fastapi import Request
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from hub.application.live_messages import LiveMessage, LiveMessages
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.web.events import KEEP_ALIVE_SECONDS, RECONNECT_MS, STREAM_SECONDS_MAX, Events, LiveStream
from pix.web.session_registry import SessionEnd

router = api_router("events")

LOOK_SECONDS: Final = 0.1


class LiveMessageDocument(BaseModel):
    """A message on its way from a bank to the hub, or from the hub to a bank."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "at_ms": 1_769_889_120_412,
                "type": "TransferOffered",
                "end_to_end_id": "E00000001202601311832aB3dE6gH9jK",
                "from": "hub",
                "to": "002",
                "amount_centavos": 12_345,
                "status": "pending",
                "reason": None,
            }
        },
    )

    at_ms: int = Field(description="Time of sending, from the sender's clock.")
    type: str = Field(description="The message's name, or `Unreadable` for one that its receiver cannot process.")
    end_to_end_id: str
    sender: str = Field(alias="from", description="The three digits of a bank, `hub`, or empty for an unknown sender.")
    receiver: str = Field(alias="to", description="The three digits of a bank, or `hub`.")
    amount_centavos: int | None
    status: str | None = Field(description="The status of the transfer in the message: pending, confirmed or failed.")
    reason: str | None = Field(description="A reason code, or the error of an `Unreadable` message.")


def document_of(event: LiveMessage) -> dict[str, Any]:
    """What a stream says of a message: a `LiveMessageDocument`, without the cost of one."""
    return {
        "at_ms": event.at_ms,
        "type": event.type,
        "end_to_end_id": event.end_to_end_id,
        "from": event.sender,
        "to": event.receiver,
        "amount_centavos": event.amount_centavos,
        "status": event.status or None,
        "reason": event.reason or None,
    }


@router.get(
    "/events",
    response_model=None,
    responses={
        200: {
            "model": LiveMessageDocument,
            "description": "Server-sent events; the data of each is one such document",
            "content": {"text/event-stream": {}},
        }
    },
)
def stream_events(request: Request, site: SiteOf) -> LiveStream:
    """Every message between the banks and the hub as it passes, from now on, as server-sent events.

    With more than 400 messages a second only those of some transfers are sent; an event `left-out` then says how
    many were not. After five minutes the stream ends; a client that reconnects goes on. At most 50 are served.
    """
    wire = site.wire
    wire.check_room()
    return LiveStream(lambda ending: _events(request, wire, ending))


async def _events(request: Request, wire: LiveMessages, ending: SessionEnd) -> Events:
    with wire.watching() as newest:
        behind = newest
        yield format_sse_event(retry=RECONNECT_MS, comment="open")
        quiet_since = time.monotonic()
        ends_at = quiet_since + STREAM_SECONDS_MAX
        left_out = wire.look(behind).left_out
        while time.monotonic() < ends_at and not ending.is_over and not await request.is_disconnected():
            look = wire.look(behind)
            lines = [format_sse_event(data_str=json.dumps(document_of(event))) for event in look.events]
            if look.left_out != left_out:
                lines.append(
                    format_sse_event(data_str=json.dumps({"left_out": look.left_out - left_out}), event="left-out")
                )
                left_out = look.left_out
            if look.events:
                behind = look.events[-1].number
            if lines:
                quiet_since = time.monotonic()
                yield b"".join(lines)
            elif time.monotonic() - quiet_since > KEEP_ALIVE_SECONDS:
                quiet_since = time.monotonic()
                yield format_sse_event(comment="still here")
            await ending.pause(LOOK_SECONDS)
