"""The liveness of banks: their heartbeats, and the states that follow from heartbeats and open offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from hub.domain.bank import Bank
from pix.scheme.values import value_object

HEARTBEAT_AGE_MS_MAX: Final = 8_000
"""A process without a heartbeat for this long does not respond; a bank sends one every two seconds.

A heartbeat this far in the future is from before a step back of the hub's clock, and does not count either.
"""

UNANSWERED_MS_MAX: Final = 10_000
"""A bank with an unanswered offer of this age is silent. In the real scheme 95 of 100 banks answer in 2.3 s."""

LAG_RECORDS_MAX: Final = 100
"""A bank with a larger consumer lag is behind."""

INSTANCE_AGE_MS_MAX: Final = 24 * 3_600_000
"""The hub forgets a process whose last heartbeat is older than this."""


class BankState(StrEnum):
    UP = "up"
    """It sends heartbeats and answers offers."""
    SILENT = "silent"
    """It sends heartbeats and leaves an offer unanswered."""
    STOPPED = "stopped"
    """It has left in an orderly way, or never joined."""
    NOT_RESPONDING = "not-responding"
    """Its heartbeats have ceased, and it has not left: killed, frozen, or cut off."""
    BEHIND = "behind"
    """Its consumer lag is large."""
    SUSPENDED = "suspended"
    """The operator has suspended it."""


@value_object
class BankInstance:
    """The last heartbeat of one process of a bank."""

    ispb: str
    instance: str
    """The process makes it at its start; replicas of a bank have different ones."""
    version: str
    lag: int | None
    """Its consumer lag in records; None when it consumes none."""
    last_seen_at_ms: int
    left_at_ms: int | None = None
    """When it left; None while it runs."""


@value_object
class Liveness:
    """The heartbeats of a bank: all of its processes together."""

    last_seen_at_ms: int | None = None
    """None without a heartbeat in the last day."""
    left_at_ms: int | None = None
    """When the last of its processes left; None while one runs, or was killed."""
    lag: int | None = None
    """The consumer lag of the processes that respond, in records."""
    versions: tuple[str, ...] = ()
    instances: int = 0
    """How many of its processes respond."""


def liveness_by_bank(instances: Iterable[BankInstance], now_ms: int) -> Mapping[str, Liveness]:
    """By ISPB."""
    by_bank: dict[str, list[BankInstance]] = {}
    for instance in instances:
        by_bank.setdefault(instance.ispb, []).append(instance)
    return {ispb: _liveness_of(of_bank, now_ms) for ispb, of_bank in by_bank.items()}


def _liveness_of(instances: list[BankInstance], now_ms: int) -> Liveness:
    running = [each for each in instances if each.left_at_ms is None]
    there = [each for each in running if abs(now_ms - each.last_seen_at_ms) <= HEARTBEAT_AGE_MS_MAX]
    newest = max(instances, key=lambda each: each.last_seen_at_ms)
    lags = [each.lag for each in there if each.lag is not None]
    return Liveness(
        last_seen_at_ms=newest.last_seen_at_ms,
        # A killed process beside others that left counts until its heartbeat is too old.
        left_at_ms=newest.left_at_ms if not there else None,
        lag=sum(lags) if lags else None,
        versions=tuple(sorted({each.version for each in there or [newest]} - {""})),
        instances=len(there),
    )


def state_of(bank: Bank, liveness: Liveness | None, oldest_offer_at_ms: int | None, now_ms: int) -> BankState:
    """A bank's state. `oldest_offer_at_ms` is when its oldest offer without an answer was made; None without any."""
    if not bank.active:
        return BankState.SUSPENDED
    if liveness is None or (not liveness.instances and liveness.left_at_ms is not None):
        return BankState.STOPPED
    if not liveness.instances:
        return BankState.NOT_RESPONDING
    if liveness.lag is not None and liveness.lag > LAG_RECORDS_MAX:
        return BankState.BEHIND
    if oldest_offer_at_ms is not None and now_ms - oldest_offer_at_ms > UNANSWERED_MS_MAX:
        return BankState.SILENT
    return BankState.UP
