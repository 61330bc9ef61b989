"""Whether a bank is there: what its processes have said of themselves, and what that and the open transfers tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from hub.domain.bank import Bank
from pix.scheme.values import value_object

HEARTBEAT_AGE_MS_MAX: Final = 8_000
"""A process that has sent no heartbeat for so long does not respond; a bank sends one every two seconds.

One that was last seen as long in the future was seen before the hub's clock went back: then it counts as little.
"""

UNANSWERED_MS_MAX: Final = 10_000
"""A bank that leaves an offer without an answer for so long is silent. In the real scheme 95 of 100 answer in 2.3 s."""

LAG_RECORDS_MAX: Final = 100
"""With more records waiting than this a bank is behind: it reads, and has much to read."""

INSTANCE_AGE_MS_MAX: Final = 24 * 3_600_000
"""What was last heard of a process longer ago than this is forgotten."""


class BankState(StrEnum):
    """What there is to see of a bank from the hub."""

    UP = "up"
    """It speaks, and answers."""
    SILENT = "silent"
    """It speaks, and leaves an offer without an answer."""
    STOPPED = "stopped"
    """It has said that it stops, or was never there."""
    NOT_RESPONDING = "not-responding"
    """Its heartbeats have ceased, and it has not said that it stops: killed, frozen, or cut off."""
    BEHIND = "behind"
    """It has many records to read."""
    SUSPENDED = "suspended"
    """The operator has suspended it."""


@value_object
class BankInstance:
    """What one process of a bank has said of itself last."""

    ispb: str
    instance: str
    """Made by the process at its start; replicas of a bank have different ones."""
    version: str
    lag: int | None
    """Records that wait to be read by this process; None when it consumes none."""
    last_seen_at_ms: int
    left_at_ms: int | None = None
    """When it said that it stops; None while it runs."""


@value_object
class Liveness:
    """What was heard of a bank: all of its processes together."""

    last_seen_at_ms: int | None = None
    """None when it was never heard of, or not for a day."""
    left_at_ms: int | None = None
    """When the last of its processes stopped in good order; None while one runs, or was killed."""
    lag: int | None = None
    """Records that wait to be read, of the processes that are there."""
    versions: tuple[str, ...] = ()
    instances: int = 0
    """How many of its processes are there."""


def liveness_by_bank(instances: Iterable[BankInstance], now_ms: int) -> Mapping[str, Liveness]:
    """What is known of each bank, by ISPB."""
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
        # One that was killed beside others that left is only seen to be gone once it has not been heard of.
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
