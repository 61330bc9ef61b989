"""The hub's REST API: one more transport beside gRPC, on the same use cases.

The routers of the virtual clock are listed apart, because only a network with one has them.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from hub.entrypoints.http.api import (
    banks,
    course,
    dead_letters,
    events,
    exports,
    keys,
    network,
    operating,
    topics,
    transfers,
)
from hub.entrypoints.http.api.flows import FLOW_ROUTERS

API_ROUTERS: Final[tuple[APIRouter, ...]] = (
    banks.router,
    # Before those of single rows, whose ids their paths would be.
    exports.router,
    exports.returns_router,
    transfers.router,
    dead_letters.router,
    *FLOW_ROUTERS,
    keys.router,
    network.router,
    network.directory_router,
    course.router,
    operating.router,
    topics.router,
    events.router,
)
