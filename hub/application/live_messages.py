"""The messages between the banks and the hub, live and sampled, for consoles and programs.

The tap is open only while a stream is open. Its messages are kept in a ring of bounded size; each stream reads the
ones that are new to it at its own pace, and a slow one misses the oldest.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from hub.application.ports import MessageTap, PassedMessage
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.scheme.messages import STATUSES
from pix.scheme.values import value_object

WATCHERS_MAX: Final = 50
"""Streams of events at the same time, those of pages included."""
EVENTS_PER_SECOND_MAX: Final = 400
"""With more than this only the messages of some transfers are shown, and it is said how many were left out."""
EVENTS_KEPT_MAX: Final = 2_000
LINGER_SECONDS: Final = 10.0
"""A page that is loaded again finds the tap still open."""
LOOK_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 1.0
RATE_SECONDS: Final = 1.0
UNREADABLE: Final = "Unreadable"
"""The type of an event that no participant will take: forged, unsigned or garbled."""
ID_LENGTH_MAX: Final = 64

log = logger(__name__)


@value_object
class LiveMessage:
    number: int
    """Counts up by one for each event that was shown since the tap was first opened."""
    at_ms: int
    type: str
    """The message's name, or `Unreadable`."""
    end_to_end_id: str
    """Of the transfer, or the id of the return."""
    sender: str
    """A bank's three digits, `hub`, or empty for a stranger."""
    receiver: str
    """A bank's three digits, or `hub`."""
    amount_centavos: int | None
    status: str
    """What the message says of its row: `pending`, `confirmed`, `failed`, or empty."""
    reason: str
    """A reason code, or why its receiver rejects the record; empty for none."""


@value_object
class Look:
    events: Sequence[LiveMessage]
    left_out: int
    """How many messages have passed, since the tap was first opened, that no event tells of."""
    is_open: bool
    """Whether the tap hears anything: not while the broker is away."""


class SilentTap:
    def poll(self, timeout_seconds: float) -> Sequence[PassedMessage]:
        time.sleep(timeout_seconds)
        return ()

    def close(self) -> None:
        """Nothing is open."""


class TooManyWatchers(Exception):
    """As many watch already as may."""

    field = "events"
    rule = f"at most {WATCHERS_MAX} event streams may be open at once; try again later"
    retry_after_seconds = 10


class LiveMessages:
    """Lets many watch one tap. Thread-safe."""

    def __init__(self, open_tap: Callable[[], MessageTap]) -> None:
        """`open_tap` may raise BrokerUnavailable and DatabaseUnavailable."""
        self._open_tap = open_tap
        self._lock = threading.Lock()
        self._watchers = 0
        self._left_at_seconds = 0.0
        self._thread: threading.Thread | None = None
        self._events: deque[LiveMessage] = deque(maxlen=EVENTS_KEPT_MAX)
        self._number = 0
        self._left_out = 0
        self._is_open = False

    def check_room(self) -> None:
        """Raises TooManyWatchers."""
        with self._lock:
            if self._watchers >= WATCHERS_MAX:
                raise TooManyWatchers

    @contextmanager
    def watching(self) -> Iterator[int]:
        """One more watches, from the event with this number on. Raises TooManyWatchers."""
        self.check_room()
        with self._lock:
            self._watchers += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wire tap", daemon=True)
                self._thread.start()
            behind = self._number
        try:
            yield behind
        finally:
            with self._lock:
                self._watchers -= 1
                self._left_at_seconds = time.monotonic()

    def look(self, behind: int) -> Look:
        """The events with a higher number than `behind`, as far as they are kept; oldest first. Never waits."""
        with self._lock:
            missing = min(self._number - behind, len(self._events))
            events = [self._events[place] for place in range(len(self._events) - missing, len(self._events))]
            return Look(events, self._left_out, self._is_open)

    def _run(self) -> None:
        while self._is_watched():
            try:
                tap = self._open_tap()
            except (BrokerUnavailable, DatabaseUnavailable) as error:
                log.warning("cannot read the live messages, retrying", error=str(error))
                time.sleep(RETRY_SECONDS)
                continue
            try:
                self._follow(tap)
            except (BrokerUnavailable, DatabaseUnavailable) as error:
                log.warning("lost the stream of live messages, reconnecting", error=str(error))
                time.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("the stream of live messages failed, reconnecting")
                time.sleep(RETRY_SECONDS)
            finally:
                self._is_open = False
                tap.close()

    def _is_watched(self) -> bool:
        """Whether to go on; when not, the next watcher starts anew."""
        with self._lock:
            if self._watchers or time.monotonic() - self._left_at_seconds < LINGER_SECONDS:
                return True
            self._thread = None
            return False

    def _follow(self, tap: MessageTap) -> None:
        sampler = _Sampler()
        while self._is_watched_still():
            passed = tap.poll(LOOK_SECONDS)
            self._is_open = True
            chosen, left_out = sampler.choose(passed)
            with self._lock:
                self._left_out += left_out
            for each in chosen:
                event = _live_message(self._number + 1, each)
                with self._lock:
                    self._number += 1
                    self._events.append(event)

    def _is_watched_still(self) -> bool:
        with self._lock:
            return bool(self._watchers) or time.monotonic() - self._left_at_seconds < LINGER_SECONDS


class _Sampler:
    """Chooses which messages to show when there are more than a page can show."""

    def __init__(self) -> None:
        self._window_began_seconds = time.monotonic()
        self._in_window = 0
        self._share = 1.0

    def choose(self, passed: Sequence[PassedMessage]) -> tuple[list[PassedMessage], int]:
        """Those to show, and how many are left out. All messages of a transfer are shown, or none."""
        now = time.monotonic()
        self._in_window += len(passed)
        elapsed = now - self._window_began_seconds
        if elapsed >= RATE_SECONDS:
            self._share = min(1.0, EVENTS_PER_SECOND_MAX * elapsed / max(1, self._in_window))
            self._window_began_seconds, self._in_window = now, 0
        if self._share >= 1.0 and self._in_window <= EVENTS_PER_SECOND_MAX:
            return list(passed), 0
        # Before a sudden flood is measured, its share is taken from what has come in this second.
        share = min(self._share, EVENTS_PER_SECOND_MAX / max(1, self._in_window))
        limit = int(share * 2**32)
        chosen = [each for each in passed if zlib.crc32(each.claimed_id) < limit]
        return chosen, len(passed) - len(chosen)


def _live_message(number: int, passed: PassedMessage) -> LiveMessage:
    """The event that a message is, whether or not its receiver accepts it."""
    read = passed.read()
    message = read.message
    if message is None:
        end_to_end_id = passed.claimed_id.decode("ascii", "replace")[:ID_LENGTH_MAX]
        return LiveMessage(number, passed.at_ms, UNREADABLE, end_to_end_id, "", read.receiver, None, "", read.reason)
    outcome, reason = getattr(message, "outcome", None), getattr(message, "reason", None)
    return LiveMessage(
        number,
        passed.at_ms,
        type(message).__name__,
        message.record_key,
        read.sender,
        read.receiver,
        message.amount_centavos,
        STATUSES[type(message)] if outcome is None else outcome.value,
        "" if reason is None else reason.value,
    )
