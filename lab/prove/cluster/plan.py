"""Faults of a cluster by a seed. Pure.

The faults of a trial strike one after the other: each begins once the cluster has recovered from the one before, so
that failover and recovery of each can be measured, and no two together take a majority of the brokers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from pix.web.marks import translatable


class Group(StrEnum):
    """What `codepix cluster --faults` names."""

    BROKERS = "brokers"
    DATABASE = "database"
    HUBS = "hubs"
    BANKS = "banks"
    PARTITIONS = "partitions"
    CLOCKS = "clocks"
    UPGRADE = "upgrade"
    """Of a cluster that was started with the services of an older version."""


class Kind(StrEnum):
    """Each value is a name for people, which pages translate."""

    BROKER_KILLED = translatable("broker killed")
    BROKER_WIPED = translatable("broker killed, disk wiped")
    CONTROLLER_KILLED = translatable("controller killed")
    PRIMARY_KILLED = translatable("primary killed")
    PRIMARY_CUT_OFF = translatable("primary cut off")
    """Of every host but one hub's, so that a client still reaches the old primary."""
    HUB_KILLED = translatable("hub killed")
    HUB_FROZEN = translatable("hub's host frozen")
    BANK_KILLED = translatable("bank replica killed")
    BANK_FROZEN = translatable("bank's host frozen")
    HOST_CUT_OFF = translatable("host cut off from some hosts")
    ONE_WAY_LOSS = translatable("one-way loss")
    SLOW_LINKS = translatable("slow links")
    CLOCK_FAST = translatable("clock fast")
    CLOCK_SLOW = translatable("clock slow")
    ROLLING_UPGRADE = translatable("rolling upgrade")
    """Each service in turn is stopped, and started with this version; the first brings the schema up."""


KINDS: Final[dict[Group, tuple[Kind, ...]]] = {
    Group.BROKERS: (Kind.BROKER_KILLED, Kind.CONTROLLER_KILLED, Kind.BROKER_WIPED),
    Group.DATABASE: (Kind.PRIMARY_KILLED, Kind.PRIMARY_CUT_OFF),
    Group.HUBS: (Kind.HUB_KILLED, Kind.HUB_FROZEN),
    Group.BANKS: (Kind.BANK_KILLED, Kind.BANK_FROZEN),
    Group.PARTITIONS: (Kind.HOST_CUT_OFF, Kind.ONE_WAY_LOSS, Kind.SLOW_LINKS),
    Group.CLOCKS: (Kind.CLOCK_FAST, Kind.CLOCK_SLOW),
    Group.UPGRADE: (Kind.ROLLING_UPGRADE,),
}
SECONDS_MIN: Final = 5.0
SECONDS_MAX: Final = 12.0
"""How long a fault lasts. More than a time-out of the failover, so that what was hit is replaced before it is back."""


@dataclass(frozen=True, slots=True)
class ClusterFault:
    """One fault. `target` chooses among the hosts or parts of the kind, modulo their number; `others` the far ends."""

    kind: Kind
    target: int
    others: int
    seconds: float
    far_hosts: tuple[str, ...] = ()
    """Of a fault of links, the far ends by name; empty: every second of the other hosts."""


def plan_faults(groups: Sequence[Group], per_group: int, random: Random) -> list[ClusterFault]:
    """`per_group` faults of each group, in random order. Each kind of a group comes once before any comes twice.

    With fewer faults than kinds the seed decides which kinds are left out. An upgrade comes once.
    """
    faults = []
    for group in groups:
        kinds: list[Kind] = []
        for _ in range(1 if group is Group.UPGRADE else per_group):
            if not kinds:
                kinds = random.sample(KINDS[group], len(KINDS[group]))
            faults.append(
                ClusterFault(
                    kind=kinds.pop(),
                    target=random.randrange(1_000),
                    others=random.randrange(1_000),
                    seconds=random.uniform(SECONDS_MIN, SECONDS_MAX),
                )
            )
    random.shuffle(faults)
    return faults
