"""Replicas of one participant that treat the same records at the same time, as in a rebalance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from bank_sim.adapters.memory.unit_of_work import BankStore
from pix.messaging.batches import BatchHandler
from pix.scheme.postings import Direction
from pix.wire.protobuf_v1.batches import pack
from pix.wire.record import Record
from tests.simulation.network import PARTITIONS
from tests.simulation.processes import FatefulUnits, Instance

if TYPE_CHECKING:
    from tests.simulation.world import World

RACE_CHANCE = 0.05
RACE_CHANCE_WHILE_HOLDING = 0.5
"""Returns of one payment, which two replicas must not decide on at the same time, are few."""


def race(instance: Instance, units: FatefulUnits, other: BatchHandler, random: Random) -> None:
    """Now and then, as in a rebalance, the other replica treats the same records between our look and our save."""
    handle = instance.handle
    current: list[Sequence[Record]] = []

    def handle_and_remember(records: Sequence[Record]) -> Sequence[Record]:
        current[:] = [records]
        try:
            return handle(records)
        finally:
            current.clear()

    def between() -> None:
        if current and random.random() < RACE_CHANCE:
            other(current.pop())

    instance.handle = handle_and_remember
    units.between = between


def race_at_bank(
    instance: Instance, units: FatefulUnits, other: BatchHandler, store: BankStore, random: Random
) -> None:
    """The same at a bank, whose store takes one transaction at a time: its look comes after, and yet sees nothing.

    The other replica treats the first of the records.
    """
    handle = instance.handle
    tables = tuple(store.rows.values())

    def handle_after_the_other(records: Sequence[Record]) -> Sequence[Record]:
        key = records[0].key.decode()
        is_new = all(table.get((key, direction)) is None for table in tables for direction in Direction)
        if is_new and random.random() < RACE_CHANCE:
            other(records[:1])
            units.look.hidden = key
        try:
            return handle(records)
        finally:
            units.look.hidden = ""

    instance.handle = handle_after_the_other


def now_and_then(other: Instance, random: Random) -> Callable[[bool], None]:
    """Lets the other replica treat records of its own while this one is in the middle of a batch."""

    def beside(is_holding: bool) -> None:
        if random.random() < (RACE_CHANCE_WHILE_HOLDING if is_holding else RACE_CHANCE):
            other.take_turn()

    return beside


def publishing(world: World, handle: BatchHandler) -> BatchHandler:
    """Another replica's handler: it publishes what it owes once all is healed; before that it dies in between."""

    def handle_and_publish(records: Sequence[Record]) -> Sequence[Record]:
        outgoing = handle(records)
        if world.watch is not None:
            world.broker.publish(pack(outgoing, lambda _: PARTITIONS))
        return outgoing

    return handle_and_publish
