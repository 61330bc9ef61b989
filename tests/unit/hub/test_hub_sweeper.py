"""The hub's sweeper as a role: when it sweeps, what it says of itself, and what ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from hub.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from hub.entrypoints.scheduler import INTERVAL_SECONDS, SWEEP_SECONDS_MAX, Sweeper
from pix.runtime.health import Health
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.scheme.deliveries import Outgoing
from pix.scheme.messages import Side, TransferFailed
from pix.scheme.reasons import ReasonCode
from tests.unit.hub.builders import ANA, AURORA, BIAS_KEY

CLOSED = TransferFailed(
    f"E{AURORA}202611281200ABCDEFGHIJK", Side.PAYER, ReasonCode.AB03, 100, ANA, None, BIAS_KEY, "", 1
)
DUE = [Outgoing(AURORA, CLOSED)] * (TRANSFERS_PER_SWEEP_MAX + 1)


class Turns(threading.Event):
    """Stops the role after some waits, and notes what had happened before each of them."""

    def __init__(self, count: Callable[[], int], waits: int) -> None:
        super().__init__()
        self._count = count
        self._waits = waits
        self.before_each: list[int] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == INTERVAL_SECONDS
        self.before_each.append(self._count())
        if len(self.before_each) == self._waits:
            self.set()
        return self.is_set()


class Wire:
    """Takes records."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def publish(self, records: Sequence[Outgoing]) -> None:
        self.records.extend(records)


def sweeper_of(retransmit_due: Callable[[], list[Outgoing]], wire: Wire, health: Health | None = None) -> Sweeper:
    return Sweeper(retransmit_due, list, wire.publish, lambda: 0, health or Health())


def test_when_more_is_due_than_one_sweep_takes_the_next_one_follows_without_a_wait() -> None:
    waiting, wire = list(DUE), Wire()

    def retransmit_due() -> list[Outgoing]:
        taken = waiting[:TRANSFERS_PER_SWEEP_MAX]
        del waiting[:TRANSFERS_PER_SWEEP_MAX]
        return taken

    stop = Turns(lambda: len(wire.records), waits=2)
    sweeper_of(retransmit_due, wire).run(stop)
    assert stop.before_each == [0, len(DUE)]


@pytest.mark.parametrize("error", [DatabaseUnavailable("connection refused"), BrokerUnavailable("no broker")])
def test_a_sweep_that_cannot_be_done_is_told_and_the_next_one_tries_again(error: Exception) -> None:
    health, failures, said = Health(), [error], []

    def retransmit_due() -> list[Outgoing]:
        if failures:
            raise failures.pop()
        return []

    def note() -> int:
        said.append(health.report().get("sweeper"))
        return 0

    sweeper_of(retransmit_due, Wire(), health).run(Turns(note, waits=3))
    assert said == [None, str(error), "ok"]


def test_a_sweep_that_fails_in_a_way_of_its_own_ends_the_role() -> None:
    def retransmit_due() -> list[Outgoing]:
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        sweeper_of(retransmit_due, Wire()).run(Turns(lambda: 0, waits=9))


def test_a_sweep_that_hangs_is_seen() -> None:
    now = 0.0
    health = Health(lambda: now)
    sweeper_of(list, Wire(), health).run(Turns(lambda: 0, waits=2))
    now += SWEEP_SECONDS_MAX + 1
    assert health.report()["sweeper"] == "has not finished what it began 31 s ago"
