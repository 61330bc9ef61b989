"""A participant's scheme clock, and the ports around it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol

from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.clock import REAL_TIME, VirtualTime
from pix.scheme.values import value_object

OPEN_IDS_MAX: Final = 20
"""So many open rows are named."""


class DueItems(Protocol):
    """What a participant does at a scheme time, such as scheduled payments."""

    def next_due_ms(self) -> int | None:
        """The scheme time of the earliest item that is not done yet, also when it is over; None: there is none."""


class _NothingDue:
    def next_due_ms(self) -> int | None:
        return None


NOTHING_DUE: Final[DueItems] = _NothingDue()


@value_object
class ClockReport:
    """What a process of a participant says of itself and the clock."""

    instance: str
    """The process: each makes its own name when it starts."""
    revision: int
    """The one by which it counts."""
    open_ids: tuple[str, ...] = ()
    """Rows that owe something, at most `OPEN_IDS_MAX` of them."""
    next_due_ms: int | None = None
    """In scheme time; None: nothing is due."""


class ClockRepository(Protocol):
    """The last revision that this participant has, in one row."""

    def read(self) -> VirtualTime:
        """Real time while there is none."""

    def save(self, time: VirtualTime) -> bool:
        """Stores a revision, if it is higher than what is stored; tells whether it was."""


class UnitOfWork(Protocol):
    """The part of a participant's unit of work that the clock needs."""

    @property
    def clock(self) -> ClockRepository:
        """The clock's row."""

    def __enter__(self) -> UnitOfWork:
        """Begins."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends; undoes what was not committed."""

    def commit(self) -> None:
        """Makes it durable."""


UnitsOfWork = Callable[[], UnitOfWork]


class NetworkClock:
    """Scheme time of a process in a network with a virtual clock; see `pix.runtime.clock.SchemeClock`. Thread-safe.

    It never goes back: neither when the machine's clock does, nor with a revision. Before it gives its first time it
    reads the revision that is stored, so that a process that has just started is not behind; then it may raise
    DatabaseUnavailable.
    """

    def __init__(self, clock: Clock, first: VirtualTime = REAL_TIME) -> None:
        """`first` is the revision of a network that has stored none."""
        self._clock = clock
        self.first = first
        self._read_first: Callable[[], VirtualTime] | None = None
        self._changed = threading.Condition()
        self._time = first
        self._reached_ms = 0

    def begin_with(self, read: Callable[[], VirtualTime]) -> None:
        """`read` gives the revision that is stored."""
        self._read_first = read

    @property
    def time(self) -> VirtualTime:
        """The revision by which it counts; real time before it has given a time."""
        return self._time

    def now_ms(self) -> int:
        if (read := self._read_first) is not None:
            self.take(read())
            self._read_first = None
        real_now_ms = self._clock.real_now_ms()
        with self._changed:
            self._reached_ms = max(self._reached_ms, self._time.at(real_now_ms))
            return self._reached_ms

    def take(self, time: VirtualTime) -> bool:
        """Counts by this revision from now on, if it is higher; tells whether it is. The caller has stored it."""
        with self._changed:
            if time.revision <= self._time.revision:
                return False
            self._time = time
            self._changed.notify_all()
            return True

    def start_over(self, time: VirtualTime) -> None:
        """Counts by this revision, which the caller has stored, also when scheme time goes back with it.

        For a sandbox, whose books go back to the same time.
        """
        with self._changed:
            self._read_first = None
            self._time = time
            self._reached_ms = 0
            self._changed.notify_all()

    def wait_beyond(self, revision: int, seconds: float) -> VirtualTime | None:
        """The time once its revision is higher than this one; None when that takes longer."""
        with self._changed:
            self._changed.wait_for(lambda: self._time.revision > revision, seconds)
            return self._time if self._time.revision > revision else None


class FollowClock:
    """Takes revisions: first into the database, then into the process."""

    def __init__(self, units: UnitsOfWork, clock: NetworkClock) -> None:
        self._units = units
        self.clock = clock
        clock.begin_with(self._read)

    def _read(self) -> VirtualTime:
        with self._units() as unit:
            return stored_time(unit, self.clock.first)

    def start_over(self, time: VirtualTime) -> None:
        """Takes the revision with which the hub has started over. Raises DatabaseUnavailable."""
        with self._units() as unit:
            unit.clock.save(time)
            unit.commit()
        self.clock.start_over(time)

    def refresh(self) -> None:
        """Takes what the database has, also of another process. Raises DatabaseUnavailable."""
        self.clock.take(self._read())

    def take(self, time: VirtualTime) -> None:
        """Takes a revision that the hub tells; an older one changes nothing. Raises DatabaseUnavailable."""
        if time.revision <= self.clock.time.revision:
            return
        with self._units() as unit:
            unit.clock.save(time)
            unit.commit()
        self.clock.take(time)


def stored_time(unit: UnitOfWork, first: VirtualTime) -> VirtualTime:
    """The revision that is stored; where there is none, `first`, which is stored by that and committed."""
    time = unit.clock.read()
    if time.revision >= first.revision:
        return time
    unit.clock.save(first)
    unit.commit()
    return first


def virtual_now_ms(scheme_clock: SchemeClock) -> int | None:
    """The scheme time, for a page to say so, while it is not real; None while it is."""
    is_virtual = isinstance(scheme_clock, NetworkClock) and not scheme_clock.time.is_real
    return scheme_clock.now_ms() if is_virtual else None
