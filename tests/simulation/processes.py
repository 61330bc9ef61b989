"""The processes of a simulated network: real application code on memory stores, which crash and start again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import TracebackType
from typing import Any

from bank_sim.domain.flows.returns.model import NAME as RETURN
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from pix.messaging.batches import BatchHandler, BatchLoop, Publication, RecordSink
from pix.participant.gateway import MessageGateway
from pix.participant.reachability import Reachability, WatchedSink
from pix.runtime.outages import DatabaseUnavailable, PublishFailed
from pix.scheme.deliveries import Outgoing
from pix.wire.protobuf_v1.batches import pack
from pix.wire.record import Record
from tests.simulation.network import PARTITIONS, Broker, Faults, Position, Source, Timeline, Trace

TURN_MS = 20
SWEEP_MS = 2_000
RETRY_MS = 300
RESTART_MS_MAX = 20_000
LAG_RECORDS_MAX = 100
LATE_PUBLICATIONS = 0.5


class Crashed(BaseException):
    """The process has died here. Not an Exception: no code of the application may survive it."""


class Fate:
    """Decides at each point of a process whether it dies there, or finds its database away."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.faults = Faults()
        self.crashes: dict[str, int] = {}

    def reach(self, point: str) -> None:
        """A point between two steps. Raises Crashed."""
        if self._random.random() < self.faults.crash:
            self.crashes[point] = self.crashes.get(point, 0) + 1
            raise Crashed(point)

    def ask_database(self) -> None:
        """Raises DatabaseUnavailable."""
        if self._random.random() < self.faults.database_away:
            raise DatabaseUnavailable("simulated")


class FatefulUnit:
    """A unit of work of a process that may die around it; the store sees an uncommitted transaction undone."""

    def __init__(self, inner: Any, units: FatefulUnits) -> None:
        self._inner = inner
        self._units = units
        self._fate = units.fate
        self._held: set[str] = set()
        self._has_written = False
        raced = {flow: RacedRows(rows, units, self._held, self._note_writing) for flow, rows in inner.rows.items()}
        self.rows: Mapping[str, Any] = raced
        """Of each flow; another replica may be quick between the look and the lock."""
        self.transfers = raced[TRANSFER]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def settlement(self) -> Any:
        """The settlement accounts; another replica may move money after the look.

        Not once this transaction has written: the store has one transaction at a time, and the other's end would be the
        end of what is written here.
        """
        beside = _nothing if self._has_written else self._units.beside
        return RacedAccounts(self._inner.settlement, lambda: beside(bool(self._held)))

    def _note_writing(self) -> None:
        self._has_written = True

    def __enter__(self) -> FatefulUnit:
        self._fate.reach("before load")
        self._fate.ask_database()
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._units.held -= self._held
        self._inner.__exit__(kind, error, trace)

    def commit(self) -> None:
        """Durable, or not: a process may die on either side of it, and an answer may be lost on the way back."""
        self._fate.reach("before commit")
        self._fate.ask_database()
        self._inner.commit()
        self._fate.reach("after commit")
        self._fate.ask_database()


@dataclass(slots=True)
class Look:
    """Of which record key the next look for rows finds none: another replica adds them right after the look."""

    hidden: str = ""


class RacedRows:
    """Rows that were not there when they were looked for may be there when they are added."""

    def __init__(self, inner: Any, units: FatefulUnits, held: set[str], note_writing: Callable[[], None]) -> None:
        """`held` is what this transaction keeps the other replicas from."""
        self._inner = inner
        self._units = units
        self._held = held
        self._note_writing = note_writing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def lock(self, ids: Collection[Any], **how: Any) -> Any:
        """Locks what is there; then the other replica has its chance with what is not.

        What is locked in any case stands still until the end: another replica that needs it tries its batch again.
        """
        if surely := how.get("surely"):
            self._hold(surely)
        found = self._inner.lock(ids, **how)
        look = self._units.look
        if look.hidden and any(row_id[0] == look.hidden for row_id in ids):
            hidden, look.hidden = look.hidden, ""
            return {row_id: row for row_id, row in found.items() if row_id[0] != hidden}
        if ids and not found:
            self._units.between()
        return found

    def _hold(self, ids: Collection[str]) -> None:
        if self._units.locks_originals and self._units.held & set(ids) - self._held:
            raise DatabaseUnavailable("simulated: another replica holds a row for too long")
        self._held.update(ids)
        self._units.held.update(ids)

    def save(self, changes: Sequence[Any]) -> None:
        """As in the store, which has a unique key, or has none."""
        if not self._units.has_unique_key:
            changes = [replace(change, is_new=False) for change in changes]
        if changes:
            self._note_writing()
        self._inner.save(changes)


class RacedAccounts:
    """Money that was read may have moved when the batch is saved."""

    def __init__(self, inner: Any, beside: Callable[[], None]) -> None:
        self._inner = inner
        self._beside = beside

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def all(self) -> Any:
        """As it is now; then the other replica has its chance."""
        found = self._inner.all()
        self._beside()
        return found


class FatefulUnits:
    """Opens such units."""

    def __init__(
        self,
        inner: Callable[[], Any],
        fate: Fate,
        held: set[str] | None = None,
        *,
        locks_originals: bool = True,
        has_unique_key: bool = True,
    ) -> None:
        """`held` is what transactions of all replicas hold; the two flags are what a planted bug takes away."""
        self._inner = inner
        self.fate = fate
        self.held: set[str] = set() if held is None else held
        self.locks_originals = locks_originals
        self.has_unique_key = has_unique_key
        self.between: Callable[[], None] = _nothing
        """The other replica treats the same records."""
        self.beside: Callable[[bool], None] = _nothing
        """The other replica treats its records; told whether this one holds rows that it does not change."""
        self.look = Look()

    def __call__(self) -> Any:
        return FatefulUnit(self._inner(), self)


class ForgetfulUnits:
    """Opens units of a bank that sees no earlier return of a payment, and so gives back more than is left."""

    def __init__(self, inner: Callable[[], Any]) -> None:
        self._inner = inner

    def __call__(self) -> Any:
        unit = self._inner()
        unit.rows = {**unit.rows, RETURN: ForgottenRows(unit.rows[RETURN])}
        return unit


class ForgottenRows:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def list(self, _narrow: object) -> Sequence[Any]:
        """None of them."""
        return ()


def _nothing(_is_holding: bool = False) -> None:
    """No other replica."""


class Sink:
    """Publishes for a process that may die in the middle of it."""

    def __init__(self, broker: Broker, fate: Fate) -> None:
        self._broker = broker
        self._fate = fate

    def publish(self, records: Sequence[Record]) -> None:
        """Sends them packed, one after the other. Raises PublishFailed, or dies, after some of them."""
        for record in pack(records, lambda _: PARTITIONS):
            self._fate.reach("amid publish")
            self._broker.publish([record])


class BackgroundPublisher:
    """Loses what it cannot publish; see `bank_sim.application.ports.BackgroundPublisher`."""

    def __init__(self, sink: Sink, gateway: MessageGateway) -> None:
        self._sink = sink
        self._gateway = gateway

    def enqueue(self, outgoing: Sequence[Outgoing]) -> None:
        """Never raises, but dies with its process."""
        try:
            self._sink.publish(self._gateway.encode(outgoing))
        except PublishFailed:
            return


LoopOf = Callable[[Source, BatchHandler, RecordSink], BatchLoop[Position]]


@dataclass(slots=True)
class Instance:
    """One process: a consumer and a sweeper on a store that outlives it."""

    name: str
    topic: str
    group: str
    partitions: tuple[int, ...]
    timeline: Timeline
    broker: Broker
    random: Random
    trace: Trace
    fate: Fate
    handle: BatchHandler
    sweep: Callable[[], None]
    next_due_ms: Callable[[], int | None]
    loop_of: LoopOf = BatchLoop
    race: Callable[[Sequence[Record]], None] | None = None
    is_up: bool = False
    source: Source | None = None
    loop: BatchLoop[Position] | None = None
    lifetime: int = 0
    started_ms: int = 0
    turn_is_planned: bool = False
    is_in_turn: bool = False
    sweep_planned_ms: int | None = None
    violations: list[str] | None = None
    reachability: Reachability | None = None
    on_start: Callable[[], None] | None = None
    on_stop: Callable[[], None] | None = None
    on_trouble: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins with what is durable."""
        if self.is_up:
            return
        self.is_up = True
        self.started_ms = self.timeline.now_ms()
        self.lifetime += 1
        self.source = Source(self.broker, self.topic, self.group, self.partitions, self.random)
        sink = Sink(self.broker, self.fate)
        if self.on_start is not None:
            self.on_start()
        noting: RecordSink = _NotingSink(sink, self.source, self.fate, self.random)
        if self.reachability is not None:
            noting = WatchedSink(noting, self.reachability)
        self.loop = self.loop_of(self.source, self._handle, noting)
        self.turn_is_planned = False
        self.sweep_planned_ms = None
        self.plan_turn()
        self.plan_sweep()

    def stop(self) -> None:
        """Dies."""
        if self.is_up and self.on_stop is not None:
            self.on_stop()
        self.is_up = False
        if self.source is not None and self.violations is not None:
            self.violations += self.source.violations
        self.source = None
        self.loop = None

    def _handle(self, records: Sequence[Record]) -> Sequence[Record]:
        self.fate.reach("after poll")
        outgoing = self.handle(records)
        self.fate.reach("after save")
        return outgoing

    def plan_turn(self, wait_ms: int = TURN_MS) -> None:
        """The consumer looks soon."""
        if self.is_up and not self.turn_is_planned:
            self.turn_is_planned = True
            lifetime = self.lifetime
            self.timeline.at(self.timeline.now_ms() + wait_ms, lambda: self._turn(lifetime))

    def take_turn(self) -> None:
        """The consumer looks now, unless it is in the middle of a batch."""
        if not self.is_in_turn:
            self._turn(self.lifetime)

    def _turn(self, lifetime: int) -> None:
        if lifetime != self.lifetime or not self.is_up or self.loop is None or self.source is None:
            return
        self.turn_is_planned = False
        self.is_in_turn = True
        try:
            if self.loop.turn(0) > 0:
                self.plan_turn()
            self.plan_sweep()
        except (DatabaseUnavailable, PublishFailed):
            self.source.rewind()
            self.plan_turn(RETRY_MS)
            if self.on_trouble is not None:
                self.on_trouble()
        except Crashed as crash:
            self.die(crash)
        finally:
            self.is_in_turn = False

    def plan_sweep(self) -> None:
        """The sweeper looks when something is due, and not twice in half a second."""
        due_ms = self.next_due_ms()
        if due_ms is None or not self.is_up:
            return
        at_ms = max(due_ms, self.timeline.now_ms() + SWEEP_MS)
        if self.sweep_planned_ms is not None and self.sweep_planned_ms <= at_ms:
            return
        self.sweep_planned_ms = at_ms
        lifetime = self.lifetime
        self.timeline.at(at_ms, lambda: self._sweep(lifetime, at_ms))

    def _sweep(self, lifetime: int, planned_ms: int) -> None:
        if lifetime != self.lifetime or not self.is_up or self.source is None or self.sweep_planned_ms != planned_ms:
            return
        self.sweep_planned_ms = None
        try:
            if self.source.lag() <= LAG_RECORDS_MAX:
                self.sweep()
        except (DatabaseUnavailable, PublishFailed):
            pass
        except Crashed as crash:
            self.die(crash)
            return
        self.plan_sweep()

    def act(self, action: Callable[[], object]) -> bool:
        """Somebody calls a use case of this process; whether it answered."""
        if not self.is_up:
            return False
        has_answered = False
        try:
            action()
            has_answered = True
        except (DatabaseUnavailable, PublishFailed):
            # The commit may have happened, and its answer be lost: the sweeper looks all the same.
            pass
        except Crashed as crash:
            self.die(crash)
        self.plan_sweep()
        return has_answered

    def die(self, crash: Crashed) -> None:
        """Ends here, and starts again soon."""
        self.trace.note(f"{self.name} dies {crash}")
        self.stop()
        self.timeline.at(self.timeline.now_ms() + self.random.randrange(1, RESTART_MS_MAX), self.start)


class _NotingSink:
    """Tells the source that a batch is durable once it is published, and lets the process die after that.

    Chance says whether the records have gone when they are handed over, or only when somebody waits for them.
    """

    def __init__(self, sink: Sink, source: Source, fate: Fate, random: Random) -> None:
        self._sink = sink
        self._source = source
        self._fate = fate
        self._random = random

    def publish(self, records: Sequence[Record]) -> None:
        """See `pix.messaging.batches.RecordSink`."""
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> Publication:
        """See `pix.messaging.batches.RecordSink`."""
        generation, polled = self._source.generation, self._source.polled
        is_late = self._random.random() < LATE_PUBLICATIONS

        def finish() -> None:
            if is_late:
                self._sink.publish(records)
            self._source.note_durable(generation, polled)
            self._fate.reach("after publish")

        if not is_late:
            self._sink.publish(records)
        return _UnderWay(finish)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """See `pix.messaging.batches.Publication`."""

    wait: Callable[[], None]
