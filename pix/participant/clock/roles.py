"""The roles of the clock in a process: a bank follows the hub's revisions and reports, the hub goes on with a jump."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from pix.participant.clock.model import ClockReport, FollowClock
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.clock import VirtualTime
from pix.scheme.errors import SchemeError

STEP_SECONDS: Final = 0.25
"""So often a process of the hub reads the clock's row: it moves within a second of another process."""
REPORT_SECONDS: Final = 0.5
WATCH_RETRY_SECONDS: Final = 0.5

log = logger(__name__)


class MoveClock:
    """The hub's: takes what another process has stored, and goes on with a jump."""

    def __init__(self, refresh: Callable[[], None], step: Callable[[], bool]) -> None:
        self._refresh = refresh
        self._step = step

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(STEP_SECONDS):
            try:
                self._refresh()
                self._step()
            except DatabaseUnavailable as error:
                log.warning("the clock's row cannot be read, retrying", error=str(error))
            except Exception:
                log.exception("the clock cannot be moved, retrying")


class WatchClock:
    """A bank's: takes each revision as the hub makes it. Without the hub it goes on with the last one."""

    def __init__(
        self, follow: FollowClock, watch: Callable[[threading.Event], Iterator[VirtualTime]], moved: threading.Event
    ) -> None:
        """`moved` is set after each revision, so that it is reported at once."""
        self._follow = follow
        self._watch = watch
        self._moved = moved

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._follow.refresh()
                for time in self._watch(stop):
                    self._follow.take(time)
                    self._moved.set()
            except (SchemeError, DatabaseUnavailable) as error:
                log.debug("the hub's clock is not watched, retrying", error=str(error))
            except Exception:
                log.exception("the hub's clock is not watched, retrying")
            stop.wait(WATCH_RETRY_SECONDS)


class ReportClock:
    """A bank's: reports how this process stands to the clock, at once after each revision."""

    def __init__(
        self, read: Callable[[], ClockReport], report: Callable[[ClockReport], None], moved: threading.Event
    ) -> None:
        self._read = read
        self._report = report
        self._moved = moved

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._moved.clear()
            try:
                self._report(self._read())
            except (SchemeError, DatabaseUnavailable) as error:
                log.debug("the clock's report is not delivered", error=str(error))
            except Exception:
                log.exception("the clock's report is not delivered")
            self._moved.wait(REPORT_SECONDS)
