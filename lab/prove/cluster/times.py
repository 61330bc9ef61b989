"""Failover and recovery times of the faults of a trial, from the hub's rows alone. Pure; all times are epoch ms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from lab.prove.cluster.plan import Kind

MS_PER_SECOND: Final = 1_000
LIFE_SECONDS_MAX: Final = 500.0
"""Longer and negative lives are those of transfers that a clock which is fast or slow has stamped."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was injected, and what it hit."""

    kind: Kind
    target: str
    from_ms: int
    mended_ms: int
    """What was broken is started, connected or thawed again."""
    ready_ms: int
    """What was broken says that it is ready."""


@dataclass(frozen=True, slots=True)
class Life:
    """When a transfer was requested, and when the hub closed it: both banks had processed the outcome by then."""

    requested_ms: int
    closed_ms: int


@dataclass(frozen=True, slots=True)
class FaultTimes:
    struck: Struck
    failover_seconds: float | None
    """From the fault until the first transfer that was requested after it was closed; None when there was none."""
    recovery_seconds: float
    """From the readiness of what was broken until everything was closed that was open at that moment."""
    longest_seconds: float
    """The longest life of a transfer that was open during the fault."""


def times_of(struck: Struck, lives: Iterable[Life]) -> FaultTimes:
    lives = [life for life in lives if 0 <= life.closed_ms - life.requested_ms < LIFE_SECONDS_MAX * MS_PER_SECOND]
    after = [life.closed_ms for life in lives if life.requested_ms >= struck.from_ms]
    waiting = [life.closed_ms for life in lives if life.requested_ms < struck.ready_ms < life.closed_ms]
    hit = [life for life in lives if life.requested_ms < struck.ready_ms and life.closed_ms > struck.from_ms]
    return FaultTimes(
        struck=struck,
        failover_seconds=(min(after) - struck.from_ms) / MS_PER_SECOND if after else None,
        recovery_seconds=(max(waiting, default=struck.ready_ms) - struck.ready_ms) / MS_PER_SECOND,
        longest_seconds=max((life.closed_ms - life.requested_ms for life in hit), default=0) / MS_PER_SECOND,
    )


@dataclass(frozen=True, slots=True)
class KindTimes:
    """All faults of one kind, over every trial: medians and maxima in seconds."""

    kind: Kind
    faults: int
    failover_median: float | None
    failover_longest: float | None
    recovery_median: float
    recovery_longest: float
    longest_transfer: float


def summary(times: Sequence[FaultTimes]) -> list[KindTimes]:
    """One line for each kind that occurred, in the order of `Kind`."""
    lines = []
    for kind in Kind:
        of_kind = [each for each in times if each.struck.kind is kind]
        if not of_kind:
            continue
        failovers = [each.failover_seconds for each in of_kind if each.failover_seconds is not None]
        recoveries = [each.recovery_seconds for each in of_kind]
        lines.append(
            KindTimes(
                kind=kind,
                faults=len(of_kind),
                failover_median=median(failovers) if failovers else None,
                failover_longest=max(failovers, default=None),
                recovery_median=median(recoveries),
                recovery_longest=max(recoveries),
                longest_transfer=max(each.longest_seconds for each in of_kind),
            )
        )
    return lines
