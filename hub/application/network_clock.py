"""The network's virtual clock, which the hub owns: it shows it, moves it, and tells the banks' reports.

A jump is a row: any process of the hub goes on with it, also after a restart. It stops at every due item on its way,
and goes on when the network is at rest, which means that hub and banks owe nothing and no item is overdue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from hub.application.ports import BankClock, ClockJump, UnitOfWork, UnitsOfWork
from hub.domain.errors import ClockIsMoving
from pix.participant.clock.model import OPEN_IDS_MAX, ClockReport, DueItems, NetworkClock, stored_time
from pix.runtime.clock import Clock
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.clock import VirtualTime
from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_line
from pix.scheme.times import check_time_ms
from pix.scheme.values import value_object

STOP_MS_MAX: Final = 30_000
"""A stop waits so long in real time for the network to be at rest, and says then what is still open."""
REPORT_AGE_MS_MAX: Final = 3_000
"""A process that has said nothing for longer does not run: nothing waits for it."""
REPORT_KEPT_MS: Final = 3_600_000
STEP_BACK_MS_MAX: Final = 1_000
"""Of scheme time; the clock may stand still for as long."""
INSTANCE_LENGTH_MAX: Final = 40
OPEN_ID_LENGTH_MAX: Final = 60


@value_object
class DueNext:
    """The next due item of a participant."""

    who: str
    """`hub`, or a bank's code."""
    due_ms: int
    """In scheme time."""


@value_object
class ClockNow:
    """The clock at a moment."""

    time: VirtualTime
    now_ms: int
    real_now_ms: int
    jump: ClockJump | None
    """The one under way, or the last."""
    due: Sequence[DueNext]
    """Earliest first."""
    open: Sequence[str]
    """What keeps the network from being at rest."""

    @property
    def target_ms(self) -> int | None:
        """Where the jump under way leads."""
        return self.jump.target_ms if self.jump is not None and self.is_moving else None

    @property
    def given_up(self) -> Sequence[str]:
        """What stops of the last jump have waited for in vain."""
        return () if self.jump is None else self.jump.given_up

    @property
    def is_moving(self) -> bool:
        """Whether a jump is under way."""
        return self.jump is not None and not self.jump.is_done


class NetworkClockControl:
    """Shows and moves the clock. Every method may raise DatabaseUnavailable."""

    def __init__(
        self,
        units: UnitsOfWork,
        network: NetworkClock,
        clock: Clock,
        due_items: DueItems,
        *,
        may_start_over: bool = False,
    ) -> None:
        """`network` is the scheme clock of this process, `due_items` are those of the hub itself.

        `may_start_over` is for a sandbox, whose hub is one process.
        """
        self.may_start_over = may_start_over
        self._one_change = threading.Lock()
        self._units = units
        self.network = network
        self._clock = clock
        self._due_items = due_items
        network.begin_with(self._read)

    def show(self) -> ClockNow:
        with self._units() as unit:
            return self._look(unit)

    def advance(self, milliseconds: int) -> ClockNow:
        """Begins to move the clock ahead. Raises SchemeError(field="by"), and what `until` raises."""
        if milliseconds <= 0:
            raise SchemeError("by", "The clock moves ahead by more than nothing.")
        return self._begin(lambda now_ms: now_ms + milliseconds)

    def until(self, target_ms: int) -> ClockNow:
        """Begins to move the clock to a later time. Raises SchemeError(field="to"), and ClockIsMoving."""
        return self._begin(lambda _: target_ms)

    def set_rate(self, rate: int) -> ClockNow:
        """Goes on at another rate, at once. Raises SchemeError(field="rate")."""
        with self._units() as unit:
            self._save(unit, unit.clock.read().with_rate(self._clock.real_now_ms(), rate))
        return self.show()

    def start_over(self, to_ms: int | None) -> VirtualTime:
        """Begins again at a scheme time, also an earlier one, at rate 1, without a jump; None: in real time.

        The new revision, which the banks are to be told. Raises SchemeError(field="to").
        """
        if to_ms is not None:
            check_time_ms(to_ms, "to")
        with self._one_change, self._units() as unit:
            real_now_ms = self._clock.real_now_ms()
            offset_ms = 0 if to_ms is None else to_ms - real_now_ms
            time = VirtualTime(unit.clock.read().revision + 1, real_now_ms, offset_ms)
            jump = unit.clock_jump.find()
            if jump is not None and not jump.is_done:
                unit.clock_jump.save(replace(jump, given_up=(), is_done=True))
            if not unit.clock.save(time):
                raise DatabaseUnavailable("another replica has moved the clock")
            unit.commit()
            self.network.start_over(time)
        return time

    def _begin(self, target: Callable[[int], int]) -> ClockNow:
        with self._units() as unit:
            self.network.take(unit.clock.read())
            target_ms = target(self.network.now_ms())
            jump = unit.clock_jump.find()
            if jump is not None and not jump.is_done:
                raise ClockIsMoving("to", "The clock is moving already; wait until it has arrived.")
            real_now_ms = self._clock.real_now_ms()
            # Judged as the move itself will be.
            unit.clock.read().moved(real_now_ms, target_ms)
            unit.clock_jump.save(ClockJump(target_ms, real_now_ms))
            unit.commit()
        return self.show()

    def _read(self) -> VirtualTime:
        with self._units() as unit:
            return stored_time(unit, self.network.first)

    def refresh(self) -> None:
        """Takes what another process of the hub has stored.

        When the machine's clock has gone back, it makes a revision that goes on from the time that was reached: the
        one before would stand still until the machine's clock has caught up.
        """
        with self._one_change:
            self._refresh()

    def _refresh(self) -> None:
        time = self._read()
        self.network.take(time)
        real_now_ms, now_ms = self._clock.real_now_ms(), self.network.now_ms()
        stands_still_ms = max(now_ms - time.at(real_now_ms), time.anchor_ms - real_now_ms)
        if time.revision and stands_still_ms > STEP_BACK_MS_MAX:
            with self._units() as unit:
                self._save(unit, time.moved(real_now_ms, now_ms))

    def step(self) -> bool:
        """Goes on with a jump by one stop, if there is one and the network is at rest; tells whether it did."""
        with self._one_change, self._units() as unit:
            look = self._look(unit)
            jump = look.jump
            if jump is None or jump.is_done:
                return False
            has_waited = not 0 <= look.real_now_ms - jump.stopped_at_ms < STOP_MS_MAX
            if not has_waited and not set(look.open) <= set(jump.given_up):
                return False
            if look.now_ms >= jump.target_ms:
                unit.clock_jump.save(replace(jump, given_up=tuple(look.open), is_done=True))
                unit.commit()
                return True
            stop_ms = min([each.due_ms for each in look.due if each.due_ms > look.now_ms] + [jump.target_ms])
            unit.clock_jump.save(replace(jump, stopped_at_ms=look.real_now_ms, given_up=tuple(look.open)))
            self._save(unit, look.time.moved(look.real_now_ms, stop_ms))
        return True

    def report(self, ispb: str, report: ClockReport) -> None:
        """Takes note of what a bank's process says. Raises SchemeError for what is malformed."""
        if len(report.open_ids) > OPEN_IDS_MAX:
            raise SchemeError("open_ids", f"must be at most {OPEN_IDS_MAX}")
        checked = ClockReport(
            check_line(report.instance, "instance", 1, INSTANCE_LENGTH_MAX),
            report.revision,
            tuple(check_line(each, "open_ids", 1, OPEN_ID_LENGTH_MAX) for each in report.open_ids),
            None if report.next_due_ms is None else check_time_ms(report.next_due_ms, "next_due_ms"),
        )
        real_now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            unit.clock_jump.put_report(BankClock(ispb, checked, real_now_ms))
            unit.clock_jump.forget_reports(real_now_ms - REPORT_KEPT_MS, real_now_ms + REPORT_KEPT_MS)
            unit.commit()

    def _save(self, unit: UnitOfWork, time: VirtualTime) -> None:
        """Stores a revision before any process counts by it."""
        if not unit.clock.save(time):
            raise DatabaseUnavailable("another replica has moved the clock")
        unit.commit()
        self.network.take(time)

    def _look(self, unit: UnitOfWork) -> ClockNow:
        time = unit.clock.read()
        self.network.take(time)
        real_now_ms, now_ms = self._clock.real_now_ms(), self.network.now_ms()
        codes = {bank.ispb: bank.code for bank in unit.banks.all().values()}
        running = [
            each for each in unit.clock_jump.reports() if abs(real_now_ms - each.reported_at_ms) <= REPORT_AGE_MS_MAX
        ]
        due = _due_next(self._due_items.next_due_ms(), running, codes)
        opened = [f"{each.who} due" for each in due if each.due_ms <= now_ms]
        opened += [
            f"{codes.get(each.ispb, each.ispb)} not moved" for each in running if each.report.revision < time.revision
        ]
        opened += [f"{codes.get(each.ispb, each.ispb)} {name}" for each in running for name in each.report.open_ids]
        # The hub's rows last: what a bank was said to be open of before has come here by now.
        for rows in unit.rows.values():
            opened += [f"hub {name}" for name in rows.open_ids(OPEN_IDS_MAX)]
        return ClockNow(time, now_ms, real_now_ms, unit.clock_jump.find(), due, tuple(dict.fromkeys(opened)))


def _due_next(own_ms: int | None, running: Sequence[BankClock], codes: Mapping[str, str]) -> list[DueNext]:
    found: dict[str, int] = {} if own_ms is None else {"hub": own_ms}
    for each in running:
        due_ms = each.report.next_due_ms
        if due_ms is not None:
            code = codes.get(each.ispb, each.ispb)
            found[code] = min(due_ms, found.get(code, due_ms))
    return sorted((DueNext(who, due_ms) for who, due_ms in found.items()), key=lambda each: (each.due_ms, each.who))
