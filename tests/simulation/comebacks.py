"""Signs of life between the participants: who comes back is noticed, and gets what it has missed at once.

Only some of the runs have them. In the others every message waits for its backoff, which hides less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pix.participant.reachability import GRACE_MS, Comeback, Reachability
from pix.runtime.outages import DatabaseUnavailable, PublishFailed
from pix.scheme.deliveries import HUB
from tests.simulation.network import Timeline
from tests.simulation.processes import SWEEP_MS, Crashed, Instance

HEARTBEAT_MS = 2_000
ABSENT_MS = 4_000
COMEBACK_MS = HEARTBEAT_MS + GRACE_MS + SWEEP_MS + 5_000
"""From the start of the last participant that was away until nothing is open: messages take a while, too."""

RetransmitWaiting = Callable[[Comeback, int | None], tuple[int, int | None]]


@dataclass(slots=True)
class Member:
    """A process, and what it notices of others."""

    instance: Instance
    ispb: str
    """`HUB` for a process of the hub."""
    clock: Any
    retransmit_waiting: RetransmitWaiting
    reachability: Reachability = field(init=False)
    down_since_ms: int | None = None
    is_planned: bool = False

    def counts(self, other: Member) -> bool:
        """Whether the other one is a counterpart: banks have the hub alone."""
        return (self.ispb == HUB) != (other.ispb == HUB)


class Comebacks:
    """Of one run."""

    def __init__(self, timeline: Timeline, retransmit_missed: Callable[..., Callable[[], int]]) -> None:
        """`retransmit_missed` makes the real thing, or what a planted bug puts in its place."""
        self._timeline = timeline
        self._retransmit_missed = retransmit_missed
        self._members: list[Member] = []

    def join(self, instance: Instance, ispb: str, clock: Any, retransmit_waiting: RetransmitWaiting) -> None:
        """Notices from now on when the process starts, dies, and cannot publish."""
        member = Member(instance, ispb, clock, retransmit_waiting)
        self._members.append(member)
        instance.on_start = lambda: self._started(member)
        instance.on_stop = lambda: self._stopped(member)
        instance.on_trouble = lambda: self._plan(member)

    def _stopped(self, member: Member) -> None:
        if member.down_since_ms is None:
            member.down_since_ms = self._timeline.now_ms()

    def _started(self, member: Member) -> None:
        now_ms = self._timeline.now_ms()
        was_absent = member.down_since_ms is not None and now_ms - member.down_since_ms > ABSENT_MS
        member.down_since_ms = None
        member.is_planned = False
        member.reachability = member.instance.reachability = Reachability(
            member.clock, self._timeline.now_ms, ABSENT_MS
        )
        lifetime = member.instance.lifetime

        def beat() -> None:
            if lifetime != member.instance.lifetime or not member.instance.is_up:
                return
            for other in self._members:
                if member.counts(other) and other.instance.is_up:
                    member.reachability.note_seen([other.ispb])
                    if was_absent:
                        other.reachability.note_missing(member.ispb)
                    other.reachability.note_seen([member.ispb])
                    self._plan(other)
            self._plan(member)

        self._timeline.at(now_ms + HEARTBEAT_MS, beat)

    def _plan(self, member: Member, wait_ms: int = GRACE_MS + SWEEP_MS) -> None:
        if member.is_planned or not member.instance.is_up:
            return
        member.is_planned = True
        lifetime = member.instance.lifetime
        self._timeline.at(self._timeline.now_ms() + wait_ms, lambda: self._retransmit(member, lifetime))

    def _retransmit(self, member: Member, lifetime: int) -> None:
        if lifetime != member.instance.lifetime or not member.instance.is_up:
            return
        member.is_planned = False
        again = member.reachability.broker_fails
        try:
            self._retransmit_missed(member.reachability, member.retransmit_waiting, lambda: True)()
        except (DatabaseUnavailable, PublishFailed):
            again = True
        except Crashed as crash:
            member.instance.die(crash)
            return
        member.instance.plan_sweep()
        if again or member.reachability.due():
            self._plan(member)
