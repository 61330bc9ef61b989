"""What is seen once for several cases, because it costs a restart of the bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from lab.prove.conform.verdict import Failed

if TYPE_CHECKING:
    from lab.prove.conform.bench import Bench

REFUSALS_MAX: Final = 1_000
JOINS_SECONDS_MAX: Final = 45.0
"""Until the bank has called JoinNetwork twice after its start; runtimes that compile first need most of it."""
HEARTBEAT_SECONDS_MAX: Final = 15.0


@dataclass(frozen=True, slots=True)
class Departure:
    """An end by SIGTERM, and a start while the hub answers JoinNetwork with UNAVAILABLE."""

    seconds_to_end: float | None
    """None: it had to be killed."""
    left: bool
    left_instance: str
    instances_before: frozenset[str]
    joins_refused: int
    ready_before_join: bool
    joined_again: bool
    instances_after: frozenset[str]


def observe_departure(bench: Bench) -> Departure:
    """Ends the bank and starts it again; it is ready afterwards. Raises `CannotExamine` when it is not."""
    hub, process = bench.hub, bench.process
    hub.wait(lambda: bool(hub.calls("KeepInTouch")), HEARTBEAT_SECONDS_MAX)
    before = frozenset(call.request.instance for call in hub.calls("KeepInTouch"))
    bench.evidence.note("SIGTERM")
    try:
        seconds: float | None = process.terminate()
    except Failed:
        seconds = None
    left = hub.calls("LeaveNetwork")
    calls_before = len(hub.calls("KeepInTouch"))
    joined_before = len(hub.joined)
    joins_before = len(hub.calls("JoinNetwork"))
    bench.evidence.note("The bank is started; the hub answers JoinNetwork with UNAVAILABLE")
    fault = hub.fail("JoinNetwork", lambda _request: True, grpc.StatusCode.UNAVAILABLE, times=REFUSALS_MAX)
    process.launch()
    hub.wait(lambda: len(hub.calls("JoinNetwork")) >= joins_before + 2, JOINS_SECONDS_MAX)
    refused = len(hub.calls("JoinNetwork")) - joins_before
    was_ready = process.is_ready()
    hub.end_fault(fault)
    bench.evidence.note("The hub answers JoinNetwork again")
    process.await_ready()
    hub.wait(lambda: len(hub.calls("KeepInTouch")) > calls_before, HEARTBEAT_SECONDS_MAX)
    after = hub.calls("KeepInTouch")[calls_before:]
    return Departure(
        seconds,
        bool(left),
        left[-1].request.instance if left else "",
        before,
        refused,
        was_ready,
        len(hub.joined) > joined_before,
        frozenset(call.request.instance for call in after),
    )
