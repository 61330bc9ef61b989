"""A bank counts by the hub's revision of the clock before it answers a message of the hub."""

from __future__ import annotations

from collections.abc import Sequence

from pix.participant.clock.model import FollowClock
from pix.participant.gateway import ProcessMessages
from pix.scheme.clock import VirtualTime
from pix.scheme.deliveries import Arrival, Outgoing, Rejected


def newest(times: Sequence[VirtualTime | None]) -> VirtualTime | None:
    """The one with the highest revision."""
    return max((time for time in times if time is not None), key=lambda time: time.revision, default=None)


def following(follow: FollowClock, process: ProcessMessages) -> ProcessMessages:
    """The use case, which answers no message before the process counts by the revision that the message tells."""

    def handle(arrivals: Sequence[Arrival], rejected: Sequence[Rejected] = ()) -> Sequence[Outgoing]:
        time = newest([arrival.clock for arrival in arrivals])
        if time is not None:
            follow.take(time)
        return process(arrivals, rejected)

    return handle
