"""Which counterparts of a participant are reachable, and which are so again after an absence.

A message that waits for an absent counterpart is due after a backoff that has grown meanwhile. Once the counterpart is
reachable again, the outbox sweep retransmits it at once. Signs of life are heartbeats and records; the broker stands
between all of them, so what was published while it failed waits for everyone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pix.messaging.batches import Publication, RecordSink
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.participant.gateway import ProcessMessages
from pix.runtime.clock import Clock
from pix.runtime.logs import logger
from pix.runtime.outages import PublishFailed
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.values import value_object
from pix.wire.record import Record

GRACE_MS: Final = 1_000
"""A counterpart first reads what the broker kept for it: most of what waited is answered by that."""

log = logger(__name__)


@value_object
class Comeback:
    """A counterpart is reachable again."""

    counterpart: str
    since_ms: int
    """By the participant's clock. What was sent before may have been missed, and is retransmitted."""


@dataclass(slots=True)
class _Waiting:
    comeback: Comeback
    due_at_ms: int
    """Monotonic."""
    before_ms: int | None = None
    """How far its retransmission has come."""


class Reachability:
    """Notes signs of life and absences, and keeps each comeback until all that waited has been sent. Thread-safe."""

    def __init__(self, clock: Clock, monotonic_ms: Callable[[], int], absent_ms: int) -> None:
        """A counterpart that gives no sign of life for `absent_ms` is absent."""
        self._absent_ms = absent_ms
        self._clock = clock
        self._monotonic_ms = monotonic_ms
        self._lock = threading.Lock()
        self._seen_at_ms: dict[str, int] = {}
        self._absent: set[str] = set()
        self._lags: dict[str, int] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._broker_fails = False

    @property
    def broker_fails(self) -> bool:
        return self._broker_fails

    def note_seen(self, counterparts: Iterable[str]) -> None:
        """Each has given a sign of life just now. The first one after an absence, or at all, is a comeback."""
        now_ms = self._monotonic_ms()
        with self._lock:
            for counterpart in counterparts:
                if counterpart in self._absent or counterpart not in self._seen_at_ms:
                    self._absent.discard(counterpart)
                    self._come_back(counterpart, now_ms)
                self._seen_at_ms[counterpart] = now_ms

    def note_missing(self, counterpart: str) -> None:
        """It gives no sign of life; without one for long it is absent."""
        now_ms = self._monotonic_ms()
        with self._lock:
            seen_at_ms = self._seen_at_ms.get(counterpart)
            if seen_at_ms is not None and now_ms - seen_at_ms > self._absent_ms:
                self._absent.add(counterpart)

    def note_lag(self, counterpart: str, records: int) -> None:
        """So many records wait for it at the broker: with many, the answers to what waits are still to come."""
        with self._lock:
            self._lags[counterpart] = records

    def note_broker(self, *, answers: bool) -> None:
        """Whether the broker has taken what was published. Once it does so again, all who are there come back."""
        if answers and not self._broker_fails:
            return
        now_ms = self._monotonic_ms()
        with self._lock:
            if answers and self._broker_fails:
                for counterpart in sorted(self._seen_at_ms.keys() - self._absent):
                    self._come_back(counterpart, now_ms)
            self._broker_fails = not answers

    def _come_back(self, counterpart: str, now_ms: int) -> None:
        comeback = Comeback(counterpart, self._clock.real_now_ms())
        self._waiting[counterpart] = _Waiting(comeback, now_ms + GRACE_MS)

    def due(self) -> Sequence[tuple[Comeback, int | None]]:
        """The comebacks whose messages are to be retransmitted now, each with where `note_progress` has left it."""
        now_ms = self._monotonic_ms()
        with self._lock:
            if self._broker_fails:
                return ()
            return [
                (each.comeback, each.before_ms)
                for each in self._waiting.values()
                if each.due_at_ms <= now_ms and self._lags.get(each.comeback.counterpart, 0) <= LAG_RECORDS_MAX
            ]

    def note_progress(self, comeback: Comeback, before_ms: int | None) -> None:
        """What is due at `before_ms` or later has been looked at; None: all has."""
        with self._lock:
            waiting = self._waiting.get(comeback.counterpart)
            # Unless it was absent once more meanwhile: then all begins anew.
            if waiting is not None and waiting.comeback == comeback:
                waiting.before_ms = before_ms
                if before_ms is None:
                    del self._waiting[comeback.counterpart]


@dataclass(frozen=True, slots=True)
class RetransmitMissed:
    """Retransmits, a bounded batch a call, what counterparts have missed that are reachable again."""

    reachability: Reachability
    retransmit_waiting: Callable[[Comeback, int | None], tuple[int, int | None]]
    """Takes a comeback and how far its retransmission has come; returns how many messages it has sent, and how far it
    has come now. Raises DatabaseUnavailable, BrokerUnavailable."""
    broker_answers: Callable[[], bool]
    """Asked while the broker fails, since there may be nothing else to publish for a while."""

    def __call__(self) -> int:
        """How many messages were sent. Raises DatabaseUnavailable, BrokerUnavailable."""
        if self.reachability.broker_fails and self.broker_answers():
            self.reachability.note_broker(answers=True)
        sent = 0
        for comeback, before_ms in self.reachability.due():
            missed, remaining_ms = self.retransmit_waiting(comeback, before_ms)
            self.reachability.note_progress(comeback, remaining_ms)
            sent += missed
            if missed:
                log.info("retransmitted what was missed", counterpart=comeback.counterpart, messages=missed)
        return sent


def noting_senders(reachability: Reachability, process: ProcessMessages) -> ProcessMessages:
    """The same use case; each record is a sign of life of its sender."""

    def noted(arrivals: Sequence[Arrival], rejected: Sequence[Rejected]) -> Sequence[Outgoing]:
        reachability.note_seen(dict.fromkeys(arrival.sender for arrival in arrivals))
        return process(arrivals, rejected)

    return noted


class WatchedSink:
    """A sink that notes whether the broker takes what is published. See `pix.messaging.batches.RecordSink`."""

    def __init__(self, sink: RecordSink, reachability: Reachability) -> None:
        self._sink = sink
        self._reachability = reachability

    def publish(self, records: Sequence[Record]) -> None:
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> Publication:
        try:
            return _WatchedPublication(self._sink.begin(records), len(records), self._reachability)
        except PublishFailed:
            self._reachability.note_broker(answers=False)
            raise


class _WatchedPublication:
    def __init__(self, publication: Publication, size: int, reachability: Reachability) -> None:
        self._publication = publication
        self._size = size
        self._reachability = reachability

    def wait(self) -> None:
        try:
            self._publication.wait()
        except PublishFailed:
            self._reachability.note_broker(answers=False)
            raise
        if self._size:
            self._reachability.note_broker(answers=True)
