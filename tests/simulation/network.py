"""The simulated surroundings: time, chance, and a broker that loses, doubles, delays, reorders and forgets.

Everything that happens in a run comes from one seeded `Random` and from the order of one queue of events, so a run is
repeated exactly by its seed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from zlib import crc32

from pix.runtime.outages import PublishFailed
from pix.wire.record import Record

PARTITIONS = 4
BATCH_RECORDS_MAX = 12
START_MS = 1_790_000_000_000


class Timeline:
    """A virtual clock, and what is to happen when."""

    def __init__(self) -> None:
        self._now_ms = START_MS
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def now_ms(self) -> int:
        """The true time."""
        return self._now_ms

    def real_now_ms(self) -> int:
        return self._now_ms

    def at(self, time_ms: int, act: Callable[[], None]) -> None:
        """Something happens at a time; what is due at the same time happens in the order of these calls."""
        heapq.heappush(self._events, (max(time_ms, self._now_ms), next(self._order), act))

    def forget(self) -> None:
        """Nothing is to happen any more: an outcome is sent from process to process, and an act cannot be."""
        self._events.clear()

    def next_ms(self) -> int | None:
        """When the next thing happens; None when nothing is left."""
        return self._events[0][0] if self._events else None

    def advance(self) -> bool:
        """Lets the next thing happen; False when nothing is left."""
        if not self._events:
            return False
        self._now_ms, _, act = heapq.heappop(self._events)
        act()
        return True


class ParticipantClock:
    """A participant's wall clock, which may be wrong, and may step: both ports of `pix.runtime.clock`."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.off_ms = 0
        """How far it is ahead of the true time."""

    def now_ms(self) -> int:
        """What it shows."""
        return self._timeline.now_ms() + self.off_ms

    def real_now_ms(self) -> int:
        return self.now_ms()


@dataclass(slots=True)
class Trace:
    """What happened, in lines; the last of them explain a failure."""

    timeline: Timeline
    lines: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """One line, with the time since the start of the run."""
        self.lines.append(f"{self.timeline.now_ms() - START_MS:>10} ms  {what}")


@dataclass(frozen=True, slots=True)
class Faults:
    """How hostile the network is, as chances from 0 to 1; drawn from the seed."""

    loss: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    delay_ms_max: int = 0
    crash: float = 0.0
    database_away: float = 0.0
    publish_fails: float = 0.0

    @staticmethod
    def drawn(random: Random) -> Faults:
        """Some runs are calm in one respect and wild in another."""

        def chance(most: float) -> float:
            return random.choice((0.0, random.random() * most, most))

        return Faults(
            loss=chance(0.2),
            double=chance(0.3),
            delay=chance(0.4),
            delay_ms_max=random.choice((500, 20_000, 600_000)),
            crash=chance(0.03),
            database_away=chance(0.05),
            publish_fails=chance(0.08),
        )


TOLD_SHARE = 0.5


class Broker:
    """Topics of partitions of records, and the offsets that groups have committed."""

    def __init__(self, timeline: Timeline, random: Random, tardiness: Random | None = None) -> None:
        """With `tardiness`, consumers tell it of what they have committed at half of the commits, and when idle."""
        self._timeline = timeline
        self._random = random
        self.tardiness = tardiness
        self.faults = Faults()
        self.logs: dict[tuple[str, int], list[Record]] = {}
        self.starts: dict[tuple[str, int], int] = {}
        """The first offset that retention has left."""
        self.committed: dict[tuple[str, str, int], int] = {}
        self.generation = 0
        """Counts how often the log was lost; what was polled before means nothing afterwards."""
        self.on_arrival: dict[str, Callable[[], None]] = {}
        self.on_hand_over: Callable[[Record], None] | None = None
        """Called with each record that is published."""
        self.published = 0

    def create(self, topic: str, on_arrival: Callable[[], None]) -> None:
        """Makes a topic; `on_arrival` wakes whoever reads it."""
        for partition in range(PARTITIONS):
            self.logs[topic, partition] = []
            self.starts[topic, partition] = 0
        self.on_arrival[topic] = on_arrival

    def publish(self, records: Sequence[Record]) -> None:
        """Takes records on, faithfully or not. Raises PublishFailed after some of them."""
        for record in records:
            if self._random.random() < self.faults.publish_fails:
                raise PublishFailed("simulated")
            self.published += 1
            if self.on_hand_over is not None:
                self.on_hand_over(record)
            copies = 1
            if self._random.random() < self.faults.loss:
                copies = 0
            elif self._random.random() < self.faults.double:
                copies = 2
            for _ in range(copies):
                self._send(record)

    def _send(self, record: Record) -> None:
        wait_ms = 1
        if self._random.random() < self.faults.delay:
            wait_ms = self._random.randrange(1, self.faults.delay_ms_max + 1)
        generation = self.generation

        def arrive() -> None:
            if generation == self.generation:
                self.append(record)

        self._timeline.at(self._timeline.now_ms() + wait_ms, arrive)

    def append(self, record: Record) -> None:
        """A record reaches its partition's log."""
        place = (record.topic, crc32(record.key) % PARTITIONS)
        log = self.logs[place]
        offset = self.starts[place] + len(log)
        log.append(replace(record, partition=place[1], offset=offset))
        self.on_arrival[record.topic]()

    def lose_log(self) -> None:
        """Everything in every log is gone, with the committed offsets and what was on its way."""
        self.generation += 1
        for place in self.logs:
            self.logs[place] = []
            self.starts[place] = 0
        self.committed.clear()

    def retain(self, topic: str, share: float) -> None:
        """Retention removes the older part of a topic."""
        for partition in range(PARTITIONS):
            place = (topic, partition)
            gone = int(len(self.logs[place]) * share)
            self.starts[place] += gone
            del self.logs[place][:gone]

    def end(self, place: tuple[str, int]) -> int:
        """The offset behind the last record."""
        return self.starts[place] + len(self.logs[place])


Position = tuple[int, dict[int, int]]
"""The generation of the log, and the offset behind what was polled of each partition."""


class Source:
    """A consumer of some partitions of a topic; see `pix.messaging.batches.RecordSource`.

    It also watches its own process: an offset may be committed only when what lies before it was treated durably.
    """

    def __init__(self, broker: Broker, topic: str, group: str, partitions: Sequence[int], random: Random) -> None:
        self._broker = broker
        self._topic = topic
        self._group = group
        self._partitions = partitions
        self._random = random
        self._generation = broker.generation
        self._next: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._untold: dict[int, int] = {}
        """What was committed, and the broker has not been told yet."""
        self.durable: set[tuple[int, int, int]] = set()
        """(generation, partition, offset) of what the process has treated and published, or can never see."""
        self.polled: list[Record] = []
        self.violations: list[str] = []

    def _position(self, partition: int) -> int:
        if self._generation != self._broker.generation:
            self._generation = self._broker.generation
            self._next.clear()
            self._first.clear()
            self._untold.clear()
        at = self._next.get(partition)
        if at is None:
            at = self._broker.committed.get((self._topic, self._group, partition), 0)
        return max(at, self._broker.starts[self._topic, partition])

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """Some of what is there; never waits."""
        wanted = self._random.randrange(1, BATCH_RECORDS_MAX + 1)
        records: list[Record] = []
        order = list(self._partitions)
        self._random.shuffle(order)
        for partition in order:
            at = self._position(partition)
            place = (self._topic, partition)
            start = at - self._broker.starts[place]
            taken = self._broker.logs[place][start : start + wanted - len(records)]
            if taken:
                # What retention removed before it could be polled holds back no commit.
                removed = range(self._next.get(partition, at), at)
                self.durable |= {(self._generation, partition, number) for number in removed}
                self._first.setdefault(partition, at)
                self._next[partition] = at + len(taken)
                records += taken
        self.polled = records
        if not records:
            self._tell_the_broker()
        return records

    def note_durable(self, generation: int, records: Sequence[Record]) -> None:
        """These have been treated, and what they owe was published."""
        self.durable |= {(generation, record.partition, record.offset) for record in records}

    @property
    def generation(self) -> int:
        """Of the log in which it polled last."""
        return self._generation

    def position(self) -> Position:
        """Behind what was polled."""
        return self._generation, dict(self._next)

    def commit(self, place: Position) -> None:
        """Commits everything before the place."""
        generation, offsets = place
        if generation != self._broker.generation or generation != self._generation:
            return
        for partition, offset in offsets.items():
            self._check(partition, offset)
            self._untold[partition] = offset
            if self._next.get(partition, offset) > offset:
                self._first[partition] = offset
            else:
                self._first.pop(partition, None)
        if self._broker.tardiness is None or self._broker.tardiness.random() < TOLD_SHARE:
            self._tell_the_broker()

    def _tell_the_broker(self) -> None:
        for partition, offset in self._untold.items():
            self._broker.committed[self._topic, self._group, partition] = offset
        self._untold.clear()

    def _check(self, partition: int, offset: int) -> None:
        first = self._first.get(partition, offset)
        for number in range(first, offset):
            if (self._generation, partition, number) not in self.durable:
                self.violations.append(
                    f"offset {partition}:{number} of {self._topic} was committed before it was durable"
                )
                return

    def rewind(self) -> None:
        """Back to the last commit."""
        if self._generation == self._broker.generation:
            self._next.update(self._first)
        self._first.clear()

    def lag(self) -> int:
        """What waits behind the position."""
        return sum(
            self._broker.end((self._topic, partition)) - self._position(partition) for partition in self._partitions
        )
